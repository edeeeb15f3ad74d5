from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiolibp2p.errors import (
    HostNotRunning,
    IncompleteRead,
    Libp2pError,
    ProtocolNotSupported,
    ProtocolViolation,
    StreamCode,
    TimeoutExpired,
)
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.protocols.ping import PING_ID, Ping, PingConfig
from protocols.fakes import FakeConnection, FakeHost, FakeRuntime, FakeStream, ServicePair, join
from waiting import after

pytestmark = pytest.mark.virtual_time


class Pair(ServicePair):
    """Two connected hosts that ping."""

    def __init__(self, config: PingConfig | None = None) -> None:
        self.ping = Ping(config)
        super().__init__(self.ping, Ping(config))

    async def open(self) -> FakeStream:
        return await self.client.new_stream_on(self.connection, PING_ID)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    both = Pair()
    await both.start()
    yield both
    await both.client.close()
    await both.server.close()
    assert both.client.failures == []


@pytest.mark.spec("PING-1", "PING-5", "PING-6")
async def test_one_ping_is_32_random_bytes_and_then_the_end(pair: Pair) -> None:
    assert await pair.ping.ping(pair.server.peer_id) == 0.0
    await pair.server.idle()
    (ours,), (theirs,) = pair.client.opened, pair.server.served
    assert len(ours.sent) == 32
    assert ours.sent == theirs.sent
    assert ours.write_closed
    assert theirs.closed
    assert not ours.is_reset
    assert pair.server.failures == []


@pytest.mark.spec("PING-1", "PING-3", "PING-4", "PING-7")
async def test_many_pings_share_one_stream_with_fresh_bytes(pair: Pair) -> None:
    found = [seconds async for seconds in pair.ping.pings(pair.server.peer_id, 5)]
    assert len(found) == 5
    (ours,) = pair.client.opened
    payloads = [bytes(ours.sent[i : i + 32]) for i in range(0, len(ours.sent), 32)]
    assert len(dict.fromkeys(payloads)) == 5
    assert ours.write_closed


@pytest.mark.spec("PING-7")
async def test_whoever_pings_at_the_same_time_takes_turns_on_one_stream(pair: Pair) -> None:
    endless = pair.ping.pings(pair.server.peer_id)
    await anext(endless)
    await asyncio.gather(*(pair.ping.ping(pair.server.peer_id) for _ in range(5)))
    await anext(endless)
    (ours,) = pair.client.opened
    assert len(ours.sent) == 7 * 32
    assert not ours.write_closed
    await endless.aclose()
    assert ours.write_closed


@pytest.mark.spec("PING-2")
async def test_the_time_runs_from_the_write_to_the_whole_echo() -> None:
    class Ticking(FakeRuntime):
        def now(self) -> float:
            self.time += 0.000_125
            return self.time

    both = Pair()
    both.client.runtime = Ticking()
    await both.start()
    assert await both.ping.ping(both.server.peer_id) == pytest.approx(0.000_125)


class SlowWire(FakeHost):
    """Each write takes four seconds."""

    async def new_stream_on(
        self, connection: FakeConnection, *protocol_ids: str, allow_limited: bool = False
    ) -> FakeStream:
        stream = await super().new_stream_on(connection, *protocol_ids)
        write = stream.write

        async def slow(data: bytes) -> None:
            self.runtime.time += 4
            await write(data)

        stream.write = slow
        return stream


@pytest.mark.spec("PING-2")
async def test_the_write_and_both_halves_of_an_echo_in_two_pieces_count() -> None:
    client, server = (SlowWire(PrivateKey.generate("ed25519")), FakeHost(PrivateKey.generate("ed25519")))
    join(client, server)

    async def halves(stream: FakeStream) -> None:
        payload = await stream.read_exactly(32)
        for half in (payload[:16], payload[16:]):
            client.runtime.time += 1
            await stream.write(half)
            await client.idle()
        await stream.read()

    server.handlers[PING_ID] = halves
    ping = Ping()
    await ping.start(client.context)
    assert await ping.ping(server.peer_id) == 6
    await server.close()


@pytest.mark.spec("PING-10")
@pytest.mark.parametrize("piece", [1, 31, 33])
async def test_pieces_are_put_together(pair: Pair, piece: int) -> None:
    stream = await pair.open()
    stream.piece = stream.other.piece = piece
    await stream.write(b"a")
    await pair.server.idle()
    assert stream.other.sent == b""
    await stream.write(b"b" * 31 + b"c" * 32)
    assert await stream.read_exactly(64) == b"a" + b"b" * 31 + b"c" * 32


@pytest.mark.spec("PING-6")
async def test_a_payload_before_the_fin_is_still_echoed(pair: Pair) -> None:
    stream = await pair.open()
    await stream.write(bytes(96))
    await stream.close_write()
    assert await stream.read() == bytes(96)
    assert stream.other.closed


