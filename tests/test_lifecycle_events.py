"""What a host announces of its listeners, connections and streams, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiolibp2p import Host, Stream
from aiolibp2p.errors import ProtocolNotSupported
from aiolibp2p.events import (
    ConnectionClosed,
    ConnectionOpened,
    Event,
    ListenEnded,
    ListenStarted,
    StreamEnded,
    StreamOpened,
)
from stream_pair import LOOPBACK, pair, turns

ECHO = "/echo/1.0.0"


async def next_of(events: AsyncIterator[Event], protocol_id: str = ECHO) -> Event:
    """The next event, streams of other protocols aside."""
    while getattr(event := await anext(events), "protocol_id", protocol_id) != protocol_id:
        pass
    return event


@pytest.mark.spec("CONN-22")
async def test_listening_starts_and_ends() -> None:
    host = Host(listen=[*LOOPBACK, "/ip6/::1/tcp/0"])
    started, ended = host.events(ListenStarted), host.events(ListenEnded)
    async with host:
        bound = [address.without_p2p() for address in host.addresses]
        assert [(await anext(started)).address for _ in range(2)] == bound
        assert all(address.port for address in bound)
    assert [event.address async for event in ended] == bound
    assert host.addresses == []


@pytest.mark.spec("CONN-22")
async def test_a_connection_and_its_streams_come_and_go() -> None:
    async with asyncio.timeout(10), pair() as (server, client):
        here = client.events(ConnectionOpened, ConnectionClosed, StreamOpened, StreamEnded)
        there = server.events(StreamOpened, StreamEnded)
        stream = await client.new_stream(server.addresses[0], ECHO)
        await stream.write(b"a")
        assert await stream.read(1) == b"a"
        assert isinstance(await next_of(here), ConnectionOpened)
        assert await next_of(here) == StreamOpened(server.peer_id, ECHO, is_outbound=True)
        assert await next_of(there) == StreamOpened(client.peer_id, ECHO, is_outbound=False)
        await stream.close_write()
        assert await stream.read() == b""
        assert await next_of(here) == StreamEnded(server.peer_id, ECHO, is_outbound=True)
        assert await next_of(there) == StreamEnded(client.peer_id, ECHO, is_outbound=False)
        await stream.close()
        await client.disconnect(server.peer_id)
        assert isinstance(await next_of(here), ConnectionClosed)


@pytest.mark.spec("CONN-22")
async def test_it_does_not_matter_which_side_ends_first() -> None:
    async with asyncio.timeout(10), pair() as (server, client):
        here = client.events(StreamOpened, StreamEnded)

        @server.handler("/bye/1.0.0")
        async def bye(stream: Stream) -> None:
            await stream.write(b"bye")

        stream = await client.new_stream(server.addresses[0], "/bye/1.0.0")
        assert await stream.read() == b"bye"
        assert isinstance(await next_of(here, "/bye/1.0.0"), StreamOpened)
        waiting = asyncio.ensure_future(next_of(here, "/bye/1.0.0"))
        await turns()
        assert not waiting.done()
        await stream.close_write()
        assert isinstance(await waiting, StreamEnded)


async def close(stream: Stream) -> None:
    await stream.close()


async def reset(stream: Stream) -> None:
    stream.reset()


async def disconnect(stream: Stream) -> None:
    await stream.connection.close()


@pytest.mark.spec("CONN-22")
@pytest.mark.parametrize("end", [close, reset, disconnect])
async def test_a_stream_ends_once_however_it_ends(end) -> None:
    async with asyncio.timeout(10), pair() as (server, client):
        here, there = (host.events(StreamOpened, StreamEnded) for host in (client, server))
        stream = await client.new_stream(server.addresses[0], "/hold/1.0.0")
        assert await stream.read(1) == b"!"
        await end(stream)
        await stream.close()
        stream.reset()
        server.connections() and await server.disconnect(client.peer_id)
        for events in (here, there):
            assert isinstance(await next_of(events, "/hold/1.0.0"), StreamOpened)
            assert isinstance(await next_of(events, "/hold/1.0.0"), StreamEnded)
        await turns(20)
        await client.close()
        await server.close()
        for events in (here, there):
            assert "/hold/1.0.0" not in [event.protocol_id async for event in events]


@pytest.mark.spec("CONN-22")
async def test_a_stream_that_is_refused_was_never_opened() -> None:
    async with asyncio.timeout(10), pair() as (server, client):
        here = client.events(StreamOpened, StreamEnded)
        with pytest.raises(ProtocolNotSupported):
            await client.new_stream(server.addresses[0], "/a/1.0.0", "/b/1.0.0")
        await client.close()
        assert not {"/a/1.0.0", "/b/1.0.0"} & {event.protocol_id async for event in here}
