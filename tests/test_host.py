"""The front door, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from aiolibp2p import Host, Limits, Multiaddr, PeerId, PrivateKey, Stream
from aiolibp2p.errors import (
    ConfigError,
    DialFailed,
    HostNotRunning,
    IncompleteRead,
    LimitExceeded,
    ListenFailed,
    ProtocolNotSupported,
    StreamBusy,
    StreamClosed,
    StreamReset,
)
from aiolibp2p.events import ConnectionClosed, PeerConnected, PeerDisconnected, PeerIdentified
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connection import ConnectionConfig
from aiolibp2p.swarm.upgrader import UpgraderConfig

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
STRANGER = PeerId.parse("12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq")


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def until_quiet(host: Host) -> None:
    """Wait until no connection is left."""
    events = host.events(PeerDisconnected)
    while host.connections():
        await anext(events)


@pytest.mark.spec("CONN-9", "CONN-14")
async def test_the_front_door_as_printed() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        seen = []

        @server.handler("/echo/1.0.0")
        async def serve(stream: Stream) -> None:
            seen.append((stream.protocol_id, stream.remote_peer))
            await echo(stream)

        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await stream.write(b"hello")
        await stream.close_write()
        assert await stream.read() == b"hello"
        assert seen == [("/echo/1.0.0", client.peer_id)]
        client.set_stream_handler("/back/1.0.0", echo)
        back = await server.new_stream(client.peer_id, "/back/1.0.0")
        await back.write(b"other way")
        assert await back.read_exactly(9) == b"other way"
        await back.close()


@pytest.mark.spec("INMUX-11", "CONN-7")
async def test_connections_tell_how_they_are_made() -> None:
    async with Host(listen=["/ip6/::1/tcp/0"]) as server, Host(key=PrivateKey.generate("ecdsa")) as client:
        connection = await client.connect(server.addresses[0])
        assert (connection.security, connection.muxer, connection.early_muxer) == ("/noise", "/yamux/1.0.0", True)
        assert await client.connect(str(server.peer_id)) is connection
        assert server.connections(client.peer_id)[0].remote_peer == client.peer_id


async def test_a_failing_handler_costs_only_its_stream(caplog: pytest.LogCaptureFixture) -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        server.set_stream_handler("/echo/1.0.0", echo)

        @server.handler("/fail/1.0.0")
        async def fail(stream: Stream) -> None:
            await stream.read(1)
            raise RuntimeError("of the test")

        good = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await good.write(b"a")
        assert await good.read_exactly(1) == b"a"
        bad = await client.new_stream(server.peer_id, "/fail/1.0.0")
        await bad.write(b"x")
        with caplog.at_level(logging.ERROR), pytest.raises(StreamReset):
            await bad.read()
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        await good.write(b"b")
        assert await good.read_exactly(1) == b"b"
        await good.close()


@pytest.mark.spec("CONN-11")
async def test_a_reader_that_waits_makes_the_writer_wait() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        go = asyncio.Event()
        total = asyncio.get_running_loop().create_future()

        @server.handler("/slow/1.0.0")
        async def slow(stream: Stream) -> None:
            await go.wait()
            total.set_result(len(await stream.read()))

        stream = await client.new_stream(server.addresses[0], "/slow/1.0.0")
        writer = asyncio.ensure_future(stream.write(bytes(5_000_000)))
        done, _pending = await asyncio.wait({writer}, timeout=0.3)
        assert not done
        with pytest.raises(StreamBusy):
            await stream.write(b"x")
        go.set()
        await writer
        await stream.close_write()
        assert await total == 5_000_000
        await stream.close()


async def test_reading_in_every_way() -> None:
    limits = Limits(swarm=SwarmConfig(connection=ConnectionConfig(max_read_bytes=2_000_000)))
    async with Host(listen=LOOPBACK) as server, Host(limits=limits) as client:
        server.set_stream_handler("/echo/1.0.0", echo)
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await stream.write_message(b"one")
        await stream.write_message(bytes(300))
        assert [await stream.read_message(), len(await stream.read_message())] == [b"one", 300]

        sender = asyncio.ensure_future(stream.write(bytes(1_500_000)))
        assert len(await stream.read_exactly(1_500_000)) == 1_500_000
        await sender

        reader = asyncio.ensure_future(stream.read_exactly(4))
        await stream.write(b"ab")
        await asyncio.wait({reader}, timeout=0.05)
        with pytest.raises(StreamBusy):
            await stream.read(1)
        reader.cancel()
        await asyncio.wait({reader})
        await stream.write(b"cd")
        assert await stream.read_exactly(4) == b"abcd"

        with pytest.raises(LimitExceeded):
            await stream.read_exactly(2_000_001)
        await stream.write(b"tail")
        await stream.close_write()
        with pytest.raises(IncompleteRead) as caught:
            await stream.read_exactly(5)
        assert caught.value.partial == b"tail"
        assert await stream.read(10) == b""
        await stream.close()
        await stream.close()
        with pytest.raises(StreamClosed):
            await stream.write(b"x")


async def test_a_cancelled_write_that_sent_a_part_resets() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        outcome = asyncio.get_running_loop().create_future()
        parked = asyncio.Event()

        @server.handler("/never/1.0.0")
        async def never(stream: Stream) -> None:
            await parked.wait()
            try:
                await stream.read()
            except StreamReset as error:
                outcome.set_result(error)
                raise

        stream = await client.new_stream(server.addresses[0], "/never/1.0.0")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await stream.write(bytes(10_000_000))
        parked.set()
        assert isinstance(await outcome, StreamReset)


async def test_asyncio_streams_look_alike() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:

        @server.handler("/lines/1.0.0")
        async def lines(stream: Stream) -> None:
            reader, writer = stream.as_asyncio()
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        reader, writer = (await client.new_stream(server.addresses[0], "/lines/1.0.0")).as_asyncio()
        writer.write(b"hello\n")
        await writer.drain()
        assert await reader.readline() == b"HELLO\n"
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.spec("CONN-26", "CONN-27", "CONN-21")
async def test_a_protocol_nobody_serves() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        identified = client.events(PeerIdentified)
        stream = await client.new_stream(server.addresses[0], "/none/1.0.0")
        with pytest.raises(ProtocolNotSupported, match=r"/none/1\.0\.0"):
            await stream.read(1)
        server.set_stream_handler("/b/1.0.0", echo)
        await anext(identified)
        chosen = await client.new_stream(server.peer_id, "/a/1.0.0", "/b/1.0.0")
        assert chosen.protocol_id == "/b/1.0.0"
        await chosen.close()
        with pytest.raises(ProtocolNotSupported):
            await client.new_stream(server.peer_id, "/none/1.0.0")


@pytest.mark.spec("ADDR-8", "ADDR-19")
async def test_a_failed_dial_says_what_was_tried() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        closed, quic = "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/udp/1/quic-v1"
        with pytest.raises(DialFailed) as caught:
            await client.connect([f"{closed}/p2p/{STRANGER}", f"{quic}/p2p/{STRANGER}"])
        message = str(caught.value)
        assert f"{closed}: connection refused" in message
        assert f"{quic}: no transport" in message
        with pytest.raises(DialFailed) as caught:
            await client.connect(server.addresses[0].without_p2p().with_p2p(STRANGER.to_bytes()))
        assert str(STRANGER) in str(caught.value)
        assert str(server.peer_id) in str(caught.value)
        with pytest.raises(DialFailed, match="no address of it is known"):
            await client.connect(STRANGER)
        with pytest.raises(ConfigError, match="this host itself"):
            await server.connect(server.peer_id)
        with pytest.raises(DialFailed, match="dialled itself"):
            await server.connect(server.addresses[0].without_p2p())


async def test_one_dial_however_many_ask() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        asks = [asyncio.ensure_future(client.connect(server.addresses[0])) for _ in range(10)]
        asks[0].cancel()
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert all(answer is answers[1] for answer in answers[2:])
        assert len(client.connections()) == 1
        bare = await client.connect(server.addresses[0].without_p2p())
        assert bare.remote_peer == server.peer_id


async def test_both_dial_at_once_and_no_stream_is_lost() -> None:
    async with Host(listen=LOOPBACK) as one, Host(listen=LOOPBACK) as other:
        for host in (one, other):
            host.set_stream_handler("/echo/1.0.0", echo)

        async def ask(host: Host, target: Multiaddr, number: int) -> bytes:
            async with await host.new_stream(target, "/echo/1.0.0") as stream:
                await stream.write(str(number).encode())
                await stream.close_write()
                return await stream.read()

        there = [ask(one, other.addresses[0], n) for n in range(20)]
        back = [ask(other, one.addresses[0], n) for n in range(20)]
        assert await asyncio.gather(*there, *back) == [str(n).encode() for n in range(20)] * 2


async def test_of_two_connections_one_is_used_and_the_other_closed_when_idle() -> None:
    limits = Limits(swarm=SwarmConfig(duplicate_idle_s=0.1))
    async with Host(listen=LOOPBACK, limits=limits) as one, Host(listen=LOOPBACK, limits=limits) as other:
        closed = one.events(ConnectionClosed)
        await asyncio.gather(one.connect(other.addresses[0]), other.connect(one.addresses[0]))
        assert len(one.connections()) == 2
        async with asyncio.timeout(10):
            assert (await anext(closed)).peer == other.peer_id
        (left,) = one.connections()
        assert left.is_outbound == (one.peer_id < other.peer_id)
        assert await other.ping(one.peer_id) > 0


@pytest.mark.spec("CONN-28")
async def test_silent_sockets_are_gone_by_the_deadline() -> None:
    limits = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(timeout_s=0.2, max_half_open=5)))
    async with Host(listen=LOOPBACK, limits=limits) as server:
        port = server.addresses[0].port
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
        for reader, writer in opened:
            with pytest.raises((ConnectionError, EOFError)):
                await asyncio.wait_for(reader.readexactly(1), 5)
            writer.close()
        assert server.statistics().half_open == 0


@pytest.mark.parametrize(
    "hello", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes(4000)]
)
async def test_strangers_on_the_port_are_turned_away(hello: bytes) -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0].port)
        writer.write(hello + bytes(2000))
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert await client.ping(server.addresses[0]) > 0


async def test_a_vanished_peer_ends_its_streams_and_everything_returns_to_its_count() -> None:
    async with Host(listen=LOOPBACK) as server:
        outcome = asyncio.get_running_loop().create_future()

        @server.handler("/wait/1.0.0")
        async def wait(stream: Stream) -> None:
            await stream.write(b"ready")
            try:
                await stream.read()
            except StreamReset as error:
                outcome.set_result(error)
                raise

        before = server.statistics()
        async with Host() as client:
            events = server.events(PeerConnected, PeerDisconnected)
            stream = await client.new_stream(server.addresses[0], "/wait/1.0.0")
            assert await stream.read_exactly(5) == b"ready"
        assert isinstance(await outcome, StreamReset)
        assert [type(await anext(events)) for _ in range(2)] == [PeerConnected, PeerDisconnected]
        await until_quiet(server)
        assert server.statistics().streams == before.streams


@pytest.mark.spec("ID-11", "ID-12", "ID-13")
async def test_a_new_handler_is_pushed_to_who_is_connected() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        told = client.events(PeerIdentified)
        await client.connect(server.addresses[0])
        assert "/new/1.0.0" not in (await anext(told)).protocols
        server.set_stream_handler("/new/1.0.0", echo)
        assert "/new/1.0.0" in (await anext(told)).protocols


async def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="unknown security"):
        Host(security=["rot13"])
    with pytest.raises(ConfigError, match="no option"):
        Host(listne=[])
    with pytest.raises(ConfigError, match="cannot listen"):
        Host(listen=["/ip4/127.0.0.1/tpc/0"])
    with pytest.raises(HostNotRunning):
        await Host().ping("/ip4/127.0.0.1/tcp/1")
    async with Host(listen=LOOPBACK) as server:
        with pytest.raises(ListenFailed, match="in use"):
            await Host(listen=[str(server.addresses[0].without_p2p())]).start()


async def test_close_is_quick_and_final() -> None:
    host = Host(listen=LOOPBACK)
    await host.start()
    async with Host() as client:
        await client.connect(host.addresses[0])
        async with asyncio.timeout(2):
            await host.close()
            await host.close()
        with pytest.raises(HostNotRunning):
            await host.start()