@pytest.mark.spec("PING-11")
async def test_an_end_inside_a_payload_is_an_error(pair: Pair) -> None:
    stream = await pair.open()
    await stream.write(bytes(33))
    await stream.close_write()
    await pair.server.idle()
    assert stream.is_reset
    (failure,) = pair.server.failures
    assert isinstance(failure, IncompleteRead)


@pytest.mark.spec("PING-8")
async def test_a_third_stream_of_a_peer_is_refused_until_one_ends(pair: Pair) -> None:
    first, second, third = [await pair.open() for _ in range(3)]
    await pair.server.idle()
    assert third.other.reset_code == StreamCode.LIMIT_EXCEEDED
    for stream in (first, second):
        await stream.write(bytes(32))
        assert await stream.read_exactly(32) == bytes(32)
    await first.close_write()
    await pair.server.idle()
    fourth = await pair.open()
    await fourth.write(bytes(32))
    assert await fourth.read_exactly(32) == bytes(32)


@pytest.mark.spec("PING-9")
async def test_a_wrong_echo_is_a_failure(pair: Pair) -> None:
    async def liar(stream: FakeStream) -> None:
        payload = await stream.read_exactly(32)
        await stream.write(payload[:31] + bytes([payload[31] ^ 1]))
        await stream.read()

    pair.server.handlers[PING_ID] = liar
    with pytest.raises(ProtocolViolation, match="other bytes"):
        await pair.ping.ping(pair.server.peer_id)
    assert pair.client.opened[0].is_reset
    pair.server.failures.clear()


async def test_a_silent_peer_is_a_timeout_that_says_so() -> None:
    both = Pair(PingConfig(timeout_s=10))
    await both.start()

    async def silent(stream: FakeStream) -> None:
        await stream.read()

    both.server.handlers[PING_ID] = silent
    with pytest.raises(TimeoutExpired, match=r"no echo from peer 12D3\w+ within 10 s"):
        await both.ping.ping(both.server.peer_id)
    assert both.client.opened[0].is_reset
    await both.answering.start(both.server.context)
    assert await both.ping.ping(both.server.peer_id) == 0.0


async def test_a_cancelled_ping_leaves_the_stream_to_nobody(pair: Pair) -> None:
    async def silent(stream: FakeStream) -> None:
        await stream.read()

    pair.server.handlers[PING_ID] = silent
    ping = asyncio.ensure_future(pair.ping.ping(pair.server.peer_id))
    await pair.client.idle()
    ping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ping
    assert pair.client.opened[0].is_reset
    await pair.answering.start(pair.server.context)
    assert await pair.ping.ping(pair.server.peer_id) == 0.0
    await pair.server.idle()
    pair.server.failures.clear()


async def test_the_stream_of_a_lost_connection_is_not_used_again(pair: Pair) -> None:
    endless = pair.ping.pings(pair.server.peer_id)
    await anext(endless)
    pair.connection.drop()
    join(pair.client, pair.server)
    await pair.ping.ping(pair.server.peer_id)
    assert len(pair.client.opened) == 2
    await endless.aclose()


class LoopRuntime(FakeRuntime):
    """The loop's own clock."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()


@pytest.mark.spec("PING-11")
async def test_a_stream_on_which_nothing_comes_is_reset() -> None:
    assert PingConfig().idle_timeout_s == 10
    both = Pair(PingConfig(idle_timeout_s=10))
    await both.start()
    both.server.runtime = LoopRuntime()
    stream = await both.open()
    await stream.write(bytes(32))
    assert await stream.read_exactly(32) == bytes(32)
    with pytest.raises(Libp2pError):
        await asyncio.wait_for(stream.read(1), 60)
    await both.server.idle()
    assert both.server.failures == []
    await both.open()
    await both.open()
    await both.server.idle()
    assert both.server.served[-1].reset_code is None


@pytest.mark.spec("PING-11")
async def test_bytes_that_trickle_in_do_not_keep_a_stream() -> None:
    both = Pair(PingConfig(idle_timeout_s=10))
    await both.start()
    both.server.runtime = LoopRuntime()
    stream = await both.open()
    sent = 0
    while not stream.is_reset and sent < 32:
        await stream.write(b"x")
        sent += 1
        await after(1)
    assert stream.is_reset
    assert stream.other.sent == b""


async def test_without_a_handler_or_a_host_it_says_so(pair: Pair) -> None:
    await pair.server.context.stop(pair.answering)
    assert PING_ID not in pair.server.protocols
    with pytest.raises(ProtocolNotSupported):
        await pair.ping.ping(pair.server.peer_id)
    await pair.client.context.stop(pair.ping)
    await pair.client.context.stop(pair.ping)
    with pytest.raises(HostNotRunning):
        await pair.ping.ping(pair.server.peer_id)
