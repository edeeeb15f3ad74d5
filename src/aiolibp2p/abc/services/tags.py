"""Tags: values of peers, by which connections are kept when some must be closed."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.peer.peer_id import PeerId


class Tags(Protocol):
    """Values and protections of peers, by name; whoever trims connections closes those of the lowest sum first."""

    def tag(self, peer: PeerId, name: str, value: int) -> None:
        """Give the peer this value under this name, in place of the one it had there."""
        ...

    def untag(self, peer: PeerId, name: str) -> None:
        """Take the value under this name away. Idempotent."""
        ...

    def protect(self, peer: PeerId, name: str) -> None:
        """Keep the peer's connections, whatever their value, until this name no longer protects it."""
        ...

    def unprotect(self, peer: PeerId, name: str) -> bool:
        """End the protection under this name, and return whether others still protect the peer."""
        ...


class _NullTags(Tags):
    """Tags that are forgotten at once."""

    def tag(self, peer: PeerId, name: str, value: int) -> None: ...

    def untag(self, peer: PeerId, name: str) -> None: ...

    def protect(self, peer: PeerId, name: str) -> None: ...

    def unprotect(self, peer: PeerId, name: str) -> bool:
        return False


NULL_TAGS: Tags = _NullTags()
"""The tags of a host that trims no connections."""
