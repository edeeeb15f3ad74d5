"""Every security with every muxer that hosts know by name, between real hosts over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import product

import pytest

from aiolibp2p import Host, Limits, PrivateKey, Stream
from aiolibp2p.assembly import MUXERS, SECURITIES
from aiolibp2p.assembly.choices import Ingredients
from aiolibp2p.errors import ConnectionLost, StreamReset
from aiolibp2p.io.runtime import SystemRuntime
from stream_pair import LOOPBACK, echo
from testing.tap import tapped

GIVEN = Ingredients(PrivateKey.generate(), SystemRuntime(), Limits(), "")
every_pairing = pytest.mark.parametrize(("security", "muxer"), list(product(SECURITIES, MUXERS)))

HOSTILE = b"\xff" * 200_000
"""More than the longest frame of noise, so that nobody waits for its rest."""


def host(security: str, muxer: str, listen: list[str] | None = None) -> Host:
    return Host(security=[security], muxers=[muxer], listen=listen or [])


@asynccontextmanager
async def two_hosts(security: str, muxer: str) -> AsyncIterator[tuple[Host, Host]]:
    """A server that echoes, and a client."""
    async with (
        asyncio.timeout(30),
        host(security, muxer, LOOPBACK) as server,
        host(security, muxer) as client,
    ):
        server.set_stream_handler("/echo", echo)
        yield server, client


async def read_exactly_while_writing(stream: Stream, data: bytes) -> bytes:
    _, came = await asyncio.gather(stream.write(data), stream.read_exactly(len(data)))
    return came


@every_pairing
async def test_they_meet_and_ten_streams_echo(security: str, muxer: str) -> None:
    async with two_hosts(security, muxer) as (server, client):
        connection = await client.connect(server.addresses[0])
        assert (connection.security, connection.muxer) == (
            SECURITIES[security].make(GIVEN).protocol_id,
            MUXERS[muxer].make(GIVEN).protocol_id,
        )
        assert connection.remote_peer == server.peer_id
        (other,) = server.connections()
        assert (other.remote_peer, other.early_muxer) == (client.peer_id, connection.early_muxer)
        streams = [await client.new_stream(server.peer_id, "/echo") for _ in range(10)]
        texts = [bytes([number]) * 300_000 for number in range(10)]
        came = await asyncio.gather(*map(read_exactly_while_writing, streams, texts))
        assert came == texts
        for stream in streams:
            await stream.close()
        assert await client.ping(server.peer_id) >= 0


@every_pairing
async def test_one_half_closes_and_the_other_goes_on(security: str, muxer: str) -> None:
    async def backwards(stream: Stream) -> None:
        await stream.write((await stream.read())[::-1])

    async with two_hosts(security, muxer) as (server, client):
        server.set_stream_handler("/backwards", backwards)
        stream = await client.new_stream(server.addresses[0], "/backwards")
        await stream.write(bytes(range(200)) * 1000)
        await stream.close_write()
        assert await stream.read() == (bytes(range(200)) * 1000)[::-1]


@every_pairing
async def test_either_side_resets(security: str, muxer: str) -> None:
    failures: asyncio.Queue[StreamReset] = asyncio.Queue(8)

    async def waits(stream: Stream) -> None:
        await stream.write(b"!")
        try:
            await stream.read()
        except StreamReset as error:
            failures.put_nowait(error)

    async def resets(stream: Stream) -> None:
        await stream.read(1)
        stream.reset(7)

    async with two_hosts(security, muxer) as (server, client):
        server.set_stream_handler("/waits", waits)
        server.set_stream_handler("/resets", resets)
        stays = await client.new_stream(server.addresses[0], "/echo")
        assert await read_exactly_while_writing(stays, b"before") == b"before"
        stream = await client.new_stream(server.addresses[0], "/waits")
        assert await stream.read(1) == b"!"
        stream.reset(7)
        code = (await failures.get()).code
        stream = await client.new_stream(server.addresses[0], "/resets")
        await stream.write(b"x")
        with pytest.raises(StreamReset) as caught:
            await stream.read()
        assert [code, caught.value.code] == ([7, 7] if muxer == "yamux" else [0, 0])
        assert await read_exactly_while_writing(stays, b"after") == b"after"


@every_pairing
@pytest.mark.parametrize("to_server", [True, False])
async def test_hostile_bytes_end_only_their_connection(security: str, muxer: str, to_server: bool) -> None:
    async with (
        two_hosts(security, muxer) as (server, client),
        host(security, muxer) as bystander,
        tapped(server.addresses[0]) as tap,
    ):
        beside = await bystander.new_stream(server.addresses[0], "/echo")
        assert await read_exactly_while_writing(beside, b"before") == b"before"
        stream = await client.new_stream(tap.address, "/echo")
        assert await read_exactly_while_writing(stream, b"before") == b"before"
        assert len(server.connections()) == 2
        tap.put_in(HOSTILE, to_server)
        with pytest.raises((StreamReset, ConnectionLost)):
            await stream.read()
        await until(lambda: not client.connections())
        await until(lambda: len(server.connections()) == 1)
        assert await read_exactly_while_writing(beside, b"after") == b"after"
        again = await client.new_stream(server.addresses[0], "/echo")
        assert await read_exactly_while_writing(again, b"again") == b"again"


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0)
