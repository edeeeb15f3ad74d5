"""A whole swarm over carriers without bytes: the table, the news, the gates and the scopes, and how it closes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

import pytest

from aiolibp2p.abc.layers.admission import Admission, Gater
from aiolibp2p.abc.layers.transport import DialRequest, NewConnection, Transport
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.abc.stream import ConnectionLimits, MuxedConnection, Stream
from aiolibp2p.errors import DialFailed, HostNotRunning, LimitedConnection
from aiolibp2p.events import (
    ConnectionClosed,
    ConnectionOpened,
    Event,
    ListenEnded,
    ListenStarted,
    PeerConnected,
    PeerDisconnected,
)
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm import Swarm, SwarmParts
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.swarm import CLOSE_TIMEOUT_S
from aiolibp2p.swarm.upgrade.upgrader import Layers
from support.refusing_gater import RefusingGater
from swarm.fakes import ECHO, HERE, OTHER, THEM, THERE, US, FakeCarrier, Ledger, LoopRuntime, accept, turns
from waiting import after

pytestmark = pytest.mark.virtual_time

PEER = THEM.peer_id


class Listener:
    """Closes at once, or never."""

    def __init__(self, hangs: bool) -> None:
        self.addresses: Sequence[Multiaddr] = [HERE]
        self._hangs = hangs

    async def close(self) -> None:
        if self._hangs:
            await asyncio.get_running_loop().create_future()


class Air:
    """A transport whose carriers come out of nowhere."""

    name, secures = "air", True

    def __init__(self) -> None:
        self.carriers: list[FakeCarrier] = []
        self.admission: Admission
        self.hangs = False
        self.dialled: list[Multiaddr] = []

    def can_dial(self, address: Multiaddr) -> bool:
        return True

    def can_listen(self, address: Multiaddr) -> bool:
        return True

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> NewConnection:
        self.dialled.append(address)
        if not self.carriers:
            await asyncio.get_running_loop().create_future()
        return self.carriers.pop(0)

    async def listen(self, address: Multiaddr, admission: Admission) -> Listener:
        self.admission = admission
        return Listener(self.hangs)


class Station:
    """A swarm and its surroundings."""

    def __init__(self, gater: Gater | None = None) -> None:
        self.air, self.ledger, self.handlers = Air(), Ledger(), StreamHandlers()
        self.events: list[Event] = []
        self.swarm = Swarm(
            SwarmParts(
                local_peer=US.peer_id,
                transports=[cast(Transport, self.air)],
                layers=Layers([], []),
                runtime=LoopRuntime(),
                handlers=self.handlers,
                emit=self.events.append,
                wants=lambda kind: True,
                identified=lambda peer: False,
                resources=self.ledger,
                gater=gater or Gater(),
            )
        )

    async def dial(self, carrier: FakeCarrier, **options: bool) -> Connection:
        self.air.carriers.append(carrier)
        return await self.swarm.dial(DialRequest(carrier.remote_peer, [THERE], **options))

    def comes_in(self, carrier: FakeCarrier) -> None:
        ticket = self.air.admission.admit(THERE)
        if ticket is not None:
            ticket.settle(carrier)


async def test_connections_come_and_go_with_their_news() -> None:
    station = Station()
    told: list[MuxedConnection] = []
    station.swarm.on_opened = told.append
    await station.swarm.listen([HERE])
    ours = await station.dial(FakeCarrier())
    station.comes_in(FakeCarrier())
    station.comes_in(FakeCarrier(OTHER))
    assert (station.swarm.peers, len(station.swarm.connections(PEER))) == ([PEER, OTHER.peer_id], 2)
    assert len(told) == 3
    for one in station.swarm.connections(PEER):
        await one.close()
    await station.swarm.close()
    assert station.ledger.is_balanced
    assert [type(event) for event in station.events] == [
        ListenStarted,
        ConnectionOpened,
        PeerConnected,
        ConnectionOpened,
        ConnectionOpened,
        PeerConnected,
        ConnectionClosed,
        ConnectionClosed,
        PeerDisconnected,
        ListenEnded,
        ConnectionClosed,
        PeerDisconnected,
    ]
    assert ours.is_closed


async def test_one_that_comes_in_ends_the_dial_that_got_nowhere() -> None:
    station = Station()
    await station.swarm.listen([HERE])
    dial = asyncio.ensure_future(station.swarm.dial(DialRequest(PEER, [THERE])))
    await turns()
    station.comes_in(FakeCarrier(OTHER))
    await turns()
    assert not dial.done()
    station.comes_in(FakeCarrier())
    connection = await dial
    assert not connection.is_outbound
    await turns()
    assert (len(station.swarm.tasks), station.ledger.held()) == (0, 2)
    await station.swarm.close()
    assert station.ledger.is_balanced


async def test_a_limited_connection_is_used_by_those_who_ask_for_it() -> None:
    station = Station()
    limited = ConnectionLimits(max_bytes=1 << 17, max_s=120)
    with pytest.raises(DialFailed, match="allows that") as caught:
        await station.dial(FakeCarrier(limits=limited))
    assert isinstance(caught.value.attempts[0][1], LimitedConnection)
    (relayed,) = station.swarm.connections(PEER)
    assert await station.swarm.dial(DialRequest(PEER, allow_limited=True)) is relayed
    direct = await station.dial(FakeCarrier())
    assert await station.swarm.dial(DialRequest(PEER, allow_limited=True)) is direct
    await station.swarm.close()


OUTBOUND, INBOUND = ["peer", "address", "secured", "upgraded"], ["accepted", "secured", "upgraded"]


@pytest.mark.parametrize("refuses", ["", *OUTBOUND])
async def test_a_dial_passes_its_gates_in_order(refuses: str) -> None:
    gate = RefusingGater(refuses)
    station = Station(gate)
    if refuses:
        with pytest.raises(DialFailed, match="does not allow"):
            await station.dial(FakeCarrier())
    else:
        await station.dial(FakeCarrier())
    assert gate.asked == (OUTBOUND[: OUTBOUND.index(refuses) + 1] if refuses else OUTBOUND)
    assert len(station.air.dialled) == (refuses not in OUTBOUND[:2])
    assert len(station.swarm.connections()) == (not refuses)
    await station.swarm.close()
    assert station.ledger.is_balanced


@pytest.mark.parametrize("refuses", ["", *INBOUND])
async def test_one_from_outside_passes_its_gates_in_order(refuses: str) -> None:
    gate = RefusingGater(refuses)
    station = Station(gate)
    await station.swarm.listen([HERE])
    station.comes_in(FakeCarrier())
    assert gate.asked == (INBOUND[: INBOUND.index(refuses) + 1] if refuses else INBOUND)
    assert len(station.swarm.connections()) == (not refuses)
    await station.swarm.close()
    assert station.ledger.is_balanced


# Close


async def test_nothing_holds_up_close(caplog: pytest.LogCaptureFixture) -> None:
    station = Station()
    released = asyncio.get_running_loop().create_future()

    async def stubborn(stream: Stream) -> None:
        while not released.done():
            try:
                await asyncio.shield(released)
            except asyncio.CancelledError:
                continue

    station.handlers.add(ECHO, stubborn)
    station.air.hangs = True
    await station.swarm.listen([HERE])
    connection = await station.dial(FakeCarrier(ends=False))
    accept(connection)
    dial = asyncio.ensure_future(station.swarm.dial(DialRequest(OTHER.peer_id, [THERE])))
    await turns()
    start = asyncio.get_running_loop().time()
    with caplog.at_level(logging.WARNING):
        await station.swarm.close()
    assert asyncio.get_running_loop().time() - start == pytest.approx(3 * CLOSE_TIMEOUT_S)
    assert (connection.is_closed, station.swarm.connections()) == (True, [])
    with pytest.raises(HostNotRunning):
        await dial
    assert "a listener did not close within 2 s" in caplog.text
    assert "handler of /echo/1.0.0 did not end within 2 s" in caplog.text
    # Its stream counts for as long as the handler runs.
    assert not station.ledger.is_balanced
    released.set_result(None)
    await turns()
    assert station.ledger.is_balanced


async def test_a_closed_swarm_takes_nobody_and_dials_nobody() -> None:
    station = Station()
    await station.swarm.listen([HERE])
    await station.swarm.close()
    station.comes_in(FakeCarrier())
    assert (station.swarm.connections(), station.swarm.half_open) == ([], 0)
    with pytest.raises(HostNotRunning):
        await station.swarm.dial(DialRequest(PEER, [THERE]))
    await station.swarm.close()


async def test_what_is_half_open_is_counted_and_given_up() -> None:
    station = Station()
    await station.swarm.listen([HERE])
    ticket = station.air.admission.admit(THERE)
    assert ticket is not None
    evicted: list[BaseException] = []
    ticket.evict = evicted.append
    assert station.swarm.half_open == 1
    await after(1.0)
    await station.swarm.close()
    ticket.settle(evicted[0])
    assert (station.swarm.half_open, station.ledger.is_balanced) == (0, True)


async def test_own_addresses_are_those_it_listens_on() -> None:
    station = Station()
    await station.swarm.listen([HERE])
    assert station.swarm.own_addresses.addresses == [HERE.with_p2p(US.peer_id.to_bytes())]
    await station.swarm.close()
    assert station.swarm.own_addresses.addresses == []
