"""What muxers have in common."""
