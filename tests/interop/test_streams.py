"""Real peers: streams. Bulk data with backpressure, many at once, resets, half-closing."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import StreamReset
from interop.ours import (
    BENCH_ECHO_ID,
    ECHO_ID,
    RESET_ID,
    SLOW_ID,
    echoed,
    expect_stall,
    our_host,
    payload,
    read_in_small_pieces,
    send_all,
    within,
)
from interop.peers import Peer, PeerError

pytestmark = pytest.mark.interop

BULK_BYTES = 10 * 1024 * 1024
STREAMS = 100
STREAM_BYTES = 100_000
STALLED_ID = "/interop/stalled/1.0.0"


@pytest.mark.spec("CONN-10", "CONN-11", "YMX-11", "YMX-13", "YMX-14")
async def test_bulk_echo_by_them_while_our_reader_stalls(peer: Peer) -> None:
    data = payload(BULK_BYTES)
    async with our_host() as host:
        stream = await host.new_stream(peer.address, ECHO_ID)
        writing = asyncio.create_task(send_all(stream, data))
        await expect_stall(writing)
        assert await within(20, read_in_small_pieces(stream)) == data
        await writing


@pytest.mark.spec("CONN-11", "YMX-13")
async def test_bulk_echo_by_a_slow_peer(peer: Peer) -> None:
    data = payload(BULK_BYTES)
    async with our_host() as host:
        stream = await host.new_stream(peer.address, SLOW_ID)
        assert await within(20, echoed(stream, data)) == data


@pytest.mark.spec("CONN-11", "YMX-13", "YMX-14")
async def test_bulk_echo_by_us_while_our_reader_stalls(peer: Peer) -> None:
    gate = asyncio.Event()

    async def stalled_echo(stream: Stream) -> None:
        await gate.wait()
        while piece := await stream.read(8192):
            await stream.write(piece)

    async with our_host() as host:
        host.set_stream_handler(STALLED_ID, stalled_echo)
        address = str(host.addresses[0])
        work = asyncio.create_task(peer.command("echo", address=address, bytes=BULK_BYTES, protocol=STALLED_ID))
        await expect_stall(work)
        gate.set()
        assert (await work)["match"] is True


@pytest.mark.spec("CONN-11", "YMX-13")
async def test_bulk_echo_by_us_for_a_slow_peer(peer: Peer) -> None:
    async with our_host() as host:
        done = await peer.command("echo", address=str(host.addresses[0]), bytes=BULK_BYTES, read_delay_ms=4)
        assert (done["bytes"], done["match"]) == (BULK_BYTES, True)


@pytest.mark.parametrize("connected_by", ["us", "them"])
async def test_a_hundred_streams_of_ours(peer: Peer, connected_by: str) -> None:
    async with our_host() as host:
        if connected_by == "them":
            await peer.command("dial", address=str(host.addresses[0]))
        connection = await host.connect(peer.address)
        streams = [await host.new_stream(peer.address, ECHO_ID) for _ in range(STREAMS)]
        data = [payload(STREAM_BYTES, seed) for seed in range(STREAMS)]
        assert await within(20, asyncio.gather(*map(echoed, streams, data))) == data
        assert len(host.connections()) == 1
        assert not connection.is_closed


@pytest.mark.parametrize("connected_by", ["us", "them"])
async def test_a_hundred_streams_of_theirs(peer: Peer, connected_by: str) -> None:
    async with our_host() as host:
        if connected_by == "us":
            await host.connect(peer.address)
            await peer.command("wait_connected", peer=str(host.peer_id))
        done = await peer.command("streams", address=str(host.addresses[0]), count=STREAMS, bytes=STREAM_BYTES)
        assert done["count"] == STREAMS


async def test_both_sides_at_once(peer: Peer) -> None:
    data = payload(2 * 1024 * 1024)
    async with our_host() as host:
        stream = await host.new_stream(peer.address, ECHO_ID)
        await peer.command("wait_connected", peer=str(host.peer_id))
        theirs, ours, pings = await asyncio.gather(
            peer.command("echo", peer=str(host.peer_id), bytes=len(data)),
            echoed(stream, data),
            peer.command("ping", peer=str(host.peer_id), count=20),
        )
        assert theirs["match"] is True
        assert ours == data
        assert len(pings["rtts_ms"]) == 20


async def test_a_thousand_short_streams_leave_nothing_behind(peer: Peer) -> None:
    async with our_host() as host:
        done = await peer.command("opens_rate", address=str(host.addresses[0]), count=1000, concurrency=16)
        assert done["count"] == 1000
        for _ in range(10):
            stream = await host.new_stream(peer.address, BENCH_ECHO_ID)
            assert await echoed(stream, b"short") == b"short"
        [seen] = (await peer.command("connections"))["connections"]
        assert seen["streams"] < 20


@pytest.mark.spec("YMX-9", "YMX-26")
async def test_they_reset_with_a_code(peer: Peer) -> None:
    async with our_host() as host:
        stream = await host.new_stream(peer.address, RESET_ID)
        await stream.write((77).to_bytes(4, "big"))
        with pytest.raises(StreamReset) as reset:
            await within(5, stream.read())
        assert reset.value.code == (77 if peer.traits.reset_codes else 0)
        assert await host.ping(peer.address) > 0


@pytest.mark.spec("YMX-9")
async def test_we_reset_and_they_notice(peer: Peer) -> None:
    async with our_host() as host:
        with pytest.raises(PeerError) as failed:
            await peer.command("echo", address=str(host.addresses[0]), bytes=4, chunk=4, protocol=RESET_ID)
        assert failed.value.kind == ("stream_reset" if peer.traits.hears_resets else "other")
        assert len((await peer.command("ping", peer=str(host.peer_id)))["rtts_ms"]) == 1


async def test_they_reset_a_stream_we_serve(peer: Peer) -> None:
    ended: asyncio.Future[StreamReset] = asyncio.get_running_loop().create_future()

    async def serve(stream: Stream) -> None:
        try:
            async for chunk in stream:
                await stream.write(chunk)
        except StreamReset as reset:
            ended.set_result(reset)
            raise

    async with our_host() as host:
        host.set_stream_handler("/interop/watched/1.0.0", serve)
        await peer.command("reset", address=str(host.addresses[0]), code=42, protocol="/interop/watched/1.0.0")
        assert (await within(5, ended)).code == (42 if peer.traits.reset_codes else 0)


@pytest.mark.spec("CONN-10", "YMX-8")
async def test_half_closing_first(peer: Peer) -> None:
    async with our_host() as host:
        stream = await host.new_stream(peer.address, ECHO_ID)
        await stream.write(b"all of it")
        await stream.close_write()
        assert await within(5, stream.read()) == b"all of it"
        empty = await host.new_stream(peer.address, ECHO_ID)
        await empty.close_write()
        assert await within(5, empty.read()) == b""
        assert (await peer.command("echo", peer=str(host.peer_id), bytes=0))["bytes"] == 0
