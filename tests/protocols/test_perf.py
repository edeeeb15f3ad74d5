from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from aiolibp2p import Host
from aiolibp2p.errors import (
    ConfigError,
    HostNotRunning,
    IncompleteRead,
    ProtocolNotSupported,
    ProtocolViolation,
    StreamCode,
    StreamReset,
    TimeoutExpired,
)
from aiolibp2p.events import PeerDisconnected
from aiolibp2p.muxers.yamux.frames import INITIAL_WINDOW_BYTES
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.protocols.perf import (
    MAX_CHUNK_BYTES,
    MAX_SIZE_BYTES,
    PERF_ID,
    Perf,
    PerfConfig,
)
from protocols.fakes import FakeHost, FakeRuntime, FakeStream, ServicePair, join

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
CHUNK_BYTES = PerfConfig().chunk_bytes


def header(size: int) -> bytes:
    return struct.pack(">Q", size)


class Pair(ServicePair):
    """Two connected hosts with perf, in memory."""

    def __init__(self, config: PerfConfig | None = None, serving: PerfConfig | None = None) -> None:
        self.perf = Perf(config)
        super().__init__(self.perf, Perf(serving or config))

    async def open(self) -> FakeStream:
        return await self.client.new_stream_on(self.connection, PERF_ID)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    both = Pair()
    await both.start()
    yield both
    await both.client.close()
    await both.server.close()
    assert both.client.failures == both.server.failures == []


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until it holds, five seconds at most."""
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


# The bytes


@pytest.mark.spec("PRF-1", "PRF-4")
@pytest.mark.parametrize(
    ("upload", "download"),
    [(0, 0), (1, 0), (0, 1), (1, 1), (CHUNK_BYTES, CHUNK_BYTES), (3 * CHUNK_BYTES + 7, 2 * CHUNK_BYTES + 5)],
)
async def test_a_size_then_the_upload_then_the_download(pair: Pair, upload: int, download: int) -> None:
    result = await pair.perf.measure(pair.server.peer_id, upload, download)
    await pair.server.idle()
    (ours,), (theirs,) = pair.client.opened, pair.server.served
    assert ours.sent == header(download) + bytes(upload)
    assert theirs.sent == bytes(download)
    assert (result.uploaded_bytes, result.downloaded_bytes) == (upload, download)
    assert ours.closed
    assert theirs.closed
    assert not ours.is_reset


@pytest.mark.spec("PRF-2", "PRF-3")
@pytest.mark.parametrize("piece", [1, 3, 7, 8, 9, 1 << 20])
async def test_nothing_is_sent_before_all_has_come(pair: Pair, piece: int) -> None:
    stream = await pair.open()
    stream.other.piece = piece
    for part in (header(5)[:3], header(5)[3:], b"some", b"", b"more"):
        await stream.write(part)
        await pair.server.idle()
        assert stream.other.sent == b""
    await stream.close_write()
    assert await stream.read() == bytes(5)
    assert stream.other.closed


@pytest.mark.spec("PRF-6")
async def test_the_payload_is_made_once(pair: Pair) -> None:
    written: list[int] = []
    stream = await pair.open()

    class Noting(FakeStream):
        async def write(self, data: bytes) -> None:
            written.append(id(data))
            await super().write(data)

    stream.other.__class__ = Noting
    await stream.write(header(5 * CHUNK_BYTES))
    await stream.close_write()
    assert await stream.read() == bytes(5 * CHUNK_BYTES)
    assert len(written) == 5
    assert len(dict.fromkeys(written)) == 1
    assert pair.server.runtime.draws == 0


@pytest.mark.spec("PRF-4")
@pytest.mark.parametrize(
    ("sent", "complaint"), [(0, "0 bytes came"), (9, "9 bytes came"), (11, "more than 10 bytes came")]
)
async def test_another_number_of_bytes_is_a_failure(pair: Pair, sent: int, complaint: str) -> None:
    async def liar(stream: FakeStream) -> None:
        await stream.read()
        await stream.write(bytes(sent))

    pair.server.handlers[PERF_ID] = liar
    with pytest.raises(ProtocolViolation, match=f"{complaint} from peer 12D3.*10 were asked for"):
        await pair.perf.measure(pair.server.peer_id, 3, 10)
    assert pair.client.opened[0].is_reset
    pair.server.failures.clear()


@pytest.mark.spec("PRF-4")
@pytest.mark.parametrize("wanted", [0, 10])
async def test_a_server_that_never_stops_is_stopped(pair: Pair, wanted: int) -> None:
    async def generous(stream: FakeStream) -> None:
        while True:
            await stream.write(bytes(8))
            await asyncio.sleep(0)

    pair.server.handlers[PERF_ID] = generous
    async with asyncio.timeout(5):
        with pytest.raises(ProtocolViolation, match=f"more than {wanted} bytes came"):
            await pair.perf.measure(pair.server.peer_id, 0, wanted)
        await pair.server.idle()
    assert pair.client.opened[0].is_reset
    pair.server.failures.clear()


@pytest.mark.spec("PRF-7")
@pytest.mark.virtual_time
async def test_a_download_whose_time_is_up_is_abandoned(pair: Pair) -> None:
    async def slow(stream: FakeStream) -> None:
        await stream.read()
        await stream.write(b"!")
        await asyncio.get_running_loop().create_future()

    pair.server.handlers[PERF_ID] = slow
    result = await pair.perf.measure(pair.server.peer_id, 0, MAX_SIZE_BYTES, duration_s=10)
    assert asyncio.get_running_loop().time() == 10
    assert result.downloaded_bytes == 1
    assert pair.client.opened[0].is_reset


@pytest.mark.spec("PRF-1")
@pytest.mark.parametrize("start", [b"", header(5)[:7]])
async def test_an_end_inside_the_size_is_an_error(pair: Pair, start: bytes) -> None:
    stream = await pair.open()
    await stream.write(start)
    await stream.close_write()
    await pair.server.idle()
    assert stream.is_reset
    assert stream.other.sent == b""
    (failure,) = pair.server.failures
    assert isinstance(failure, IncompleteRead)
    pair.server.failures.clear()


async def test_sizes_that_cannot_be_asked_for_are_refused(pair: Pair) -> None:
    for sizes in ((-1, 0), (0, -1), (0, MAX_SIZE_BYTES + 1)):
        with pytest.raises(ConfigError, match="sizes are 0 to"):
            await pair.perf.measure(pair.server.peer_id, *sizes)
    assert pair.client.opened == []


@pytest.mark.parametrize("chunk_bytes", [0, -1, MAX_CHUNK_BYTES + 1])
def test_chunks_have_a_size(chunk_bytes: int) -> None:
    with pytest.raises(ConfigError, match="chunk_bytes"):
        Perf(PerfConfig(chunk_bytes=chunk_bytes))


async def test_progress_and_times() -> None:
    class Ticking(FakeRuntime):
        def now(self) -> float:
            self.time += 1
            return self.time

    both = Pair(PerfConfig(chunk_bytes=4))
    clock = both.client.runtime = Ticking()
    await both.start()
    seen: list[tuple[int, int]] = []
    result = await both.perf.measure(both.server.peer_id, 9, 6, on_progress=lambda up, down: seen.append((up, down)))
    assert seen == [(4, 0), (8, 0), (9, 0), (9, 4), (9, 6)]
    assert result.connect_s == 1
    assert result.upload_s > result.download_s > 1
    assert result.total_s == clock.time - 101


# Who is served


@pytest.mark.spec("PRF-5")
async def test_no_host_serves_it_unasked() -> None:
    async with Host(listen=LOOPBACK) as plain, Host(listen=LOOPBACK, services=[Perf()]) as asked, Host() as client:
        assert PERF_ID not in plain.protocols
        assert PERF_ID in asked.protocols
        stream = await client.new_stream(plain.addresses[0], PERF_ID)
        await stream.write(header(1))
        with pytest.raises(ProtocolNotSupported):
            await stream.read()
        assert isinstance(asked.service(Perf), Perf)
        with pytest.raises(ConfigError, match=r"services=\[Perf"):
            plain.service(Perf)


@pytest.mark.spec("PRF-9")
async def test_a_list_of_those_who_are_served() -> None:
    both = Pair()
    both.answering = Perf(PerfConfig(allowed_peers=[both.client.peer_id]))
    both.asking = both.perf = Perf(PerfConfig(allowed_peers=[both.client.peer_id]))
    await both.start()
    assert (await both.perf.measure(both.server.peer_id, 1, 1)).downloaded_bytes == 1
    ours, theirs = both.connection.other.stream_pair(PERF_ID)
    both.client.serve(theirs)
    await both.client.idle()
    assert theirs.reset_code == StreamCode.GATED
    with pytest.raises(StreamReset):
        await ours.read()


@pytest.mark.spec("PRF-5", "PRF-9")
async def test_who_serves_nobody_does_not_offer_it_and_still_measures() -> None:
    both = Pair(PerfConfig(allowed_peers=()), serving=PerfConfig())
    await both.start()
    assert PERF_ID not in both.client.protocols
    assert (await both.perf.measure(both.server.peer_id, 1, 1)).downloaded_bytes == 1


async def test_streams_past_the_limits_are_refused_until_one_ends() -> None:
    both = Pair(PerfConfig(inbound_streams=3, inbound_streams_per_peer=2))
    await both.start()
    stranger = FakeHost(PrivateKey.generate("ed25519", lambda n: b"s" * n))
    theirs = join(stranger, both.server)
    streams = [await both.open() for _ in range(3)]
    others = [await stranger.new_stream_on(theirs, PERF_ID) for _ in range(2)]
    await both.server.idle()
    codes = [stream.other.reset_code for stream in (*streams, *others)]
    assert codes == [None, None, StreamCode.LIMIT_EXCEEDED, None, StreamCode.LIMIT_EXCEEDED]
    await streams[0].write(header(0))
    await streams[0].close_write()
    assert await streams[0].read() == b""
    await both.server.idle()
    last = await stranger.new_stream_on(theirs, PERF_ID)
    await both.server.idle()
    assert last.other.reset_code is None
    await both.server.close()


async def test_without_a_handler_or_a_host_it_says_so(pair: Pair) -> None:
    await pair.server.context.stop(pair.answering)
    with pytest.raises(ProtocolNotSupported):
        await pair.perf.measure(pair.server.peer_id)
    await pair.client.context.stop(pair.perf)
    await pair.client.context.stop(pair.perf)
    with pytest.raises(HostNotRunning):
        await pair.perf.measure(pair.server.peer_id)
    with pytest.raises(HostNotRunning):
        await pair.perf.handshakes(pair.server.peer_id, 1)


# Silence


class LoopRuntime(FakeRuntime):
    """The loop's own clock."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()


