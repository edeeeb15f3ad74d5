"""An admission that lets everybody in, or nobody, and tells what came of it: for tests of transports."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.layers.admission import Admission, Ticket
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.transport import DialRequest, NewConnection
from aiolibp2p.abc.services.resources import NULL_SCOPE, ConnectionScope
from aiolibp2p.multiformats.multiaddr import Multiaddr

ANYBODY = DialRequest(None)


class DoorTicket(Ticket):
    """The ticket that `OpenDoor` hands out, which notes how it is settled."""

    def __init__(self, door: OpenDoor) -> None:
        self.scope: ConnectionScope = NULL_SCOPE
        self.deadline = 10.0
        self.heard = False
        self.evict: Callable[[BaseException], None] | None = None
        self._door = door

    def settle(self, outcome: RawConnection | Carrier | BaseException) -> None:
        self._door.settled.append(outcome)
        if not isinstance(outcome, BaseException) and self._door.accepted is not None:
            self._door.accepted(outcome)


class OpenDoor(Admission):
    """An admission that lets everybody in, or nobody, as it is told."""

    def __init__(self, accepted: Callable[[NewConnection], object] | None = None, is_open: bool = True) -> None:
        self.accepted = accepted
        self.is_open = is_open
        self.asked: list[Multiaddr] = []
        self.tickets: list[DoorTicket] = []
        self.settled: list[NewConnection | BaseException] = []

    def admit(self, remote: Multiaddr, uses_fd: bool = True) -> DoorTicket | None:
        self.asked.append(remote)
        if not self.is_open:
            return None
        self.tickets.append(DoorTicket(self))
        return self.tickets[-1]
