"""Listening: what a host is bound to, and how many strangers it deals with at once."""
