"""Routing: finding peers, and finding which peers have a content."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

from aiolibp2p.multiformats.cid import Cid
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


class PeerRouting(ABC):
    """A service that finds the addresses of a peer which is known by its id alone."""

    @abstractmethod
    async def find_peer(self, peer: PeerId) -> Sequence[Multiaddr]:
        """Return addresses of the peer, without /p2p; empty when nobody knows any."""


class ContentRouting(ABC):
    """A service that finds the peers which provide a content, and tells others that this host does."""

    @abstractmethod
    async def provide(self, content: Cid) -> None:
        """Announce that this host has the content."""

    @abstractmethod
    def find_providers(self, content: Cid, limit: int = 20) -> AsyncIterator[tuple[PeerId, Sequence[Multiaddr]]]:
        """Yield peers that have the content and their addresses, as they are found, at most `limit` of them."""
