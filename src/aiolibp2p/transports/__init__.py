"""Transports: each room makes connections in one way."""
