"""The open sockets of one host, and which of them a dial leaves from, whatever carries their datagrams."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from aiolibp2p.abc.layers.datagrams import DatagramSockets, DatagramStatistics, Endpoint, FirstBytes
from aiolibp2p.errors import HostNotRunning, Unreachable
from aiolibp2p.io.udp_sockets.claimed_socket import ClaimedSocket
from aiolibp2p.multiformats.multiaddr import Multiaddr

SocketT = TypeVar("SocketT", bound=ClaimedSocket)


class SocketTable(DatagramSockets, Generic[SocketT]):
    """Keeps sockets while they are open and counts what the closed ones did. Subclasses open them."""

    def __init__(self) -> None:
        self._sockets: dict[Endpoint, SocketT] = {}
        """The open sockets by the endpoint they are bound to, in the order they were made."""
        self._for_dialling: dict[Hashable, SocketT] = {}
        """The sockets that were made only to dial from, by address family."""
        self._past = DatagramStatistics()
        self._is_closed = False

    def _keep(self, made: SocketT) -> SocketT:
        self._sockets[made.local] = made
        made.on_closed = lambda: self._forget(made)
        return made

    def _forget(self, closed: SocketT) -> None:
        del self._sockets[closed.local]
        for family, one in list(self._for_dialling.items()):
            if one is closed:
                del self._for_dialling[family]
        self._past = self._past.plus(closed.statistics())

    def _to_dial_from(self, listening: Sequence[SocketT], takes: FirstBytes) -> SocketT | None:
        """Return the one of these where `takes` is claimed, or else the first."""
        return next((one for one in listening if one.are_claimed(takes)), listening[0] if listening else None)

    def _made_to_dial(self, family: Hashable, remote: Multiaddr, make: Callable[[], SocketT]) -> SocketT:
        """Return the socket that all dials of this family share. Raises Unreachable when it cannot be made."""
        if family not in self._for_dialling:
            try:
                self._for_dialling[family] = make()
            except OSError as error:
                raise Unreachable(f"no socket to reach {remote} from: {explain(error)}") from error
        return self._for_dialling[family]

    def _require_open(self) -> None:
        if self._is_closed:
            raise HostNotRunning("the UDP sockets of this host are closed")

    def statistics(self) -> DatagramStatistics:
        total = self._past
        for one in self._sockets.values():
            total = total.plus(one.statistics())
        return total

    def close(self) -> None:
        self._is_closed = True
        for one in list(self._sockets.values()):
            one.close()


def explain(error: OSError) -> str:
    """Return what the operating system says of an error, as part of a sentence."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
