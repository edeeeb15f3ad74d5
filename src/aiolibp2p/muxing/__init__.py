"""What muxers have in common: half-close, keep-alive, frames that wait to be sent, pieces of what came. Pure."""
