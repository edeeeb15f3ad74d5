"""Who is let in, how many may be half open, and what becomes of tickets: over fakes, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import HandshakeFailed, HostNotRunning, LimitExceeded, TimeoutExpired
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.gates import Gates
from aiolibp2p.swarm.listening.admission import AdmissionParts, HalfOpenTicket, InboundAdmission
from swarm.fakes import FakeCarrier, Ledger, LoopRuntime
from waiting import after

pytestmark = pytest.mark.virtual_time

REMOTE = Multiaddr("/ip4/10.0.0.9/tcp/9")
TIMEOUT_S = 10.0


class Raw:
    """A raw connection that can only be aborted."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


class Upgrading:
    """An upgrade that ends when the test says so; its scope is done with it, as a real one's is."""

    def __init__(self, scope: ConnectionScope, settle: Callable[[object], None]) -> None:
        self.is_silent = True
        self.is_started = False
        self.error: BaseException | None = None
        self._scope = scope
        self._settle = settle

    def start(self) -> None:
        self.is_started = True

    def abort(self, error: BaseException) -> None:
        self.error = error
        self._scope.done()
        self._settle(error)

    def succeed(self) -> None:
        self._settle("a connection")


class Door:
    """An admission and all it works with."""

    def __init__(self, max_half_open: int = 3, gater: Gater | None = None, refuses: tuple[str, ...] = ()) -> None:
        self.ledger = Ledger(refuses=refuses, max_half_open=max_half_open)
        self.upgrades: list[Upgrading] = []
        self.taken: list[Carrier] = []
        self.refuses_carriers = False
        self.admission = InboundAdmission(
            AdmissionParts(
                runtime=LoopRuntime(),
                gates=Gates(gater or Gater()),
                upgrade=self._upgrade,
                take=self._take,
                timeout_s=TIMEOUT_S,
                resources=self.ledger,
            )
        )

    def _upgrade(self, raw: RawConnection, scope: ConnectionScope, settle: Callable[[object], None]) -> Upgrading:
        self.upgrades.append(Upgrading(scope, settle))
        return self.upgrades[-1]

    def _take(self, carrier: Carrier, scope: ConnectionScope) -> object:
        if self.refuses_carriers:
            scope.done()
            raise HandshakeFailed("not this one")
        self.taken.append(carrier)
        return carrier

    def ticket(self) -> HalfOpenTicket:
        ticket = self.admission.admit(REMOTE)
        assert ticket is not None
        return ticket

    def upgrading(self) -> Upgrading:
        """A raw connection that is let in and upgraded."""
        self.ticket().settle(cast(RawConnection, Raw()))
        return self.upgrades[-1]


async def test_a_raw_connection_is_half_open_until_its_upgrade_has_ended() -> None:
    door = Door()
    good, bad = door.upgrading(), door.upgrading()
    assert good.is_started
    assert len(door.admission) == 2
    good.succeed()
    assert len(door.admission) == 1
    bad.abort(HandshakeFailed("it lies"))
    assert len(door.admission) == 0
    # The scope of the one that stands is its connection's now.
    assert door.ledger.held() == 1


async def test_a_carrier_is_half_open_until_it_is_handed_over() -> None:
    door = Door()
    ticket, carrier = door.ticket(), FakeCarrier()
    assert (len(door.admission), ticket.deadline) == (1, TIMEOUT_S + LoopRuntime().now())
    ticket.settle(carrier)
    assert (len(door.admission), door.taken) == (0, [carrier])
    ticket.settle(FakeCarrier())
    assert door.taken == [carrier]


async def test_a_carrier_that_is_turned_away_costs_nothing() -> None:
    door = Door()
    door.refuses_carriers = True
    door.ticket().settle(FakeCarrier())
    assert (len(door.admission), door.ledger.is_balanced) == (0, True)


async def test_a_handshake_that_failed_is_forgotten() -> None:
    door = Door()
    door.ticket().settle(HandshakeFailed("it lies"))
    assert (len(door.admission), door.ledger.is_balanced) == (0, True)


async def test_the_gater_and_the_resources_are_asked_before_anybody_makes_room() -> None:
    class Selective(Gater):
        allows = True

        def allow_accepted(self, remote: Multiaddr) -> bool:
            return self.allows

    gater = Selective()
    door = Door(max_half_open=1, gater=gater)
    standing = door.upgrading()
    gater.allows = False
    assert door.admission.admit(REMOTE) is None
    gater.allows, door.ledger.refuses = True, ("connection from",)
    assert door.admission.admit(REMOTE) is None
    assert (standing.error, len(door.admission)) == (None, 1)


async def test_past_the_limit_the_oldest_silent_one_goes_and_then_the_oldest() -> None:
    door = Door(max_half_open=3)
    talking = [door.upgrading(), door.upgrading()]
    for one in talking:
        one.is_silent = False
    silent = door.upgrading()
    fourth = door.upgrading()
    assert isinstance(silent.error, LimitExceeded)
    fourth.is_silent = False
    door.upgrading()
    assert [one.error is not None for one in (*talking, fourth)] == [True, False, False]
    assert len(door.admission) == 3


async def test_a_transport_that_shakes_hands_itself_is_told_to_end_it() -> None:
    door = Door(max_half_open=2)
    evicted: list[BaseException] = []
    heard, silent = door.ticket(), door.ticket()
    heard.heard = True
    silent.evict = evicted.append
    door.ticket()
    assert [type(error) for error in evicted] == [LimitExceeded]
    silent.settle(evicted[0])
    assert door.ledger.held() == 2


async def test_one_that_cannot_be_ended_is_turned_away_when_it_comes() -> None:
    door = Door(max_half_open=1)
    carrier, raw = FakeCarrier(), Raw()
    for outcome in (carrier, cast(RawConnection, raw)):
        ticket = door.ticket()
        door.ticket()
        ticket.settle(outcome)
    assert isinstance(carrier.ended_by, LimitExceeded)
    assert raw.aborted
    assert (door.taken, door.upgrades) == ([], [])


async def test_each_has_the_same_time_and_one_timer_serves_them_all() -> None:
    door = Door()
    first = door.upgrading()
    await after(6.0)
    second = door.upgrading()
    done = door.upgrading()
    done.succeed()
    await after(4.5)
    assert isinstance(first.error, TimeoutExpired)
    assert "within 10 s" in str(first.error)
    assert second.error is None
    await after(6.0)
    assert isinstance(second.error, TimeoutExpired)
    assert len(door.admission) == 0


async def test_a_closed_one_lets_nobody_in_and_gives_up_what_is_half_open() -> None:
    door = Door()
    pending, ticket = door.upgrading(), door.ticket()
    evicted: list[Any] = []
    ticket.evict = evicted.append
    door.admission.close()
    assert isinstance(pending.error, HostNotRunning)
    assert [type(error) for error in evicted] == [HostNotRunning]
    assert door.admission.admit(REMOTE) is None
    assert len(door.admission) == 0
