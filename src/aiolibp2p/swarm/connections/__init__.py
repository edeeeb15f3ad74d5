"""Connections that stand: their table by peer, their streams, and the handlers that serve these."""
