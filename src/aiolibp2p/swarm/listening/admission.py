"""Admission: who may come in, and how many strangers may be half open at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.meter import NULL_METER, Meter
from aiolibp2p.abc.services.resources import NULL_RESOURCES, ConnectionScope, Resources
from aiolibp2p.errors import Gated, HostNotRunning, Libp2pError, LimitExceeded, TimeoutExpired
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.gates import Gates

HALF_OPEN = "transient"
"""The kind of scope that counts connections whose peer has not proven who it is."""

logger = logging.getLogger("aiolibp2p")


class Upgrading(Protocol):
    """An upgrade that was prepared for a raw connection and has not begun."""

    @property
    def is_silent(self) -> bool:
        """Whether the peer has not sent a byte."""
        ...

    def start(self) -> None:
        """Begin the upgrade, which may be over before this returns."""
        ...

    def abort(self, error: BaseException) -> None:
        """End the upgrade at once."""
        ...


@dataclass(frozen=True)
class AdmissionParts:
    """The parts that an admission works with."""

    runtime: Runtime
    gates: Gates
    upgrade: Callable[[RawConnection, ConnectionScope, Callable[[object], None]], Upgrading]
    """Prepares the upgrade of a raw connection; it keeps the scope, and calls the function once when it has ended."""
    take: Callable[[Carrier, ConnectionScope], object]
    """Makes a connection of a carrier, and keeps the scope; raises a Libp2pError when the carrier is turned away."""
    timeout_s: float
    """Seconds from admission until the connection stands."""
    resources: Resources = NULL_RESOURCES
    meter: Meter = NULL_METER


class HalfOpenTicket:
    """The `Ticket` of one connection in the table of an `InboundAdmission`."""

    __slots__ = ("_admission", "_remote", "_turned_away", "_upgrading", "deadline", "evict", "heard", "scope")

    def __init__(self, admission: InboundAdmission, remote: Multiaddr, scope: ConnectionScope, deadline: float) -> None:
        self.scope = scope
        self.deadline = deadline
        self.heard = False
        self.evict: Callable[[BaseException], None] | None = None
        self._remote = remote
        self._admission: InboundAdmission | None = admission
        """The admission that gave the ticket; None once it is settled."""
        self._upgrading: Upgrading | None = None
        self._turned_away: BaseException | None = None

    def __repr__(self) -> str:
        return f"<Ticket of {self._remote}>"

    @property
    def is_silent(self) -> bool:
        """Whether the peer has not sent a byte."""
        return not self.heard if self._upgrading is None else self._upgrading.is_silent

    def turn_away(self, error: BaseException) -> None:
        """End the connection now, or, while its transport cannot, as soon as it is handed over."""
        evict, self.evict = self.evict, None
        self._turned_away = error
        if evict is not None:
            evict(error)

    def settle(self, outcome: RawConnection | Carrier | BaseException) -> None:
        """Hand over the connection, or say why there is none. Only the first call counts."""
        admission, self._admission = self._admission, None
        if admission is None:
            return
        if isinstance(outcome, BaseException):
            self._fail(admission, outcome)
        elif self._turned_away is not None:
            _abort(outcome, self._turned_away)
            self._fail(admission, self._turned_away)
        elif isinstance(outcome, Carrier):
            self._end(admission)
            admission.take(self, outcome)
        else:
            # It stays half open: only now it begins to say who it is.
            self._upgrading = upgrading = admission.upgrade(self, outcome)
            self.evict = upgrading.abort
            upgrading.start()

    def upgrade_ended(self, admission: InboundAdmission, outcome: object) -> None:
        """End the ticket with its upgrade, which made a connection or an error; the scope was the upgrade's."""
        if isinstance(outcome, BaseException):
            logger.debug("a connection from %s did not come to be: %s", self._remote, outcome)
        self._end(admission)

    def _fail(self, admission: InboundAdmission, error: BaseException) -> None:
        logger.debug("a connection from %s did not come to be: %s", self._remote, error)
        self._end(admission)
        self.scope.done()

    def _end(self, admission: InboundAdmission) -> None:
        self.evict = self._upgrading = None
        admission.forget(self)