@pytest.mark.virtual_time
async def test_a_client_that_falls_silent_is_reset() -> None:
    both = Pair(PerfConfig(idle_timeout_s=10, inbound_streams=1))
    both.server.runtime = LoopRuntime()
    await both.start()
    for start in (b"", header(9), header(9) + b"some"):
        stream = await both.open()
        await stream.write(start)
        with pytest.raises(StreamReset):
            await stream.read(1)
        await both.server.idle()
    assert both.server.failures == []


@pytest.mark.virtual_time
async def test_a_server_that_falls_silent_is_a_timeout_that_says_so() -> None:
    both = Pair(PerfConfig(idle_timeout_s=10))
    both.client.runtime = LoopRuntime()
    await both.start()

    async def silent(stream: FakeStream) -> None:
        await stream.write(b"!")
        await asyncio.get_running_loop().create_future()

    both.server.handlers[PERF_ID] = silent
    with pytest.raises(TimeoutExpired, match=r"nothing moved to or from peer 12D3\w+ for 10 s"):
        await both.perf.measure(both.server.peer_id, 10, 10)
    assert both.client.opened[0].is_reset
    await both.server.close()


async def test_a_cancelled_measurement_resets_its_stream(pair: Pair) -> None:
    async def silent(stream: FakeStream) -> None:
        await asyncio.get_running_loop().create_future()

    pair.server.handlers[PERF_ID] = silent
    measuring = asyncio.ensure_future(pair.perf.measure(pair.server.peer_id, 0, 10))
    await pair.client.idle()
    measuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await measuring
    assert pair.client.opened[0].is_reset


