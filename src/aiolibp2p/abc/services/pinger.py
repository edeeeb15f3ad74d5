"""Pinger: measures the round trip to a peer; `host.ping` asks whichever service provides it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

from aiolibp2p.abc.host import Target


class Pinger(ABC):
    """A service that measures round trips to peers."""

    @abstractmethod
    async def ping(self, target: Target) -> float:
        """Return the seconds of one round trip to the peer; connects first if need be.

        Raises TimeoutExpired when no echo comes in time.
        """

    @abstractmethod
    def pings(self, target: Target, count: int | None = None) -> AsyncIterator[float]:
        """Yield the seconds of round trips, one after the other, `count` of them or without end."""
