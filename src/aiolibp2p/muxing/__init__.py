"""What muxers have in common: keep-alive, frames that wait to be sent, pieces of what came. Pure."""