# Over real connections


@asynccontextmanager
async def hosts(serving: PerfConfig | None = None) -> AsyncIterator[tuple[Host, Host, Perf]]:
    """A server, a client and its service, within 20 seconds."""
    perf = Perf()
    async with (
        asyncio.timeout(20),
        Host(listen=LOOPBACK, services=[Perf(serving)]) as server,
        Host(services=[perf]) as client,
    ):
        yield server, client, perf


@pytest.mark.spec("PRF-4", "PRF-7", "PRF-8")
@pytest.mark.alone
async def test_upload_and_download() -> None:
    async with hosts() as (server, client, perf):
        seen: list[tuple[int, int]] = []
        result = await perf.measure(
            server.addresses[0], 3_000_001, 2_000_003, on_progress=lambda up, down: seen.append((up, down))
        )
        assert (result.uploaded_bytes, result.downloaded_bytes) == (3_000_001, 2_000_003)
        assert seen == sorted(seen)
        assert seen[-1] == (3_000_001, 2_000_003)
        assert min(result.connect_s, result.upload_s, result.download_s) > 0
        again = await perf.measure(server.peer_id, 1, 1)
        assert again.connect_s < result.connect_s
        assert len(client.connections()) == 1
        await until(lambda: client.statistics().streams == server.statistics().streams == 0)


