from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from aiolibp2p import Host
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.errors import (
    ConfigError,
    HostNotRunning,
    IncompleteRead,
    LimitExceeded,
    ProtocolNotSupported,
    ProtocolViolation,
    StreamCode,
    StreamReset,
    TimeoutExpired,
)
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.fetch import FETCH_ID, Fetch, FetchConfig, FetchFailed
from aiolibp2p.protocols.fetch.messages import Response, Status, decode_response, encode_request, encode_response
from protocols.fakes import FakeHost, FakeStream, ServicePair, join

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
VALUES = {b"/app/name": b"value", b"/app/empty": b"", b"\xff\x00": b"\x00\xfe", "/app/ключ".encode(): b"\xd0"}


class Pair(ServicePair):
    """Two connected hosts; the server answers from a table, and keeps what was asked."""

    def __init__(
        self,
        config: FetchConfig | None = None,
        asking: FetchConfig | None = None,
        values: Mapping[bytes, bytes] = VALUES,
    ) -> None:
        self.fetch, self.serving = Fetch(asking), Fetch(config)
        self.asked: list[tuple[bytes, PeerId]] = []
        self.values = values
        self.serving.register("", self.look_up)
        super().__init__(self.fetch, self.serving)

    async def look_up(self, key: bytes, peer: PeerId) -> bytes | None:
        self.asked.append((key, peer))
        return self.values.get(key)

    async def get(self, key: str | bytes) -> bytes | None:
        return await self.fetch.fetch(self.server.peer_id, key)

    async def open(self) -> FakeStream:
        return await self.client.new_stream_on(self.connection, FETCH_ID)


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until the condition holds, five seconds at most."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    both = Pair()
    await both.start()
    yield both
    await both.client.close()
    await both.server.close()
    assert both.client.failures == []


@pytest.mark.spec("FET-1", "FET-4")
@pytest.mark.parametrize("key", ["/app/name", b"\xff\x00", "/app/ключ"])
async def test_a_value_comes_back(pair: Pair, key: str | bytes) -> None:
    wanted = key.encode() if isinstance(key, str) else key
    assert await pair.get(key) == VALUES[wanted]
    assert pair.asked == [(wanted, pair.client.peer_id)]


@pytest.mark.spec("FET-7")
async def test_a_stream_is_for_one_request_and_both_sides_close(pair: Pair) -> None:
    stream = await pair.open()
    for _ in range(2):
        await stream.write_message(encode_request(b"/app/name"))
    assert decode_response(await stream.read_message()) == Response(Status.OK, b"value")
    assert await stream.read() == b""
    assert len(pair.asked) == 1
    await pair.get("/app/name")
    await pair.get("/app/name")
    await pair.server.idle()
    assert all(one.closed and not one.is_reset for one in pair.client.opened[1:])
    assert len(pair.client.opened) == 3
    assert pair.server.failures == []


@pytest.mark.spec("FET-5")
async def test_an_empty_value_is_one(pair: Pair) -> None:
    assert await pair.get("/app/empty") == b""


@pytest.mark.spec("FET-2")
async def test_not_found_is_none(pair: Pair) -> None:
    assert await pair.get("/app/nothing") is None
    assert pair.asked == [(b"/app/nothing", pair.client.peer_id)]


@pytest.mark.spec("FET-2", "FET-6")
async def test_a_key_without_a_lookup_is_not_found(pair: Pair) -> None:
    pair.serving.unregister("")
    assert await pair.get("/app/name") is None
    assert pair.asked == []


async def answered_with(pair: Pair, message: bytes) -> bytes | None:
    """What a fetch makes of a response."""

    async def answer(stream: FakeStream) -> None:
        await stream.read_message()
        await stream.write_message(message)

    pair.server.handlers[FETCH_ID] = answer
    return await pair.get("k")


@pytest.mark.spec("FET-2", "FET-5")
async def test_what_other_peers_may_answer(pair: Pair) -> None:
    assert await answered_with(pair, encode_response(Response(Status.NOT_FOUND, b"ignored"))) is None
    assert await answered_with(pair, b"") == b""
    assert await answered_with(pair, b"\x12\x01v") == b"v"


