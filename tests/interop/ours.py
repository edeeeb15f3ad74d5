"""Our side of the interop tests: hosts that serve what interop/README.md asks of every peer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import pytest

from aiolibp2p import Host, PeerId, PrivateKey
from aiolibp2p.abc.stream import MuxedConnection, Stream
from interop.kubo_peer import KuboPeer
from interop.peers import Peer, PeerError

ECHO_ID = "/interop/echo/1.0.0"
SLOW_ID = "/interop/slow/1.0.0"
RESET_ID = "/interop/reset/1.0.0"
BENCH_ECHO_ID = "/bench/echo/1.0.0"

LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
STALL_S = 0.3
SMALL_READ_BYTES = 8192
ECHO_BYTES = 300_000
FLOOD_BYTES = 256 * 1024 * 1024
REFUSED_S = 5.0
"""The seconds within which a refusal is one, and no time-out; refusals take milliseconds."""

Recorder: TypeAlias = Callable[[str, object], None]
"""The function that pytest's fixture `record_property` is."""

ResultT = TypeVar("ResultT")


@asynccontextmanager
async def our_host(key: str = "ed25519", listen: Sequence[str] = LOOPBACK, **options: Any) -> AsyncIterator[Host]:
    """A running host with a fresh key of that type, serving the echo and reset protocols."""
    async with Host(key=PrivateKey.generate(key), listen=list(listen), **options) as host:
        for protocol_id in (ECHO_ID, BENCH_ECHO_ID):
            host.set_stream_handler(protocol_id, echo)
        host.set_stream_handler(RESET_ID, reset_as_asked)
        yield host


async def echo(stream: Stream) -> None:
    """Send back what comes, to the end."""
    async for chunk in stream:
        await stream.write(chunk)


async def reset_as_asked(stream: Stream) -> None:
    """Reset with the error code that comes as a big-endian uint32."""
    stream.reset(int.from_bytes(await stream.read_exactly(4), "big"))


def payload(size: int, seed: int = 0) -> bytes:
    """Bytes that nothing compresses or repeats."""
    return random.Random(seed).randbytes(size)


def bare(address: object) -> str:
    """An address without its peer id."""
    return str(address).partition("/p2p/")[0]


async def send_all(stream: Stream, data: bytes, chunk: int = 65536) -> None:
    """Write in chunks, then half-close."""
    for start in range(0, len(data), chunk):
        await stream.write(data[start : start + chunk])
    await stream.close_write()


async def read_in_small_pieces(stream: Stream) -> bytes:
    """Everything to the end, 8 KiB at a time."""
    received = bytearray()
    while piece := await stream.read(SMALL_READ_BYTES):
        received += piece
    return bytes(received)


async def echoed(stream: Stream, data: bytes) -> bytes:
    """What comes back when `data` is written while reading."""
    writing = asyncio.create_task(send_all(stream, data))
    received = await read_in_small_pieces(stream)
    await writing
    return received


async def expect_stall(work: asyncio.Future[ResultT]) -> None:
    """Assert that work which nobody reads for does not finish by itself."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(STALL_S):
            await asyncio.shield(work)


async def write_until_stalled(stream: Stream, piece: bytes) -> tuple[int, asyncio.Future[None]]:
    """Write pieces until one waits for a reader: how many, and the one that waits. Sockets alone hold tens of MB."""
    for count in range(1, FLOOD_BYTES // len(piece)):
        writing = asyncio.ensure_future(stream.write(piece))
        try:
            await within(STALL_S, asyncio.shield(writing))
        except TimeoutError:
            return count, writing
    raise AssertionError(f"nobody reads, and yet {FLOOD_BYTES} bytes went out")


async def within(seconds: float, work: Awaitable[ResultT]) -> ResultT:
    """The result of `work`, or TimeoutError."""
    async with asyncio.timeout(seconds):
        return await work


async def connected(host: Host, peer: Peer, direction: str) -> MuxedConnection:
    """The one connection between the two, dialled by the side that the direction names."""
    if direction == "we dial":
        await host.connect(peer.address)
        if not isinstance(peer, KuboPeer):
            await peer.command("wait_connected", peer=str(host.peer_id))
    else:
        await peer.command("dial", address=str(host.addresses[0]))
    [connection] = host.connections()
    assert connection.is_outbound is (direction == "we dial")
    return connection


async def exchange(host: Host, peer: Peer) -> None:
    """Pings and echoes both ways, on the connection that stands."""
    peer_id = PeerId.parse(peer.peer_id)
    for _ in range(3):
        assert 0 < await host.ping(peer_id) < 5
    assert str((await host.identify(peer_id)).peer_id) == peer.peer_id
    if isinstance(peer, KuboPeer):
        return  # it serves no echo
    data = payload(ECHO_BYTES)
    assert await within(20, echoed(await host.new_stream(peer_id, ECHO_ID), data)) == data
    assert len((await peer.command("ping", peer=str(host.peer_id), count=3))["rtts_ms"]) == 3
    assert (await peer.command("echo", peer=str(host.peer_id), bytes=ECHO_BYTES))["match"] is True


async def refused(peer: Peer, address: str, timeout: float = REFUSED_S) -> PeerError:
    """Return why their dial of us failed: of itself, not because its time was up."""
    with pytest.raises(PeerError) as failed:
        await peer.command("dial", address=address, timeout=timeout)
    assert failed.value.kind != "timeout", failed.value.error
    return failed.value
