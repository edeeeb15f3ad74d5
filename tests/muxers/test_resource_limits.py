"""Hosts with narrow `ResourceLimits`: the muxers ask for each stream and each unread byte."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p import Host, Limits, Stream
from aiolibp2p.assembly.config import Seams
from aiolibp2p.errors import StreamCode, StreamReset
from aiolibp2p.events import PeerIdentified
from aiolibp2p.resource_manager import ResourceLimits, ResourceManager

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
HOLD_ID = "/hold/1.0.0"
MUXERS = pytest.mark.parametrize(("muxer", "code"), [("yamux", StreamCode.LIMIT_EXCEEDED.value), ("mplex", 0)])
"""The code of a reset by a limit: mplex has none."""


class Holder:
    """A handler that reads nothing until it may, and remembers how each stream ended."""

    def __init__(self) -> None:
        self.may_read = asyncio.Event()
        self.ends: list[str] = []

    async def __call__(self, stream: Stream) -> None:
        await self.may_read.wait()
        try:
            while await stream.read(65536):
                pass
        except StreamReset as error:
            self.ends.append(str(error))
        else:
            self.ends.append("whole")


async def fill(client: Host, server: Host, n: int) -> Stream:
    """A stream with `n` bytes that the server holds unread."""
    stream = await client.new_stream(server.addresses[0], HOLD_ID)
    await stream.write(bytes(n))
    return stream


@MUXERS
async def test_a_stream_past_the_unread_bytes_of_its_connection_is_reset(muxer: str, code: int) -> None:
    resources = ResourceManager(ResourceLimits(unread_bytes_per_connection=200_000))
    held = Holder()
    async with (
        asyncio.timeout(30),
        Host(listen=LOOPBACK, muxers=[muxer], seams=Seams(resources=resources)) as server,
        Host(muxers=[muxer]) as client,
    ):
        server.set_stream_handler(HOLD_ID, held)
        first = await fill(client, server, 150_000)
        second = await fill(client, server, 100_000)
        with pytest.raises(StreamReset) as caught:
            await second.read()
        assert caught.value.code == code
        assert 150_000 <= resources.statistics().system.memory <= 200_000
        held.may_read.set()
        await first.close_write()
        assert await first.read() == b""
        third = await fill(client, server, 100_000)
        await third.close_write()
        assert await third.read() == b""
        [refused] = [end for end in held.ends if end != "whole"]
        assert "ResourceLimits(unread_bytes_per_connection=...)" in refused
    assert resources.statistics().system.memory == 0


@MUXERS
async def test_a_stream_past_the_inbound_streams_of_its_connection_is_reset(muxer: str, code: int) -> None:
    limits = Limits(resources=ResourceLimits(inbound_streams_per_connection=3))
    held = Holder()
    async with (
        asyncio.timeout(30),
        Host(listen=LOOPBACK, muxers=[muxer], limits=limits) as server,
        Host(muxers=[muxer]) as client,
    ):
        server.set_stream_handler(HOLD_ID, held)
        identified = [one.events(PeerIdentified) for one in (server, client)]
        await client.connect(server.addresses[0])
        for events in identified:  # whose streams count, too
            await anext(events)
        streams = [await fill(client, server, 10) for _ in range(3)]
        with pytest.raises(StreamReset) as caught:
            await (await fill(client, server, 10)).read()
        assert caught.value.code == code
        held.may_read.set()
        for stream in streams:
            await stream.close_write()
            assert await stream.read() == b""
        one_more = await fill(client, server, 10)
        await one_more.close_write()
        assert await one_more.read() == b""
