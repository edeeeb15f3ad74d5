"""What a datagram socket does whatever carries its datagrams: it is claimed, and closed once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from aiolibp2p.abc.layers.datagrams import (
    DatagramClaim,
    DatagramHandler,
    DatagramSocket,
    DatagramStatistics,
    Endpoint,
    FirstBytes,
)
from aiolibp2p.errors import HostNotRunning
from aiolibp2p.io.udp_sockets.claims import Claims
from aiolibp2p.multiformats.multiaddr import Multiaddr


class ClaimedSocket(DatagramSocket, ABC):
    """A bound port with its claims. It closes itself when the last hold on it is given up.

    Subclasses send and receive, hand what came to `_claims`, and release what they hold when the socket is closed.
    """

    def __init__(self, local: Endpoint, local_address: Multiaddr) -> None:
        self.local = local
        self.local_address = local_address
        self.on_closed: Callable[[], None] | None = None
        """Called once, when the socket has closed; whoever keeps it sets it."""
        self._is_closed = False
        self._claims = Claims(self.close)

    @property
    def is_listening(self) -> bool:
        return self._claims.listeners > 0

    @property
    def is_closed(self) -> bool:
        """Whether nobody holds the socket any more, or all sockets of the host were closed."""
        return self._is_closed

    def claim(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        return self._claim(handler, takes, is_listening=False)

    def listen(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        """Claim first bytes as `claim` does, for a handler that wants to be reached here."""
        return self._claim(handler, takes, is_listening=True)

    def _claim(self, handler: DatagramHandler, takes: FirstBytes, is_listening: bool) -> DatagramClaim:
        if self._is_closed:
            raise HostNotRunning(f"the socket {self.local_address} is closed")
        return self._claims.claim(self, handler, takes, is_listening)

    def claimed_by(self, first_byte: int) -> DatagramHandler | None:
        return self._claims.claimed_by(first_byte)

    def are_claimed(self, takes: FirstBytes) -> bool:
        """Return whether one handler gets all datagrams that begin with one of these bytes."""
        return self._claims.are_claimed(takes)

    @abstractmethod
    def statistics(self) -> DatagramStatistics:
        """Return what the socket did so far."""

    @abstractmethod
    def _release(self) -> None:
        """Receive and send no more."""

    def close(self) -> None:
        """Receive and send no more. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self._release()
        self._claims.close()
        on_closed, self.on_closed = self.on_closed, None
        if on_closed is not None:
            on_closed()
