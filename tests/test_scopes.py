"""Protocols that are offered on some connections only, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aiolibp2p import Host, Stream
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import NegotiationFailed, ProtocolNotSupported, StreamReset
from aiolibp2p.events import PeerIdentified
from stream_pair import LOOPBACK, echo

HEAVY = "/heavy/1.0.0"


@asynccontextmanager
async def three() -> AsyncIterator[tuple[Host, Host, Host]]:
    """A server and two others, within ten seconds."""
    async with asyncio.timeout(10), Host(listen=LOOPBACK) as server, Host() as one, Host() as other:
        yield server, one, other


async def ask(host: Host, connection: MuxedConnection, *protocol_ids: str) -> str:
    """Send a word to the echo; return the protocol that carried it."""
    async with await host.new_stream_on(connection, *protocol_ids) as stream:
        await stream.write(b"hello")
        await stream.close_write()
        assert await stream.read() == b"hello"
        return stream.protocol_id


def other_end(host: Host, connection: MuxedConnection) -> MuxedConnection:
    (found,) = [one for one in host.connections() if one.remote_address == connection.local_address]
    return found


@pytest.mark.spec("CONN-19")
async def test_of_two_connections_to_one_peer_only_one_carries_a_protocol() -> None:
    async with three() as (server, client, _):
        anybody = server.addresses[0].without_p2p()
        direct, relayed = [await client.connect(anybody) for _ in range(2)]
        assert direct is not relayed
        wanted = other_end(server, direct)

        @server.handler(HEAVY, offered_on=lambda connection: connection is wanted)
        async def heavy(stream: Stream) -> None:
            await echo(stream)

        server.set_stream_handler("/light/1.0.0", echo)
        assert await ask(client, direct, HEAVY, "/light/1.0.0") == HEAVY
        assert await ask(client, relayed, HEAVY, "/light/1.0.0") == "/light/1.0.0"
        lazy = await relayed.open_stream([HEAVY], wait=False)
        with pytest.raises(ProtocolNotSupported, match=HEAVY):
            await lazy.read(1)
        assert await ask(client, direct, HEAVY) == HEAVY
        assert HEAVY in server.protocols
        assert HEAVY in server.protocols_on(wanted)
        assert HEAVY not in server.protocols_on(other_end(server, relayed))


@pytest.mark.spec("CONN-19", "CONN-20")
async def test_identify_tells_each_peer_its_own_set() -> None:
    async with three() as (server, friend, stranger):
        server.set_stream_handler(HEAVY, echo, offered_on=lambda connection: connection.remote_peer == friend.peer_id)
        for _ in range(2):
            assert HEAVY in (await friend.identify(server.addresses[0])).protocols
            told = (await stranger.identify(server.addresses[0])).protocols
            assert HEAVY not in told
            assert "/ipfs/ping/1.0.0" in told


@pytest.mark.spec("CONN-20")
async def test_sets_change_at_runtime_and_are_pushed_to_each_peer() -> None:
    async with three() as (server, friend, stranger):
        news = [host.events(PeerIdentified) for host in (friend, stranger)]
        connections = [await host.connect(server.addresses[0]) for host in (friend, stranger)]

        async def pushed() -> list[bool]:
            return [HEAVY in (await anext(heard)).protocols for heard in news]

        assert await pushed() == [False, False]
        server.set_stream_handler(HEAVY, echo, offered_on=lambda connection: connection.remote_peer == friend.peer_id)
        assert await pushed() == [True, False]
        assert await ask(friend, connections[0], HEAVY) == HEAVY
        with pytest.raises(ProtocolNotSupported):
            await ask(stranger, connections[1], HEAVY)
        server.set_stream_handler(HEAVY, echo, offered_on=lambda connection: connection.remote_peer == stranger.peer_id)
        assert await pushed() == [False, True]
        assert await ask(stranger, connections[1], HEAVY) == HEAVY
        with pytest.raises(ProtocolNotSupported):
            await ask(friend, connections[0], HEAVY)
        server.remove_stream_handler(HEAVY)
        server.set_stream_handler(HEAVY, echo)
        assert await pushed() == [True, True]
        server.remove_stream_handler(HEAVY)
        assert await pushed() == [False, False]
        for host, connection in zip((friend, stranger), connections, strict=True):
            with pytest.raises(ProtocolNotSupported):
                await ask(host, connection, HEAVY)


@pytest.mark.parametrize("fails_at", [1, 2])
async def test_a_scope_that_fails_costs_only_its_stream(fails_at: int, caplog: pytest.LogCaptureFixture) -> None:
    async with three() as (server, client, _):
        server.set_stream_handler("/light/1.0.0", echo)
        news = client.events(PeerIdentified)
        connection = await client.connect(server.addresses[0])
        asked: list[MuxedConnection] = []
        armed = False

        def scope(connection: MuxedConnection) -> bool:
            if armed:
                asked.append(connection)
            return len(asked) < fails_at or bool(1 / 0)

        server.set_stream_handler(HEAVY, echo, offered_on=scope)
        while HEAVY not in (await anext(news)).protocols:
            pass
        armed = True
        stream = await connection.open_stream([HEAVY], wait=False)
        await stream.write(b"x")
        with caplog.at_level(logging.INFO), pytest.raises((StreamReset, NegotiationFailed)):
            await stream.read(1)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert f"what {HEAVY} is offered on could not be told" in caplog.text
        assert await ask(client, connection, "/light/1.0.0") == "/light/1.0.0"
        assert client.connections() == [connection]
