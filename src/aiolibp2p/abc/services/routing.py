"""Routing: finding peers, and finding who has a content."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence

from aiolibp2p.multiformats.cid import Cid
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


class PeerRouting(ABC):
    """Finds the addresses of a peer that is known by its id alone."""

    @abstractmethod
    async def find_peer(self, peer: PeerId) -> Sequence[Multiaddr]:
        """Addresses of the peer, without /p2p; empty when nobody knows any."""


class ContentRouting(ABC):
    """Finds who provides a content, and tells others that this host does."""

    @abstractmethod
    async def provide(self, content: Cid) -> None:
        """Announce that this host has the content."""

    @abstractmethod
    def find_providers(self, content: Cid, limit: int = 20) -> AsyncIterator[tuple[PeerId, Sequence[Multiaddr]]]:
        """Peers that have the content and their addresses, as they are found, at most `limit` of them."""
