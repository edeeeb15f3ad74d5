"""Upgrading: a raw connection becomes a secured and muxed one (connections/README.md, "Upgrading Connections")."""