@pytest.mark.spec("PRF-1", "PRF-7", "PRF-8")
@pytest.mark.alone
async def test_what_passes_in_a_given_time() -> None:
    async with hosts() as (server, client, perf):
        tasks = server.statistics().tasks
        result = await perf.measure(server.addresses[0], MAX_SIZE_BYTES, MAX_SIZE_BYTES, duration_s=0.1)
        assert 0.09 < result.upload_s < 5  # uvloop rounds to milliseconds
        assert 0.09 < result.download_s < 5
        assert min(result.uploaded_bytes, result.downloaded_bytes) > CHUNK_BYTES
        # The server's handler has ended: there was no end of what it had to send.
        await until(lambda: server.statistics().tasks <= tasks + 1)
        await until(lambda: client.statistics().streams == server.statistics().streams == 0)
        assert await client.ping(server.peer_id) > 0


@pytest.mark.spec("PRF-8")
@pytest.mark.alone
async def test_handshakes_in_a_given_time() -> None:
    async with hosts() as (server, client, perf), Host(services=[Perf()]) as second:
        left = server.events(PeerDisconnected)
        results = await asyncio.gather(
            perf.handshakes(server.addresses[0], 0.1), second.service(Perf).handshakes(server.addresses[0], 0.1)
        )
        for result in results:
            assert result.count > 0
            assert 0.1 <= result.seconds < 5
            assert result.per_second == result.count / result.seconds
        for _ in range(sum(result.count for result in results)):
            await anext(left)
        assert client.connections() == second.connections() == []
        await client.connect(server.addresses[0])
        with pytest.raises(ConfigError, match="already"):
            await perf.handshakes(server.addresses[0], 0.1)
        assert len(client.connections()) == 1
        assert (await perf.handshakes(server.addresses[0], 0)).per_second == 0


@pytest.mark.spec("PRF-7")
async def test_a_client_that_leaves_mid_download_stops_the_server() -> None:
    async with hosts() as (server, client, _perf):
        stream = await client.new_stream(server.addresses[0], PERF_ID)
        await stream.write(header(MAX_SIZE_BYTES))
        await stream.close_write()
        await stream.read_exactly(CHUNK_BYTES)
        assert server.statistics().streams == 1
        stream.reset()
        await until(lambda: server.statistics().streams == 0)
        assert (await client.service(Perf).measure(server.peer_id, 1, 1)).downloaded_bytes == 1


@pytest.mark.spec("PRF-1")
async def test_a_client_that_takes_nothing_costs_a_window_and_ends_at_the_deadline() -> None:
    async with hosts(PerfConfig(idle_timeout_s=0.2)) as (server, client, _perf):
        stream = await client.new_stream(server.addresses[0], PERF_ID)
        await stream.write(header(MAX_SIZE_BYTES))
        await until(lambda: server.statistics().streams == 1)
        sent: dict[int, int] = {}
        session = server.connections()[0].session  # type: ignore[attr-defined]
        write = session.write

        def counted(stream_id: int, data: bytes) -> int:
            taken: int = write(stream_id, data)
            sent[stream_id] = sent.get(stream_id, 0) + taken
            return taken

        session.write = counted
        await stream.close_write()
        await until(lambda: server.statistics().streams == client.statistics().streams == 0)
        with pytest.raises(StreamReset):
            await stream.read(1)
        assert INITIAL_WINDOW_BYTES - 100 < max(sent.values()) <= INITIAL_WINDOW_BYTES
        assert await client.ping(server.peer_id) > 0


async def test_a_connection_that_takes_nothing_ends_at_the_deadline() -> None:
    async with hosts(PerfConfig(idle_timeout_s=0.05)) as (server, client, _perf):
        stream = await client.new_stream(server.addresses[0], PERF_ID)
        await stream.write(header(MAX_SIZE_BYTES))
        await client.ping(server.peer_id)
        server.connections()[0].flow.pause_writing()  # type: ignore[attr-defined]
        await stream.close_write()
        await until(lambda: server.statistics().streams == 0)
        server.connections()[0].flow.resume_writing()  # type: ignore[attr-defined]
        with pytest.raises(StreamReset):
            await stream.read(1)
