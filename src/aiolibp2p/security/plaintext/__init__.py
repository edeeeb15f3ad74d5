"""Plaintext: no security at all. Peers tell each other who they are, unproven, and then send bytes as they are.

WARNING: it protects nothing. Anybody on the way reads and changes everything, anybody can claim to be anybody, and
a host that offers it beside another security can be talked into it. For debugging and tests; never offered unless a
host asks for it by name.

Spec: plaintext/README.md, r0 of 2019-05-27 (1A). Protocol id `/plaintext/2.0.0`. Its predecessor `/plaintext/1.0.0`
had no messages, so no peer ids, and is not spoken.

`PlaintextSecurity` is one per host, `start` gives a byte machine per connection that ends in one `Secured`, whose
`PlaintextCipher` hands bytes through.

Limits: the one message has at most `MAX_EXCHANGE_BYTES` (4 KiB; the largest RSA identity needs some 1.1 KiB).

Where we choose among what the spec allows: a listener that expects a certain peer checks its id, too; a message
without id or without key is refused; a prologue, which nothing here could bind, is refused as a ConfigError.
"""

from aiolibp2p.security.plaintext.cipher import PlaintextCipher
from aiolibp2p.security.plaintext.handshake import PlaintextHandshake, PlaintextSecurity
from aiolibp2p.security.plaintext.messages import MAX_EXCHANGE_BYTES

__all__ = ["MAX_EXCHANGE_BYTES", "PlaintextCipher", "PlaintextHandshake", "PlaintextSecurity"]
