"""One attempt at one address: transport, upgrade, a listener that refuses optimism, and the scope on the way."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest, NewConnection, Transport
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import HandshakeFailed, Libp2pError, LimitExceeded, Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.attempt import Attempt, AttemptParts
from aiolibp2p.swarm.dialling.refusals import Refusals
from aiolibp2p.swarm.upgrade.upgrader import UpgradeIntent
from swarm.fakes import THEM, FakeCarrier, Ledger, turns

TCP = Multiaddr("/ip4/1.1.1.1/tcp/1")
CONNECTION = cast(Connection, "a connection")
RAW = cast(RawConnection, "a raw connection")


class Line:
    """A transport that yields what it is told to, and upgrades that end as they are told to."""

    name, secures = "line", False

    def __init__(self, *outcomes: NewConnection | BaseException | None) -> None:
        self.outcomes = list(outcomes)
        self.upgrade_ends: list[BaseException | None] = []
        self.requests: list[DialRequest] = []
        self.intents: list[UpgradeIntent] = []
        self.taken: list[Carrier] = []
        self.ledger = Ledger()
        self.refusals = Refusals(10)

    @property
    def parts(self) -> AttemptParts:
        return AttemptParts([cast(Transport, self)], self.ledger, self._upgrade, self._take, self.refusals)

    def can_dial(self, address: Multiaddr) -> bool:
        return address == TCP

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> NewConnection:
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if outcome is None:
            await asyncio.get_running_loop().create_future()
        if isinstance(outcome, BaseException):
            raise outcome
        assert outcome is not None
        return outcome

    async def _upgrade(self, raw: RawConnection, intent: UpgradeIntent, scope: ConnectionScope) -> Connection:
        self.intents.append(intent)
        end = self.upgrade_ends.pop(0) if self.upgrade_ends else None
        if end is not None:
            scope.done()
            raise end
        return CONNECTION

    def _take(self, carrier: Carrier, scope: ConnectionScope) -> Connection:
        self.taken.append(carrier)
        return CONNECTION

    def attempt(self, request: DialRequest | None = None, address: Multiaddr = TCP) -> Attempt:
        return Attempt(self.parts, request or DialRequest(THEM.peer_id), address)


async def test_a_raw_connection_is_upgraded_as_the_request_says() -> None:
    line = Line(RAW)
    request = DialRequest(THEM.peer_id, role=Role.RESPONDER, simultaneous=True)
    assert await line.attempt(request).run() is CONNECTION
    assert line.requests == [request]
    assert line.intents == [UpgradeIntent(Role.RESPONDER, THEM.peer_id, optimistic=True, simultaneous=True)]
    assert line.ledger.calls == [f"connection to {TCP}"]
    assert line.ledger.held() == 1


async def test_a_carrier_is_taken_as_it_is() -> None:
    carrier = FakeCarrier()
    line = Line(carrier)
    assert await line.attempt().run() is CONNECTION
    assert (line.taken, line.intents, line.ledger.held()) == ([carrier], [], 1)


async def test_a_listener_that_refuses_optimism_is_dialled_once_more_and_remembered() -> None:
    line = Line(RAW, RAW, RAW)
    line.upgrade_ends = [OptimisticRefused("na")]
    assert await line.attempt().run() is CONNECTION
    assert [intent.optimistic for intent in line.intents] == [True, False]
    assert TCP in line.refusals
    assert await line.attempt().run() is CONNECTION
    assert [intent.optimistic for intent in line.intents] == [True, False, False]
    assert (line.ledger.opened, line.ledger.held()) == (3, 2)


async def test_one_that_refuses_twice_is_not_dialled_a_third_time() -> None:
    line = Line(RAW, RAW)
    line.upgrade_ends = [OptimisticRefused("na"), OptimisticRefused("na")]
    with pytest.raises(OptimisticRefused):
        await line.attempt().run()
    assert line.ledger.is_balanced


@pytest.mark.parametrize("error", [Unreachable("refused"), OSError("broken")])
async def test_a_transport_that_fails_gives_its_scope_back(error: Exception) -> None:
    line = Line(error)
    with pytest.raises(type(error)):
        await line.attempt().run()
    assert line.ledger.is_balanced


async def test_an_upgrade_that_fails_has_done_so_itself() -> None:
    line = Line(RAW)
    line.upgrade_ends = [HandshakeFailed("it lies")]
    with pytest.raises(HandshakeFailed):
        await line.attempt().run()
    assert line.ledger.is_balanced


async def test_one_that_is_cancelled_gives_its_scope_back() -> None:
    line = Line(None)
    task = asyncio.ensure_future(line.attempt().run())
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert line.ledger.is_balanced


async def test_resources_may_refuse_before_anything_is_sent() -> None:
    line = Line(RAW)
    line.ledger.refuses = ("connection to",)
    with pytest.raises(LimitExceeded):
        await line.attempt().run()
    assert line.requests == []


async def test_an_address_that_nobody_dials() -> None:
    with pytest.raises(UnsupportedAddress):
        await Line().attempt(address=Multiaddr("/ip4/1.1.1.1/udp/1")).run()


async def test_who_stands_in_a_resolved_name_must_answer_when_nobody_was_asked_for() -> None:
    line = Line(RAW, RAW)
    named = TCP.with_p2p(THEM.peer_id.to_bytes())
    await line.attempt(DialRequest(None), named).run()
    await line.attempt(DialRequest(None), TCP).run()
    assert [intent.peer for intent in line.intents] == [THEM.peer_id, None]


async def test_it_says_when_the_peer_may_count_on_it() -> None:
    line = Line(RAW)
    attempt = line.attempt()
    seen: list[bool] = []

    async def upgrade(raw: RawConnection, intent: UpgradeIntent, scope: ConnectionScope) -> Connection:
        seen.append(attempt.is_upgrading)
        raise Libp2pError

    attempt = Attempt(
        AttemptParts(line.parts.transports, line.ledger, upgrade, line.parts.take, line.refusals),
        DialRequest(None),
        TCP,
    )
    assert not attempt.is_upgrading
    with pytest.raises(Libp2pError):
        await attempt.run()
    assert (seen, attempt.is_upgrading) == ([True], False)
