"""Ways to secure a connection: each a handshake machine that proves who is there and ends in a cipher."""
