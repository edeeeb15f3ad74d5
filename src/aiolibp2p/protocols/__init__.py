"""Protocols that hosts run over streams: each module or folder in here is a room of its own."""
