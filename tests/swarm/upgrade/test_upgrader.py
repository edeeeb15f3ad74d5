"""Upgrades over raw connections without a network: what they lead to, what they hold, and how they end."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.raw import RawConnection, RawReceiver
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import (
    ConnectionLost,
    Gated,
    HandshakeFailed,
    Libp2pError,
    LimitExceeded,
    NegotiationFailed,
    ProtocolViolation,
    TimeoutExpired,
)
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.muxers.yamux import Yamux
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.upgrade.pending_upgrade import PendingUpgrade
from aiolibp2p.swarm.upgrade.upgrader import Layers, UpgradeIntent, Upgrader, UpgraderConfig, UpgraderParts
from swarm.fakes import HERE, THEM, THERE, US, Ledger, LoopRuntime, turns
from waiting import after

pytestmark = pytest.mark.virtual_time

DIALLED = UpgradeIntent(Role.INITIATOR, THEM.peer_id)
ACCEPTED = UpgradeIntent(Role.RESPONDER, is_dialled=False)


class Wire:
    """One end of a pair of raw connections; what is written arrives in the next turn of the loop."""

    local_address, remote_address = HERE, THERE

    def __init__(self) -> None:
        self.peer: Wire | None = None
        self.sent = b""
        self.is_closed = False
        self._receiver: RawReceiver | None = None
        self._early: list[bytes] = []

    def start(self, receiver: RawReceiver) -> None:
        self._receiver = receiver
        asyncio.get_running_loop().call_soon(self._deliver_early)

    def _deliver_early(self) -> None:
        early, self._early = self._early, []
        for data in early:
            self.feed(data)

    def feed(self, data: bytes) -> None:
        if self.is_closed:
            return
        if self._receiver is None or self._early:
            self._early.append(data)
        else:
            self._receiver.data_received(data)

    def write(self, data: ByteString) -> None:
        self.sent += bytes(data)
        if self.peer is not None:
            asyncio.get_running_loop().call_soon(self.peer.feed, bytes(data))

    def unsent(self) -> int:
        return 0

    def rtt(self) -> float | None:
        return None

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        self._end()

    def abort(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            asyncio.get_running_loop().call_soon(self._tell_lost)

    def _tell_lost(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(None)


class Side:
    """An upgrader, what it was asked, and what it made."""

    def __init__(self, key: PrivateKey, refusal: Libp2pError | None = None, timeout_s: float = 10.0) -> None:
        self.wire = Wire()
        self.ledger = Ledger()
        self.checked: list[tuple[PeerId, Multiaddr, bool]] = []
        self.made: list[Carrier] = []
        self.make_fails: Libp2pError | None = None
        self.outcomes: list[object] = []
        self._refusal = refusal
        runtime = LoopRuntime()
        noise = NoiseSecurity(key, runtime.entropy)
        parts = UpgraderParts(runtime, self._check, self._make)
        self.upgrader = Upgrader(parts, Layers([noise], [Yamux(runtime)]), UpgraderConfig(timeout_s=timeout_s))

    def _check(self, peer: PeerId, remote: Multiaddr, is_dialled: bool, scope: ConnectionScope) -> None:
        self.checked.append((peer, remote, is_dialled))
        if self._refusal is not None:
            raise self._refusal

    def _make(self, carrier: Carrier, is_outbound: bool, scope: ConnectionScope) -> Connection:
        self.made.append(carrier)
        if self.make_fails is not None:
            scope.done()
            raise self.make_fails
        carrier.start(_Nobody(), lambda error: scope.done())
        carrier.open()
        return cast(Connection, carrier)

    def prepare(self, intent: UpgradeIntent) -> PendingUpgrade:
        scope = self.ledger.open_connection(not intent.is_dialled, THERE)
        return self.upgrader.prepare(cast(RawConnection, self.wire), intent, scope, self.outcomes.append)

    def dial(self) -> asyncio.Task[Connection]:
        scope = self.ledger.open_connection(False, THERE)
        return asyncio.ensure_future(self.upgrader.upgrade(cast(RawConnection, self.wire), DIALLED, scope))


class _Nobody:
    """Takes no streams."""

    def accept(self, stream_id: int) -> None:
        return None

    def room_for_streams(self) -> None: ...

    def goodbye_received(self, code: int) -> None: ...

    def idle(self) -> None: ...


def joined(one: Side, other: Side) -> None:
    one.wire.peer, other.wire.peer = other.wire, one.wire


async def test_both_ends_are_checked_once_their_peer_is_proven() -> None:
    dialler, listener = Side(US), Side(THEM)
    joined(dialler, listener)
    pending = listener.prepare(ACCEPTED)
    assert pending.is_silent
    pending.start()
    connection = await dialler.dial()
    await turns()
    assert dialler.checked == [(THEM.peer_id, THERE, True)]
    assert listener.checked == [(US.peer_id, THERE, False)]
    assert not pending.is_silent
    await after(60.0)
    assert not dialler.wire.is_closed
    assert (dialler.made, listener.made) == ([connection], listener.outcomes)
    assert (dialler.ledger.held(), listener.ledger.held()) == (1, 1)
    dialler.wire.abort()
    listener.wire.abort()
    await turns()
    assert (dialler.ledger.is_balanced, listener.ledger.is_balanced) == (True, True)


@pytest.mark.parametrize("refusal", [Gated("no"), LimitExceeded("too many"), HandshakeFailed("itself")])
async def test_a_refusal_after_the_handshake_ends_it_there(refusal: Libp2pError) -> None:
    dialler, listener = Side(US, refusal), Side(THEM)
    joined(dialler, listener)
    listener.prepare(ACCEPTED).start()
    with pytest.raises(type(refusal), match=str(refusal)):
        await dialler.dial()
    await turns()
    assert (dialler.made, dialler.wire.is_closed, dialler.ledger.is_balanced) == ([], True, True)
    # Our part of the handshake that proves who we are was never sent, so the other side has nobody to check.
    assert listener.checked == []


async def test_a_connection_that_is_refused_at_the_last_gate_is_lost_once() -> None:
    dialler, listener = Side(US), Side(THEM)
    joined(dialler, listener)
    listener.make_fails = Gated("no")
    listener.prepare(ACCEPTED).start()
    await dialler.dial()
    await turns()
    assert [type(outcome) for outcome in listener.outcomes] == [Gated]
    assert (listener.wire.is_closed, listener.ledger.is_balanced) == (True, True)
    dialler.wire.abort()
    await turns()


async def test_a_carrier_that_breaks_as_it_opens_hears_of_its_end() -> None:
    dialler, listener = Side(US), Side(THEM)
    joined(dialler, listener)
    ends: list[BaseException] = []

    def make(carrier: Carrier, is_outbound: bool, scope: ConnectionScope) -> Connection:
        session = carrier.start(_Nobody(), ends.append)
        carrier.open()
        session.receive_data(b"\x09" * 12)
        raise AssertionError("it did not break")

    listener.upgrader = Upgrader(
        UpgraderParts(LoopRuntime(), listener._check, make),
        Layers([NoiseSecurity(THEM, LoopRuntime().entropy)], [Yamux(LoopRuntime())]),
        UpgraderConfig(),
    )
    listener.prepare(ACCEPTED).start()
    await dialler.dial()
    await turns()
    assert [type(error) for error in ends] == [ProtocolViolation]
    assert [type(outcome) for outcome in listener.outcomes] == [ProtocolViolation]
    dialler.wire.abort()
    await turns()


async def test_a_silent_listener_is_given_up_in_time() -> None:
    dialler = Side(US, timeout_s=3.0)
    task = dialler.dial()
    await after(2.9)
    assert not task.done()
    with pytest.raises(TimeoutExpired, match="within 3 s"):
        await task
    assert (dialler.wire.is_closed, dialler.ledger.is_balanced) == (True, True)


async def test_cancelling_closes_what_is_under_way() -> None:
    dialler = Side(US)
    task = dialler.dial()
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert (dialler.wire.is_closed, dialler.ledger.is_balanced) == (True, True)


async def test_one_that_stands_when_it_is_cancelled_stays() -> None:
    dialler, listener = Side(US), Side(THEM)
    joined(dialler, listener)
    listener.prepare(ACCEPTED).start()
    task = dialler.dial()
    while not dialler.made:
        await turns(1)
    if not task.done():
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await turns()
    assert (dialler.wire.is_closed, dialler.ledger.held()) == (False, 1)
    dialler.wire.abort()
    listener.wire.abort()
    await turns()


async def test_a_stranger_who_talks_nonsense_costs_nothing_and_nobody_waits_for_it() -> None:
    listener = Side(THEM)
    pending = listener.prepare(ACCEPTED)
    pending.start()
    listener.wire.feed(b"GET / HTTP/1.1\r\n\r\n")
    await turns()
    pending.abort(ConnectionLost("again"))
    assert len(listener.outcomes) == 1
    assert isinstance(listener.outcomes[0], ProtocolViolation | NegotiationFailed)
    assert listener.ledger.is_balanced
