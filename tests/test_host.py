"""The front door, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable

import pytest

from aiolibp2p import Host, HostConfig, Limits, Multiaddr, PeerId, PrivateKey, Stream
from aiolibp2p.errors import ConfigError, DialFailed, HostNotRunning, ListenFailed, PeerIdMismatch
from aiolibp2p.events import (
    AddressesChanged,
    ConnectionClosed,
    ConnectionOpened,
    PeerConnected,
    PeerDisconnected,
    PeerIdentified,
    ProtocolsChanged,
)
from aiolibp2p.peer.keys import KeyType
from aiolibp2p.resource_manager import ResourceLimits
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.dialling.config import DialerConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
STRANGER = PeerId.parse("12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq")
PROPOSAL = b"\x13/multistream/1.0.0\n\x07/noise\n"


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def ask(host: Host, target: Multiaddr | PeerId, words: bytes) -> bytes:
    """Send a word to the echo, and hear it."""
    async with await host.new_stream(target, "/echo/1.0.0") as stream:
        await stream.write(words)
        await stream.close_write()
        return await stream.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Wait until the other side has closed; what it had said."""
    said = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            said = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return said


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until it holds, five seconds at most."""
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


def impatient(**upgrade: float) -> Limits:
    """Return limits with these settings for upgrades."""
    return Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(**upgrade)))  # type: ignore[arg-type]


# Connections


@pytest.mark.spec("CONN-9", "CONN-14")
async def test_the_front_door_as_printed() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as server, Host() as client:
        seen = []

        @server.handler("/echo/1.0.0")
        async def serve(stream: Stream) -> None:
            seen.append((stream.protocol_id, stream.remote_peer))
            async for chunk in stream:
                await stream.write(chunk)

        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await stream.write(b"hello")
        await stream.close_write()
        assert await stream.read() == b"hello"
        assert seen == [("/echo/1.0.0", client.peer_id)]
        client.set_stream_handler("/echo/1.0.0", echo)
        assert await ask(server, client.peer_id, b"other way") == b"other way"


@pytest.mark.spec("INMUX-11", "CONN-7", "CONN-16")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "secp256k1"])
async def test_connections_tell_how_they_are_made(kind: str) -> None:
    async with Host(listen=["/ip6/::1/tcp/0"]) as server, Host(key=PrivateKey.generate(kind)) as client:
        connection = await client.connect(server.addresses[0])
        assert (connection.security, connection.muxer, connection.early_muxer) == ("/noise", "/yamux/1.0.0", True)
        assert connection.is_outbound
        assert connection.remote_address == server.addresses[0].without_p2p()
        for target in (str(server.peer_id), server.peer_id, str(server.addresses[0]), server.addresses):
            assert await client.connect(target) is connection
        (other,) = server.connections(client.peer_id)
        assert (other.remote_peer, other.early_muxer, other.is_outbound) == (client.peer_id, True, False)
        assert other.remote_address == connection.local_address


@pytest.mark.spec("KEY-6")
@pytest.mark.parametrize("refused", ["ed25519", "ecdsa", "secp256k1"])
async def test_kinds_of_keys_can_be_ruled_out(refused: str) -> None:
    others = tuple(kind for kind in KeyType if kind.name.lower() != refused)
    limits = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(key_types=others)))
    welcome, stranger = (
        PrivateKey.generate("ecdsa" if refused == "ed25519" else "ed25519"),
        PrivateKey.generate(refused),
    )
    with pytest.raises(ConfigError, match=f"the host's own key is {refused}; key_types allows "):
        Host(key=stranger, limits=limits)
    async with Host(listen=LOOPBACK, key=welcome, limits=limits) as picky, Host(listen=LOOPBACK, key=stranger) as other:
        with pytest.raises(DialFailed, match=f"a key of type {refused}, which key_types does not allow"):
            await picky.connect(other.addresses[0])
        connection = await other.connect(picky.addresses[0])
        await until(lambda: connection.is_closed)
        assert picky.connections() == []
        async with Host(key=PrivateKey.generate(others[-1].name.lower())) as third:
            assert await third.ping(picky.addresses[0]) > 0


async def test_an_address_alone_takes_whoever_answers() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        connection = await client.connect(server.addresses[0].without_p2p())
        assert connection.remote_peer == server.peer_id
        assert await client.connect(server.peer_id) is connection
        await client.disconnect(server.peer_id)
        assert client.connections() == []
        assert await client.ping(server.peer_id) > 0


async def test_one_dial_however_many_ask() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        asks = [asyncio.ensure_future(client.connect(server.addresses[0])) for _ in range(10)]
        await asyncio.sleep(0)
        asks[0].cancel()
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert all(answer is client.connections()[0] for answer in answers[1:])
        assert len(client.connections()) == 1


async def test_the_last_to_leave_ends_the_dial() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with asyncio.timeout(5), Host() as client:
            before = client.statistics().tasks
            asks = [
                asyncio.ensure_future(client.connect(f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}")) for _ in range(3)
            ]
            await asyncio.sleep(0)
            assert client.statistics().tasks == before + 1
            for task in asks:
                task.cancel()
            await asyncio.wait(asks)
            await until(lambda: client.statistics().tasks == before)


async def test_both_dial_at_once_and_no_stream_is_lost() -> None:
    limits = Limits(swarm=SwarmConfig(duplicate_idle_s=0.1))
    async with Host(listen=LOOPBACK, limits=limits) as one, Host(listen=LOOPBACK, limits=limits) as other:
        for host in (one, other):
            host.set_stream_handler("/echo/1.0.0", echo)
        closed = one.events(ConnectionClosed)
        there = [ask(one, other.addresses[0], b"%d" % n) for n in range(20)]
        back = [ask(other, one.addresses[0], b"%d" % n) for n in range(20)]
        assert await asyncio.gather(*there, *back) == [b"%d" % n for n in range(20)] * 2
        assert len(one.connections()) == 2
        async with asyncio.timeout(5):
            await anext(closed)
        lower = min(one.peer_id, other.peer_id)
        assert [c.is_outbound for c in one.connections()] == [lower == one.peer_id]
        assert await ask(one, other.peer_id, b"still") == await ask(other, one.peer_id, b"still") == b"still"


async def test_after_a_goodbye_new_streams_get_a_new_connection() -> None:
    async with asyncio.timeout(10), Host(listen=LOOPBACK) as server, Host() as client:
        server.set_stream_handler("/echo/1.0.0", echo)
        old = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await old.write(b"a")
        assert await old.read(1) == b"a"
        server.connections()[0].session.close()  # type: ignore[attr-defined]
        await old.write(b"b")
        assert await old.read(1) == b"b"
        assert await ask(client, server.addresses[0], b"new") == b"new"
        assert len(client.connections()) == 2
        await old.write(b"c")
        assert await old.read(1) == b"c"
        await old.close()


# Failed dials


async def test_a_failed_dial_names_each_address_and_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with Host() as client:
        closed, quic = "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/udp/1/quic-v1"
        with caplog.at_level(logging.INFO), pytest.raises(DialFailed) as caught:
            await client.connect([f"{closed}/p2p/{STRANGER}", f"{quic}/p2p/{STRANGER}"])
        assert f"{closed}: connection refused" in str(caught.value)
        assert f"{quic}: no transport" in str(caught.value)
        assert str(STRANGER) in str(caught.value)
        assert caplog.records == []


@pytest.mark.spec("ADDR-8")
async def test_an_id_without_an_address_touches_no_socket() -> None:
    async with Host() as client:
        for target in (STRANGER, str(STRANGER), f"/p2p/{STRANGER}"):
            with pytest.raises(DialFailed, match="no address of it is known") as caught:
                await client.connect(target)
            assert caught.value.attempts == ()


@pytest.mark.spec("ADDR-19")
@pytest.mark.parametrize("text", ["/tcp/42", "/ws/ip4/127.0.0.1/tcp/1"])
async def test_an_address_that_makes_no_sense_is_not_dialled(text: str) -> None:
    async with Host() as client:
        with pytest.raises(DialFailed, match="no transport of this host"):
            await client.connect(text)


@pytest.mark.spec("NOI-11")
async def test_the_wrong_peer_is_named_beside_the_right_one() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        with pytest.raises(DialFailed) as caught:
            await client.connect(server.addresses[0].without_p2p().with_p2p(STRANGER.to_bytes()))
        ((_, reason),) = caught.value.attempts
        assert isinstance(reason, PeerIdMismatch)
        assert str(STRANGER) in str(caught.value)
        assert str(server.peer_id) in str(caught.value)
        assert client.connections() == []


async def test_a_host_does_not_reach_itself() -> None:
    async with Host(listen=LOOPBACK) as host:
        for target in (host.peer_id, host.addresses[0]):
            with pytest.raises(ConfigError, match="this host itself"):
                await host.connect(target)
        with pytest.raises(DialFailed, match="dialled itself"):
            await host.connect(host.addresses[0].without_p2p())
        assert host.connections() == []


async def test_a_dial_gives_up_in_time_and_says_what_it_waited_for() -> None:
    limits = Limits(swarm=SwarmConfig(dial=DialerConfig(timeout_s=0.1)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Host(limits=limits) as client:
            address, closed = f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}", "/ip4/127.0.0.1/tcp/1"
            with pytest.raises(DialFailed, match=r"gave up after 0\.1 s") as caught:
                await client.connect([closed, address])
            assert f"{address}: no answer yet" in str(caught.value)
            assert f"{closed}: connection refused" in str(caught.value)
            assert client.connections() == []


async def test_one_address_that_answers_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Host(listen=LOOPBACK) as server, Host() as client:
            silent_address = f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}"
            async with asyncio.timeout(3):
                connection = await client.connect(["/ip4/127.0.0.1/tcp/1", silent_address, str(server.addresses[0])])
            assert connection.remote_peer == server.peer_id


# Strangers


@pytest.mark.alone
async def test_silent_and_trickling_sockets_are_gone_by_the_deadline() -> None:
    async with Host(listen=LOOPBACK, limits=impatient(timeout_s=0.2)) as server:
        opened = [await asyncio.open_connection("127.0.0.1", server.addresses[0].port) for _ in range(4)]
        for (_, writer), words in zip(opened, [b"", b"\x13", PROPOSAL[:-1], PROPOSAL], strict=True):
            writer.write(words)
        loop = asyncio.get_running_loop()
        start = loop.time()
        for reader, writer in opened:
            await hang_up(reader, writer)
        assert loop.time() - start < 2
        statistics = server.statistics()
        assert statistics.half_open == statistics.connections == 0


async def test_past_the_limit_the_oldest_silent_one_makes_room() -> None:
    async with (
        Host(listen=LOOPBACK, limits=Limits(resources=ResourceLimits(half_open_inbound_connections=2))) as server,
        Host() as client,
    ):
        port = server.addresses[0].port
        talker = await asyncio.open_connection("127.0.0.1", port)
        talker[1].write(PROPOSAL)
        assert await talker[0].readexactly(len(PROPOSAL)) == PROPOSAL
        silent = await asyncio.open_connection("127.0.0.1", port)
        assert await client.ping(server.addresses[0]) > 0
        assert await hang_up(*silent) == b""
        assert server.statistics().half_open == 1
        talker[1].transport.abort()


@pytest.mark.parametrize(
    "hello", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bytes(4000)]
)
async def test_strangers_on_the_port_cost_only_their_socket(hello: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        connection = await client.connect(server.addresses[0])
        with caplog.at_level(logging.WARNING):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0].port)
            writer.write(hello + bytes(2000))
            await hang_up(reader, writer)
            assert await client.ping(server.peer_id) > 0
        assert client.connections() == [connection]
        assert server.statistics().half_open == 0
        assert caplog.records == []


@pytest.mark.spec("CONN-8")
async def test_a_failed_handshake_ends_the_socket() -> None:
    async with Host(listen=LOOPBACK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.addresses[0].port)
        writer.write(PROPOSAL + b"\x00\x05wrong" + PROPOSAL)
        assert await hang_up(reader, writer) in (b"", PROPOSAL)
        assert server.statistics().half_open == 0


async def test_sockets_that_are_reset_at_once_leave_nothing() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.addresses[0].port)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert await client.ping(server.addresses[0]) > 0
        await until(lambda: not server.statistics().half_open)


# Events, counters, identify


async def test_events_and_counters_come_and_go() -> None:
    async with asyncio.timeout(10), Host(listen=LOOPBACK) as server:
        server.set_stream_handler("/echo/1.0.0", echo)
        before = server.statistics()
        events = server.events(PeerConnected, PeerDisconnected, ConnectionOpened, ConnectionClosed)
        told = server.events(PeerIdentified)
        async with Host() as client:
            stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
            await stream.write(b"a")
            assert await stream.read(1) == b"a"
            assert (await anext(told)).peer == client.peer_id
            during = server.statistics()
            assert (during.peers, during.connections, during.inbound_connections) == (1, 1, 1)
            assert (during.streams, during.outbound_connections) >= (1, 0)
        seen = [await anext(events) for _ in range(4)]
        assert [type(event) for event in seen] == [ConnectionOpened, PeerConnected, ConnectionClosed, PeerDisconnected]
        assert [getattr(event, "peer", None) for event in seen] == [client.peer_id] * 4
        await until(lambda: server.statistics() == before)


@pytest.mark.spec("ID-11")
async def test_a_new_handler_is_pushed_to_who_is_connected() -> None:
    async with asyncio.timeout(10), Host(listen=LOOPBACK) as server, Host() as client:
        told = client.events(PeerIdentified)
        own = server.events(ProtocolsChanged)
        await client.connect(server.addresses[0])
        assert "/new/1.0.0" not in (await anext(told)).protocols
        server.set_stream_handler("/new/1.0.0", echo)
        assert "/new/1.0.0" in (await anext(own)).protocols
        assert "/new/1.0.0" in (await anext(told)).protocols
        server.remove_stream_handler("/new/1.0.0")
        assert "/new/1.0.0" not in (await anext(told)).protocols


@pytest.mark.spec("ID-13")
async def test_whoever_dialled_each_side_asks_the_other_who_it_is() -> None:
    async with asyncio.timeout(10), Host(listen=LOOPBACK) as server, Host() as client:
        asked = {server: asyncio.Event(), client: asyncio.Event()}
        for host, event in asked.items():

            async def answer(stream: Stream, event: asyncio.Event = event) -> None:
                event.set()

            host.set_stream_handler("/ipfs/id/1.0.0", answer)
        await client.connect(server.addresses[0])
        for event in asked.values():
            await event.wait()


async def test_identify_tells_who_it_is() -> None:
    async with Host(listen=LOOPBACK, agent_version="server/1") as server, Host() as client:
        result = await client.identify(server.addresses[0])
        assert (result.peer_id, result.agent_version) == (server.peer_id, "server/1")
        assert "/ipfs/ping/1.0.0" in result.protocols
        assert result.listen_addresses == (server.addresses[0].without_p2p(),)
        assert result.observed_address == client.connections()[0].local_address


# Life and settings


@pytest.mark.spec("ADDR-10")
async def test_addresses_end_in_the_id_and_are_announced() -> None:
    host = Host(listen=["/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/tcp/0"])
    changed = host.events(AddressesChanged)
    async with host:
        assert (await anext(changed)).addresses == tuple(host.addresses)
        assert len(host.addresses) >= 2
        for address in host.addresses:
            assert not address.is_unspecified
            assert address.port
            assert address.p2p_bytes == host.peer_id.to_bytes()
    assert Host().addresses == []


async def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="unknown security 'rot13'; known: noise"):
        Host(security=["rot13"])
    with pytest.raises(ConfigError, match="unknown muxer"):
        Host(muxers=["mplex2"])
    for names in ("noise", []):
        with pytest.raises(ConfigError, match="security takes a list of names, at least one of noise, .*; not "):
            Host(security=names)
    with pytest.raises(ConfigError, match="muxers takes a list"):
        Host(muxers="yamux")
    with pytest.raises(ConfigError, match=r"key takes a PrivateKey.* not str$"):
        Host(key="me.key")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="no option 'listne'"):
        Host(listne=[])  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="cannot listen"):
        Host(listen=["/ip4/127.0.0.1/tpc/0"])
    key = PrivateKey.generate("ed25519")
    assert Host(HostConfig(key=key)).peer_id == Host(HostConfig(), key=key).peer_id == key.peer_id


async def test_a_port_in_use_leaves_nothing_behind() -> None:
    async with Host(listen=LOOPBACK) as server:
        bound = str(server.addresses[0].without_p2p())
        second = Host(listen=[*LOOPBACK, bound])
        with pytest.raises(ListenFailed, match="in use") as caught:
            await second.start()
        assert bound in str(caught.value)
        with pytest.raises(HostNotRunning):
            await second.start()


async def test_only_a_running_host_connects() -> None:
    host = Host()
    with pytest.raises(HostNotRunning, match="start it first"):
        await host.connect("/ip4/127.0.0.1/tcp/1")
    async with host, Host(listen=LOOPBACK) as server:
        with pytest.raises(ConfigError, match="at least one protocol"):
            await host.new_stream(server.addresses[0])
        with pytest.raises(ConfigError, match="different peers"):
            await host.connect([server.addresses[0], f"/ip4/127.0.0.1/tcp/1/p2p/{STRANGER}"])
    with pytest.raises(HostNotRunning, match="closed"):
        await host.connect("/ip4/127.0.0.1/tcp/1")


async def test_close_is_quick_and_final_whatever_is_under_way() -> None:
    host = Host(listen=LOOPBACK)
    await host.start()

    @host.handler("/stubborn/1.0.0")
    async def stubborn(stream: Stream) -> None:
        await stream.write(bytes(50_000_000))

    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Host() as client:
            stream = await client.new_stream(host.addresses[0], "/stubborn/1.0.0")
            assert await stream.read(1) == b"\0"
            half_open = await asyncio.open_connection("127.0.0.1", host.addresses[0].port)
            dial = asyncio.ensure_future(host.connect(f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}"))
            await asyncio.sleep(0)
            async with asyncio.timeout(2):
                await host.close()
                await host.close()
            with pytest.raises(HostNotRunning):
                await dial
            await hang_up(*half_open)
            assert (host.statistics().connections, host.statistics().half_open, host.statistics().tasks) == (0, 0, 0)
            with pytest.raises(HostNotRunning):
                await host.start()