class InboundAdmission(Admission):
    """The table of inbound connections that are half open, in the order in which they came.

    All have the same time, so the first in the table is the first whose time is up: one timer serves them all.
    """

    def __init__(self, parts: AdmissionParts) -> None:
        self._parts = parts
        self._half_open: dict[HalfOpenTicket, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """Return how many connections are half open."""
        return len(self._half_open)

    def admit(self, remote: Multiaddr, uses_fd: bool = True) -> HalfOpenTicket | None:
        parts = self._parts
        if self._closed:
            return None
        try:
            parts.gates.accepted(remote)
            scope = self._open_scope(remote, uses_fd)
        except (Gated, LimitExceeded) as error:
            parts.meter.count("inbound_refused", by="gater" if isinstance(error, Gated) else "resources")
            logger.debug("a connection from %s is not answered: %s", remote, error)
            return None
        ticket = HalfOpenTicket(self, remote, scope, parts.runtime.now() + parts.timeout_s)
        self._half_open[ticket] = None
        self._arm()
        return ticket

    def _open_scope(self, remote: Multiaddr, uses_fd: bool) -> ConnectionScope:
        """A scope for one connection more. When too many are half open, the oldest silent one, or the oldest, goes.

        A refusal for any other reason pushes nobody out: whoever is refused anyway must not.
        """
        resources = self._parts.resources
        try:
            return resources.open_connection(True, remote, uses_fd)
        except LimitExceeded as error:
            if error.scope != HALF_OPEN or not self._half_open:
                raise
            self._make_room(error)
        return resources.open_connection(True, remote, uses_fd)

    def _make_room(self, reason: LimitExceeded) -> None:
        victim = next((ticket for ticket in self._half_open if ticket.is_silent), next(iter(self._half_open)))
        self._parts.meter.count("half_open_evicted")
        self._turn_away(victim, LimitExceeded(f"too many connections are being set up ({reason})"))
        # Its socket may take a while to close; its place is free at once.
        victim.scope.done()

    def _turn_away(self, ticket: HalfOpenTicket, error: BaseException) -> None:
        self.forget(ticket)
        ticket.turn_away(error)

    # What tickets need

    def upgrade(self, ticket: HalfOpenTicket, raw: RawConnection) -> Upgrading:
        """Prepare the upgrade of the raw connection that a ticket was settled with."""
        return self._parts.upgrade(raw, ticket.scope, partial(ticket.upgrade_ended, self))

    def take(self, ticket: HalfOpenTicket, carrier: Carrier) -> None:
        """Put streams on the carrier that a ticket was settled with, unless it is turned away."""
        try:
            self._parts.take(carrier, ticket.scope)
        except Libp2pError as error:
            logger.debug("%r: turned away: %s", ticket, error)

    def forget(self, ticket: HalfOpenTicket) -> None:
        """Take a ticket out of the table: it is half open no more. Idempotent."""
        self._half_open.pop(ticket, None)
        if not self._half_open and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Time

    def _arm(self) -> None:
        if self._timer is None and self._half_open:
            delay = next(iter(self._half_open)).deadline - self._parts.runtime.now()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, delay), self._end_slow_ones)

    def _end_slow_ones(self) -> None:
        self._timer = None
        now = self._parts.runtime.now()
        limit = self._parts.timeout_s
        for ticket in list(self._half_open):
            if ticket.deadline > now:
                break
            self._turn_away(ticket, TimeoutExpired(f"the connection was not set up within {limit:g} s"))
        self._arm()

    def close(self) -> None:
        """Let nobody in any more, and give up all that is half open."""
        self._closed = True
        for ticket in list(self._half_open):
            self._turn_away(ticket, HostNotRunning("the host is closing"))


def _abort(connection: RawConnection | Carrier, error: BaseException) -> None:
    if isinstance(connection, Carrier):
        connection.abort(error)
    else:
        connection.abort()
