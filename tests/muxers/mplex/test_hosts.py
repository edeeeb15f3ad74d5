"""Hosts that speak mplex, over real sockets."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from aiolibp2p import Host, Limits, Stream
from aiolibp2p.errors import StreamClosed, StreamReset
from aiolibp2p.muxers.mplex import MplexConfig

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]


def host(**options: Any) -> Host:
    return Host(listen=LOOPBACK, muxers=["mplex"], **options)


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


@pytest.mark.spec("MPX-14")
def test_asking_for_it_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    Host(muxers=["yamux", "mplex"])
    [said] = caplog.messages
    assert said.startswith("this host speaks /mplex/6.7.0: it is deprecated")


@pytest.mark.spec("MPX-14")
async def test_it_is_off_unless_asked_for() -> None:
    async with host() as server, Host() as client:
        with pytest.raises(Exception, match="does not support|no stream muxer in common|muxer"):
            await client.connect(server.addresses[0])
    async with Host(listen=LOOPBACK) as server, Host(muxers=["mplex", "yamux"]) as client:
        assert (await client.connect(server.addresses[0])).muxer == "/yamux/1.0.0"


@pytest.mark.spec("MPX-9")
async def test_ten_megabytes_to_a_slow_reader_and_back() -> None:
    data = random.Random(1).randbytes(10 * 1024 * 1024)

    async def slow_echo(stream: Stream) -> None:
        while chunk := await stream.read(16 * 1024):
            for _ in range(3):
                await asyncio.sleep(0)
            await stream.write(chunk)

    async with asyncio.timeout(30), host() as server, host() as client:
        server.set_stream_handler("/echo/1.0.0", slow_echo)
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")

        async def send() -> None:
            await stream.write(data)
            await stream.close_write()

        sending = asyncio.create_task(send())
        assert await stream.read() == data
        await sending


async def test_a_reader_that_never_reads_loses_its_stream_and_the_others_go_on() -> None:
    limits = Limits(mplex=MplexConfig(stall_timeout_s=0.3))
    held = asyncio.Event()

    async def hold(stream: Stream) -> None:
        await stream.read(1)
        held.set()
        await asyncio.get_running_loop().create_future()

    async with asyncio.timeout(20), host(limits=limits) as server, host() as client:
        server.set_stream_handler("/hold/1.0.0", hold)
        server.set_stream_handler("/echo/1.0.0", echo)
        stalled = await client.new_stream(server.addresses[0], "/hold/1.0.0")
        other = await client.new_stream(server.peer_id, "/echo/1.0.0")
        writing = asyncio.create_task(stalled.write(bytes(64 * 1024 * 1024)))
        await held.wait()
        await other.write(b"ping")
        assert await other.read_exactly(4) == b"ping"
        with pytest.raises(StreamReset):
            await writing
        await other.write(b"pong")
        assert await other.read_exactly(4) == b"pong"
        assert len(client.connections()) == len(server.connections()) == 1


@pytest.mark.spec("MPX-9")
async def test_two_that_wait_for_each_other_are_freed() -> None:
    limits = Limits(mplex=MplexConfig(stall_timeout_s=0.3))

    async def hold(stream: Stream) -> None:
        await asyncio.get_running_loop().create_future()

    async def fill(stream: Stream) -> None:
        while True:
            await stream.write(bytes(1024 * 1024))

    async with asyncio.timeout(20), host(limits=limits) as server, host(limits=limits) as client:
        for one in (server, client):
            one.set_stream_handler("/hold/1.0.0", hold)
            one.set_stream_handler("/echo/1.0.0", echo)
        ours = await client.new_stream(server.addresses[0], "/hold/1.0.0")
        theirs = await server.new_stream(client.peer_id, "/hold/1.0.0")
        ends = await asyncio.gather(fill(ours), fill(theirs), return_exceptions=True)
        assert [type(error) for error in ends] == [StreamReset, StreamReset]
        assert len(client.connections()) == len(server.connections()) == 1
        other = await server.new_stream(client.peer_id, "/echo/1.0.0")
        await other.write(b"still there")
        assert await other.read_exactly(11) == b"still there"


async def test_a_hundred_streams_at_once() -> None:
    async def ask(stream: Stream, text: bytes) -> None:
        await stream.write(text)
        assert await stream.read_exactly(len(text)) == text
        await stream.close()

    async with asyncio.timeout(20), host() as server, host() as client:
        server.set_stream_handler("/echo/1.0.0", echo)
        await client.connect(server.addresses[0])
        streams = [await client.new_stream(server.peer_id, "/echo/1.0.0") for _ in range(100)]
        await asyncio.gather(*(ask(stream, b"%d" % number * 1000) for number, stream in enumerate(streams)))
        assert await client.ping(server.peer_id) < 20
        assert len(client.connections()) == len(server.connections()) == 1


@pytest.mark.spec("MPX-6", "MPX-8")
async def test_an_end_is_read_as_an_end_and_a_reset_raises() -> None:
    ended = asyncio.Event()

    async def half(stream: Stream) -> None:
        await stream.write(b"the last")
        await stream.close_write()
        assert await stream.read() == b"still open this way"
        ended.set()

    async def abandon(stream: Stream) -> None:
        await stream.write(b"unread")
        await stream.read(1)
        stream.reset()

    async with asyncio.timeout(10), host() as server, host() as client:
        server.set_stream_handler("/half/1.0.0", half)
        server.set_stream_handler("/abandon/1.0.0", abandon)
        stream = await client.new_stream(server.addresses[0], "/half/1.0.0")
        assert await stream.read() == b"the last"
        await stream.write(b"still open this way")
        await stream.close_write()
        with pytest.raises(StreamClosed):
            await stream.write(b"more")
        await ended.wait()
        stream = await client.new_stream(server.peer_id, "/abandon/1.0.0")
        await stream.write(b"x")
        for _ in range(2):
            with pytest.raises(StreamReset):
                await stream.read()
        assert len(client.connections()) == 1
