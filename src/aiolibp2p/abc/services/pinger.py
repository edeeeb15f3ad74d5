"""Pinger: measures the round trip to a peer; `host.ping` asks whichever service provides it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from aiolibp2p.abc.host import Target


class Pinger(ABC):
    """Measures round trips to peers."""

    @abstractmethod
    async def ping(self, target: Target) -> float:
        """One round trip to the peer, in seconds; connects first if need be. Raises TimeoutExpired without an echo."""

    @abstractmethod
    def pings(self, target: Target, count: int | None = None) -> AsyncIterator[float]:
        """Round trips in seconds, one after the other, `count` of them or without end."""
