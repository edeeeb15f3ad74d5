"""A connection over a carrier without bytes: its streams, their scopes, and every way they end."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from aiolibp2p.abc.layers.streams import StreamSink
from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.abc.stream import ConnectionLimits, Stream
from aiolibp2p.errors import ConnectionLost, LimitedConnection, LimitExceeded, NegotiationFailed, StreamCode
from aiolibp2p.events import StreamEnded, StreamOpened
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.resource_manager import ResourceLimits, ResourceManager
from aiolibp2p.swarm.connections.connection import EARLY_STREAMS, Connection
from swarm.fakes import ECHO, OTHER, THEM, THERE, Bench, FakeCarrier, FakeSession, Ledger, accept, proposal, turns
from waiting import after

pytestmark = pytest.mark.virtual_time


def session_of(connection: Connection) -> FakeSession:
    return cast(FakeSession, connection.session)


def counted(**limits: int) -> ConnectionScope:
    """Return the scope of a connection whose peer is proven, counted within these limits."""
    scope = ResourceManager(ResourceLimits(**limits)).open_connection(True, THERE)
    scope.set_peer(THEM.peer_id)
    return scope


async def hold(stream: Stream) -> None:
    """Serve a stream until it is reset."""
    await stream.read()


# Scopes


async def test_a_stream_of_theirs_is_counted_from_its_first_frame_to_the_end_of_both_ways() -> None:
    bench = Bench()
    bench.handlers.add(ECHO, hold, service="echo")
    connection = bench.connection(is_outbound=False)
    sink = accept(connection)
    assert sink is not None
    assert bench.ledger.calls == [f"connection from {THERE}", "stream in", f"protocol {ECHO}", "service echo"]
    assert bench.ledger.held() == 2
    await turns()
    sink.eof_received()
    await turns()
    assert bench.ledger.held() == 1
    await connection.close()
    assert bench.ledger.is_balanced
    assert [type(event) for event in bench.events] == [StreamOpened, StreamEnded]


async def test_a_stream_of_ours_is_counted_from_before_it_has_an_id() -> None:
    bench = Bench()
    connection = bench.connection()
    stream = await connection.open_stream([ECHO], wait=False)
    assert bench.ledger.calls[1:] == ["stream out"]
    session_of(connection).sinks[stream.stream_id].data_received(proposal())
    assert bench.ledger.calls[2:] == [f"protocol {ECHO}"]
    stream.reset()
    stream.reset()
    assert bench.ledger.held() == 1


@pytest.mark.parametrize("how", ["reset by us", "reset by them", "eof", "lost", "nonsense", "too slow"])
async def test_a_stream_that_never_agrees_gives_its_scope_back_once(how: str) -> None:
    bench = Bench()
    carrier = FakeCarrier()
    connection = bench.connection(carrier)
    stream = await connection.open_stream([ECHO], wait=False)
    sink = session_of(connection).sinks[stream.stream_id]
    if how == "reset by us":
        stream.reset()
    elif how == "reset by them":
        sink.reset_received(0, "reset")
    elif how == "eof":
        sink.eof_received()
    elif how == "lost":
        carrier.lose(ConnectionLost("gone"))
    elif how == "nonsense":
        sink.data_received(b"\x05hello")
    else:
        await after(11.0)
        with pytest.raises(NegotiationFailed, match="within 10 s"):
            await stream.read(1)
    assert bench.ledger.held() == (0 if how == "lost" else 1)
    assert 2 not in bench.ledger.done.values()


async def test_a_lost_connection_gives_back_its_streams_and_then_itself() -> None:
    bench, carrier = Bench(), FakeCarrier()
    bench.handlers.add(ECHO, hold)
    connection = bench.connection(carrier)
    accept(connection)
    await connection.open_stream([ECHO], wait=False)
    carrier.lose(ConnectionLost("gone"))
    connection.lost(ConnectionLost("again"))
    assert 0 in bench.ledger.done
    await turns()  # the handler ends, and with it what its stream counts for
    assert bench.ledger.is_balanced
    assert bench.ended == [(connection, "gone")]


async def test_resources_may_refuse_a_stream_of_ours() -> None:
    bench = Bench(ledger=Ledger(refuses=("stream out",)))
    connection = bench.connection()
    with pytest.raises(LimitExceeded):
        await connection.open_stream([ECHO])
    assert connection.stream_count == 0


async def test_resources_may_refuse_a_stream_of_theirs() -> None:
    bench = Bench(ledger=Ledger(refuses=("stream in",)))
    connection = bench.connection()
    assert accept(connection) is None
    assert connection.idle_since is not None


@pytest.mark.parametrize("refused", ["protocol", "service"])
async def test_a_protocol_or_service_without_room_resets_the_stream_with_the_code_for_it(refused: str) -> None:
    bench = Bench(ledger=Ledger(refuses=(refused,)))
    bench.handlers.add(ECHO, hold, service="echo")
    connection = bench.connection()
    accept(connection)
    assert session_of(connection).resets == [(2, StreamCode.LIMIT_EXCEEDED)]
    assert (bench.ledger.held(), len(bench.tasks)) == (1, 0)


async def test_a_protocol_of_ours_without_room_fails_its_stream() -> None:
    bench = Bench(ledger=Ledger(refuses=("protocol",)))
    connection = bench.connection()
    opening = asyncio.ensure_future(connection.open_stream([ECHO]))
    await turns()
    (sink,) = session_of(connection).sinks.values()
    sink.data_received(proposal())
    with pytest.raises(LimitExceeded):
        await opening
    assert session_of(connection).resets[0][1] == StreamCode.LIMIT_EXCEEDED
    assert bench.ledger.held() == 1


# Waiting for an id


async def test_who_waits_for_an_id_gives_the_scope_back_when_there_is_none() -> None:
    bench, carrier = Bench(), FakeCarrier()
    connection = bench.connection(carrier)
    carrier.session.is_full = True
    waiting, cancelled = (asyncio.ensure_future(connection.open_stream([ECHO])) for _ in range(2))
    await turns()
    assert bench.ledger.held() == 3
    cancelled.cancel()
    await turns()
    assert bench.ledger.held() == 2
    carrier.lose(ConnectionLost("gone"))
    connection.room_for_streams()
    with pytest.raises(ConnectionLost):
        await waiting
    assert bench.ledger.is_balanced


async def test_who_waits_for_an_id_gets_one() -> None:
    bench, carrier = Bench(), FakeCarrier()
    connection = bench.connection(carrier)
    carrier.session.is_full = True
    waiting = asyncio.ensure_future(connection.open_stream([ECHO], wait=False))
    await turns()
    carrier.session.is_full = False
    connection.room_for_streams()
    assert (await waiting).protocol_id == ECHO


async def test_before_the_first_answer_no_more_streams_are_opened_than_js_takes_early() -> None:
    bench = Bench()
    connection = bench.connection()
    early = [await connection.open_stream([ECHO], wait=False) for _ in range(EARLY_STREAMS)]
    late = [asyncio.ensure_future(connection.open_stream([ECHO], wait=False)) for _ in range(3)]
    await turns()
    assert not any(one.done() for one in late)
    early[0].data_received(proposal())
    await turns()
    assert all(one.done() for one in late)
    for _ in range(2 * EARLY_STREAMS):
        await connection.open_stream([ECHO], wait=False)


async def test_whoever_waits_for_the_first_answer_hears_of_the_connections_end() -> None:
    bench, carrier = Bench(), FakeCarrier()
    connection = bench.connection(carrier)
    for _ in range(EARLY_STREAMS):
        await connection.open_stream([ECHO], wait=False)
    late = asyncio.ensure_future(connection.open_stream([ECHO], wait=False))
    await turns()
    carrier.lose(ConnectionLost("gone"))
    with pytest.raises(ConnectionLost):
        await late
    assert bench.ledger.is_balanced


# Handlers


async def test_a_stream_counts_until_its_handler_has_ended_though_the_peer_resets_it() -> None:
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def busy(stream: Stream) -> None:
        await gate

    bench = Bench()
    bench.handlers.add(ECHO, busy)
    connection = bench.connection(scope=counted(inbound_streams_per_connection=1))
    first = accept(connection)
    assert first is not None
    await turns()
    first.reset_received(0, "the peer reset the stream")
    assert accept(connection, stream_id=4) is None
    gate.set_result(None)
    await turns()
    assert accept(connection, stream_id=6) is not None


async def test_past_the_limit_of_streams_they_are_refused() -> None:
    bench = Bench()
    bench.handlers.add(ECHO, hold)
    connection = bench.connection(scope=counted(inbound_streams_per_connection=1))
    first = accept(connection)
    assert first is not None
    assert accept(connection, stream_id=4) is None
    await turns()
    first.eof_received()
    await turns()
    assert accept(connection, stream_id=6) is not None


async def test_the_limits_of_a_handler_hold_from_agreement_to_its_end() -> None:
    bench = Bench()
    bench.handlers.add(ECHO, hold, limits=StreamLimits(per_peer=2))
    connections = bench.connection(), bench.connection()
    sinks = [accept(connection, stream_id=2) for connection in connections]
    for connection in connections:
        accept(connection, stream_id=4)
        assert session_of(connection).resets == [(4, StreamCode.LIMIT_EXCEEDED)]
    stranger = bench.connection(FakeCarrier(OTHER))
    accept(stranger)
    assert session_of(stranger).resets == []
    await turns()
    cast(StreamSink, sinks[0]).eof_received()
    await turns()
    accept(connections[1], stream_id=6)
    assert len(session_of(connections[1]).resets) == 1
    assert THEM.peer_id == connections[1].remote_peer


async def test_a_host_without_room_for_tasks_takes_nothing_from_the_limits() -> None:
    bench = Bench(tasks=Tasks(0))
    bench.handlers.add(ECHO, hold, limits=StreamLimits(total=1))
    connection = bench.connection()
    for stream_id in (2, 4):
        accept(connection, stream_id=stream_id)
    assert session_of(connection).resets == [(2, StreamCode.LIMIT_EXCEEDED), (4, StreamCode.LIMIT_EXCEEDED)]
    served = bench.handlers.find(ECHO, connection)
    assert served is not None
    assert served.quota is not None
    assert len(served.quota) == 0


async def test_a_protocol_that_is_gone_by_the_time_it_is_agreed_upon_resets_its_stream() -> None:
    bench = Bench()
    bench.handlers.add(ECHO, hold)
    connection = bench.connection()
    bench.handlers.find = lambda protocol_id, where: None  # type: ignore[method-assign]
    bench.handlers.supports = lambda protocol_id, where: True  # type: ignore[method-assign]
    accept(connection)
    assert session_of(connection).resets == [(2, 0)]


# Limited connections


async def test_a_limited_connection_carries_streams_of_those_who_allow_for_it() -> None:
    bench = Bench()
    limits = ConnectionLimits(max_bytes=1 << 17, max_s=120)
    connection = bench.connection(FakeCarrier(limits=limits))
    assert connection.limits == limits
    with pytest.raises(LimitedConnection, match="allow_limited"):
        await connection.open_stream([ECHO], wait=False)
    assert bench.ledger.held() == 1
    stream = await connection.open_stream([ECHO], wait=False, allow_limited=True)
    assert stream.connection.limits == limits


# Negotiations


async def test_each_stream_has_its_own_time_to_agree_and_one_timer_serves_them_all() -> None:
    bench = Bench()
    connection = bench.connection()
    accept(connection, None, 2)
    await after(6.0)
    accept(connection, None, 4)
    await after(4.5)
    assert session_of(connection).resets == [(2, 0)]
    await after(6.0)
    assert session_of(connection).resets == [(2, 0), (4, 0)]
    accept(connection, None, 6)
    await connection.close()
    await after(20.0)
    assert bench.ledger.is_balanced