@pytest.mark.spec("FET-3")
async def test_an_error_says_what_the_peer_said_of_it(pair: Pair) -> None:
    with pytest.raises(
        FetchFailed, match=rf"peer {pair.server.peer_id} could not look up 'k': full\\x1b\[2J"
    ) as raised:
        await answered_with(pair, encode_response(Response(Status.ERROR, b"full\x1b[2J" + b"x" * 1000)))
    assert len(raised.value.reason) == 256
    with pytest.raises(FetchFailed, match="could not look up 'k'$"):
        await answered_with(pair, encode_response(Response(Status.ERROR)))


@pytest.mark.parametrize("message", [b"\xff", b"\x08\x07"])
async def test_an_answer_that_is_none_resets_the_stream(pair: Pair, message: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="fetch: the response"):
        await answered_with(pair, message)
    assert pair.client.opened[-1].is_reset


async def test_an_end_instead_of_an_answer_is_an_error(pair: Pair) -> None:
    async def leave(stream: FakeStream) -> None:
        await stream.read_message()

    pair.server.handlers[FETCH_ID] = leave
    with pytest.raises(IncompleteRead):
        await pair.get("k")
    assert pair.client.opened[-1].is_reset


# Lookups that fail


@pytest.mark.spec("FET-3")
@pytest.mark.parametrize("fault", ["raises", "too long", "no bytes", "no coroutine"])
async def test_a_lookup_that_fails_is_an_error_and_logged_once(
    pair: Pair, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Closet(Exception):
        pass

    async def broken(key: bytes, peer: PeerId) -> object:
        if fault == "raises":
            raise Closet("a secret")
        return 5 if fault == "no bytes" else bytes(pair.serving.config.max_value_bytes + 1)

    pair.serving.register("/broken", (lambda key, peer: b"v") if fault == "no coroutine" else broken)  # type: ignore[arg-type, return-value]
    with pytest.raises(FetchFailed, match=r"'/broken/1': the lookup failed$"):
        await pair.get("/broken/1")
    await pair.server.idle()
    (failure,) = pair.server.failures
    assert {"raises": Closet, "too long": LimitExceeded}.get(fault, TypeError) is type(failure)
    assert caplog.records == []
    assert await pair.get("/app/name") == b"value"


async def test_a_lookup_that_fails_by_another_peers_fault_is_in_the_log_too(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    async def forward(key: bytes, peer: PeerId) -> bytes | None:
        raise StreamReset("the peer that has it hung up")

    pair.serving.register("/forwarded", forward)
    with caplog.at_level(logging.WARNING), pytest.raises(FetchFailed, match="the lookup failed$"):
        await pair.get("/forwarded")
    (record,) = caplog.records
    assert record.getMessage().endswith(f"for {pair.client.peer_id} failed: the peer that has it hung up")
    assert pair.server.failures == []


@pytest.mark.spec("FET-3")
@pytest.mark.virtual_time
async def test_a_slow_lookup_is_an_error_logged_once_and_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    both = Pair(FetchConfig(lookup_timeout_s=8))
    await both.start()
    ended = asyncio.Event()

    async def slow(key: bytes, peer: PeerId) -> bytes | None:
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    both.serving.register("/slow", slow)
    began_at = asyncio.get_running_loop().time()
    with caplog.at_level(logging.WARNING), pytest.raises(FetchFailed, match="the lookup took too long"):
        await both.get("/slow\n1")
    assert asyncio.get_running_loop().time() - began_at == pytest.approx(8)
    await asyncio.wait_for(ended.wait(), 1)
    (record,) = caplog.records
    assert r"the lookup of '/slow\n1' for" in record.getMessage()
    await both.server.close()


# Requests that are none


@pytest.mark.spec("FET-8")
async def test_a_malformed_request_is_answered_with_an_error(pair: Pair) -> None:
    stream = await pair.open()
    await stream.write_message(b"\xff\xff")
    assert decode_response(await stream.read_message()) == Response(Status.ERROR, b"the request is malformed")
    assert await pair.get("/app/name") == b"value"
    assert pair.server.failures == []


@pytest.mark.spec("FET-8")
@pytest.mark.parametrize("start", [b"\xff" * 12, b"\x80\x80\x80\x01", b"\x09half"])
async def test_a_request_that_is_too_long_or_cut_short_costs_its_stream(pair: Pair, start: bytes) -> None:
    stream = await pair.open()
    await stream.write(start)
    await stream.close_write()
    with pytest.raises(StreamReset):
        await stream.read(1)
    assert await pair.get("/app/name") == b"value"
    assert pair.asked == [(b"/app/name", pair.client.peer_id)]


# Limits


@pytest.mark.spec("FET-7")
async def test_the_size_of_keys_is_limited_on_both_sides() -> None:
    both = Pair(FetchConfig(max_key_bytes=5), values={b"12345": b"v", b"123456": b"w"})
    await both.start()
    assert await both.get("12345") == b"v"
    assert await both.get("123456") is None
    assert [key for key, _peer in both.asked] == [b"12345"]
    with pytest.raises(StreamReset):
        await both.get("1" * 100)
    careful = Pair(asking=FetchConfig(max_key_bytes=5))
    await careful.start()
    with pytest.raises(LimitExceeded, match="a key of 6 bytes; max_key_bytes is 5"):
        await careful.get("123456")
    assert careful.client.opened == []


@pytest.mark.spec("FET-7")
@pytest.mark.parametrize("size", [6, 200])
async def test_the_size_of_values_is_limited_for_who_asks(size: int) -> None:
    both = Pair(asking=FetchConfig(max_value_bytes=5), values={b"fits": bytes(5), b"long": bytes(size)})
    await both.start()
    assert await both.get("fits") == bytes(5)
    with pytest.raises(ProtocolViolation, match="max_value_bytes is 5|over the limit of 69"):
        await both.get("long")
    assert both.client.opened[-1].is_reset


def held(pair: Pair) -> asyncio.Event:
    """Register lookups that wait for this event, at /held."""
    release = asyncio.Event()

    async def wait(key: bytes, peer: PeerId) -> bytes | None:
        await release.wait()
        return b"v"

    pair.serving.register("/held", wait)
    return release


async def test_requests_past_the_limits_are_reset_until_one_ends() -> None:
    both = Pair(FetchConfig(inbound_streams=3, inbound_streams_per_peer=2))
    await both.start()
    release = held(both)
    stranger = FakeHost(PrivateKey.generate("ed25519", lambda n: b"s" * n))
    theirs = join(stranger, both.server)
    streams = [await both.open() for _ in range(3)]
    streams += [await stranger.new_stream_on(theirs, FETCH_ID) for _ in range(2)]
    for stream in streams:
        if not stream.is_reset:
            await stream.write_message(encode_request(b"/held"))
        await both.server.idle()
    codes = [stream.other.reset_code for stream in streams]
    assert codes == [None, None, StreamCode.LIMIT_EXCEEDED, None, StreamCode.LIMIT_EXCEEDED]
    release.set()
    assert decode_response(await streams[0].read_message()) == Response(Status.OK, b"v")
    await both.server.idle()
    assert await both.get("/held") == b"v"
    await both.server.close()


async def test_who_asks_takes_turns_past_the_limit_of_the_peer() -> None:
    # One that is abandoned keeps its place at the server until its lookup ends.
    both = Pair(FetchConfig(inbound_streams_per_peer=5), FetchConfig(outbound_streams_per_peer=4))
    await both.start()
    release = held(both)
    asking = [asyncio.ensure_future(both.get("/held")) for _ in range(20)]
    await both.client.idle()
    assert len(both.client.opened) == 4
    asking.pop().cancel()
    asking.pop(0).cancel()
    await both.client.idle()
    release.set()
    assert await asyncio.gather(*asking) == [b"v"] * 18
    assert [type(failure) for failure in both.server.failures] == [StreamReset]


class FullScope:
    """A scope with room for five bytes."""

    def __init__(self) -> None:
        self.held = 0

    def reserve(self, n: int, priority: int = 255) -> None:
        if self.held + n > 5:
            raise LimitExceeded("service fetch: no memory")
        self.held += n

    def release(self, n: int) -> None:
        self.held -= n

    def done(self) -> None: ...


async def test_values_under_way_count_as_memory_of_the_service() -> None:
    both = Pair(values={b"fits": bytes(5), b"long": bytes(6)})
    both.server.context.scope = scope = FullScope()  # type: ignore[assignment]
    await both.start()
    assert await both.get("fits") == bytes(5)
    with pytest.raises(FetchFailed, match="too busy"):
        await both.get("long")
    assert await both.get("fits") == bytes(5)
    await both.server.idle()
    assert scope.held == 0
    both.server.context.scope = NULL_SCOPE


@pytest.mark.parametrize("field", ["timeout_s", "max_key_bytes", "inbound_streams", "outbound_streams_per_peer"])
def test_a_limit_of_nothing_is_a_mistake(field: str) -> None:
    with pytest.raises(ConfigError, match=rf"{field} takes a number above 0, not 0"):
        FetchConfig(**{field: 0})  # type: ignore[arg-type]


# Silence, and ends


@pytest.mark.virtual_time
async def test_a_peer_that_does_not_answer_is_a_timeout_that_says_so() -> None:
    both = Pair()
    await both.start()

    async def silent(stream: FakeStream) -> None:
        await asyncio.get_running_loop().create_future()

    both.server.handlers[FETCH_ID] = silent
    with pytest.raises(TimeoutExpired, match=r"fetch: no answer from 12D3\w+ for 'k' within 10 s"):
        await both.get("k")
    assert both.client.opened[0].is_reset
    await both.server.close()


@pytest.mark.virtual_time
@pytest.mark.spec("FET-8")
async def test_a_request_that_does_not_come_ends_its_stream() -> None:
    both = Pair(FetchConfig(inbound_streams=1))
    await both.start()
    for start in (b"", b"\x09some"):
        stream = await both.open()
        await stream.write(start)
        with pytest.raises(StreamReset):
            await stream.read(1)
        await both.server.idle()
    assert both.server.failures == []


async def test_a_cancelled_fetch_resets_its_stream(pair: Pair) -> None:
    held(pair)
    asking = asyncio.ensure_future(pair.get("/held"))
    await pair.client.idle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert pair.client.opened[0].is_reset


async def test_without_a_service_or_a_host_it_says_so(pair: Pair) -> None:
    late = await pair.open()
    await pair.server.idle()
    await pair.server.context.stop(pair.serving)
    await late.write_message(encode_request(b"/app/name"))
    with pytest.raises(StreamReset):
        await late.read(1)
    assert late.other.reset_code == StreamCode.SHUTDOWN
    with pytest.raises(ProtocolNotSupported):
        await pair.get("/app/name")
    await pair.client.context.stop(pair.fetch)
    with pytest.raises(HostNotRunning, match="fetch: the host is not running"):
        await pair.get("/app/name")


# Over real connections


async def test_values_of_all_sizes_pass_between_hosts() -> None:
    serving, fetch = Fetch(), Fetch()
    sizes = [0, 1, 1000, 300_000, fetch.config.max_value_bytes]
    values = {b"/%d" % size: bytes([size % 251]) * size for size in sizes}

    async def look_up(key: bytes, peer: PeerId) -> bytes | None:
        return values.get(key)

    serving.register("/", look_up)
    async with (
        asyncio.timeout(20),
        Host(listen=LOOPBACK, services=[serving]) as server,
        Host(services=[fetch]) as client,
    ):
        found = await asyncio.gather(*(fetch.fetch(server.addresses[0], key) for key in values))
        assert found == list(values.values())
        many = await asyncio.gather(*(fetch.fetch(server.peer_id, "/1000") for _ in range(200)))
        assert many == [values[b"/1000"]] * 200
        assert len(client.connections()) == 1
        await until(lambda: client.statistics().streams == server.statistics().streams == 0)


async def test_a_failing_lookup_is_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    serving, fetch = Fetch(), Fetch()

    async def broken(key: bytes, peer: PeerId) -> bytes | None:
        raise KeyError("somewhere in the application")

    serving.register("", broken)
    async with (
        asyncio.timeout(20),
        Host(listen=LOOPBACK, services=[serving]) as server,
        Host(services=[fetch]),
    ):
        with caplog.at_level(logging.WARNING), pytest.raises(FetchFailed, match="the lookup failed"):
            await fetch.fetch(server.addresses[0], "/a")
        (record,) = caplog.records
        assert "fetch: the lookup of '/a' for 12D3" in record.getMessage()
        assert "somewhere in the application" in str(record.exc_info)


@pytest.mark.parametrize("side", ["fetch", "serving"])
async def test_a_host_closes_with_requests_under_way(side: str, caplog: pytest.LogCaptureFixture) -> None:
    serving, fetch = Fetch(), Fetch()
    asked = asyncio.Event()

    async def endless(key: bytes, peer: PeerId) -> bytes | None:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    serving.register("", endless)
    async with (
        asyncio.timeout(20),
        Host(listen=LOOPBACK, services=[serving]) as server,
        Host(services=[fetch]) as client,
    ):
        asking = asyncio.ensure_future(fetch.fetch(server.addresses[0], "/a"))
        await asked.wait()
        with caplog.at_level(logging.WARNING):
            await (client if side == "fetch" else server).close()
        with pytest.raises((StreamReset, FetchFailed)):
            await asking
    assert caplog.records == []
