"""What a connection held is freed when it ends, and does not wait for the collector of cycles."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from aiolibp2p import Host
from aiolibp2p.abc.stream import MuxedConnection, Stream
from aiolibp2p.io.driver import Driver
from aiolibp2p.muxers.yamux.session import YamuxSession

ECHO_ID = "/echo/1.0.0"


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def gone(ends: list[weakref.ref[MuxedConnection]]) -> None:
    async with asyncio.timeout(5):
        while any(end() is not None for end in ends):
            await asyncio.sleep(0)


async def test_a_dead_connection_leaves_nothing_to_the_collector() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as server, Host() as client:
        server.set_stream_handler(ECHO_ID, echo)
        stream = await client.new_stream(server.addresses[0], ECHO_ID)
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"hello"
        await client.identify(server.peer_id)
        ends = [weakref.ref(host.connections()[0]) for host in (client, server)]
        gc.collect()
        before = sum(isinstance(one, YamuxSession) for one in gc.get_objects())
        gc.disable()
        try:
            await stream.close()
            del stream
            await client.disconnect(server.peer_id)
            await gone(ends)
            after = sum(isinstance(one, YamuxSession) for one in gc.get_objects())
        finally:
            gc.enable()
        assert after == before - 2


HELLO = b"\x13/multistream/1.0.0\n"
NOISE, TLS = HELLO + b"\x07/noise\n", HELLO + b"\x0b/tls/1.0.0\n"


@pytest.mark.parametrize("half_closes", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        NOISE,
        NOISE + b"\x00\x02??",
        TLS,
        TLS + b"\x16\x03\x01\x00\x04\x01\x00\x00\x09",
        TLS + b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    ],
)
async def test_nor_does_an_upgrade_that_fails(said: bytes, half_closes: bool) -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as server:
        gc.collect()
        before = drivers()
        gc.disable()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0].port)
            writer.write(said)
            if half_closes:
                writer.write_eof()
            while drivers() == before and not reader.at_eof():
                await reader.read(1000)
            writer.close()
            await no_more_than(before)
        finally:
            gc.enable()


async def no_more_than(count: int) -> None:
    async with asyncio.timeout(5):
        while drivers() > count:
            await asyncio.sleep(0)


def drivers() -> int:
    return sum(isinstance(one, Driver) for one in gc.get_objects())
