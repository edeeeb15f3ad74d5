"""Real hosts over a transport that secures and muxes by itself, on loopback: nothing in them was made for it."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from aiolibp2p import Host, Limits, Multiaddr, PrivateKey
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import Stream
from aiolibp2p.assembly import HostParameters
from aiolibp2p.assembly.config import Seams
from aiolibp2p.errors import ConfigError, DialFailed, Gated, ListenFailed, PeerIdMismatch, StreamReset, TimeoutExpired
from aiolibp2p.io.udp_sockets import UdpSockets
from aiolibp2p.resource_manager import ResourceLimits
from aiolibp2p.simulator.fast_path.session import MuxedSession
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from aiolibp2p.transports.tcp import TcpTransport
from support.datagram_carrier.endpoint import DatagramLink
from support.datagram_carrier.packets import DATA, Packet
from support.datagram_transport import PROTOCOL_ID, DatagramTransport
from support.refusing_gater import RefusingGater

ECHO_ID = "/echo/1.0.0"
COUNT_ID = "/count/1.0.0"
UDP, TCP = "/ip4/127.0.0.1/udp/0", "/ip4/127.0.0.1/tcp/0"


@dataclass
class Side:
    """A host, its transport and its sockets."""

    host: Host
    transport: DatagramTransport
    sockets: UdpSockets
    address: Multiaddr = field(init=False)


def make(options: HostParameters | None = None, listen: tuple[str, ...] = (UDP,), with_tcp: bool = False) -> Side:
    key, sockets = PrivateKey.generate(), UdpSockets()
    transport = DatagramTransport(key, sockets)
    transports = [TcpTransport(), transport] if with_tcp else [transport]
    return Side(Host(key=key, transports=transports, listen=list(listen), **(options or {})), transport, sockets)


async def start(side: Side) -> Side:
    await side.host.start()
    side.host.set_stream_handler(ECHO_ID, echo)
    side.host.set_stream_handler(COUNT_ID, count)
    if side.host.addresses:
        side.address = next(one for one in side.host.addresses if "udp" in one.protocols())
    return side


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def count(stream: Stream) -> None:
    """Answers with how much came, once nothing more does."""
    n = 0
    async for chunk in stream:
        n += len(chunk)
    await stream.write(str(n).encode())


async def stop(*sides: Side) -> None:
    """Close the hosts: their sockets are closed by that alone."""
    for side in sides:
        await side.host.close()
    async with asyncio.timeout(5):
        while any(side.sockets.statistics().sockets or len(side.transport) for side in sides):
            await asyncio.sleep(0)
    for side in sides:
        side.sockets.close()


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Side, Side]]:
    server, client = await start(make()), await start(make(listen=()))
    async with asyncio.timeout(50):
        yield server, client
        await stop(client, server)


Pair = tuple[Side, Side]


async def until_no_connections(side: Side) -> None:
    async with asyncio.timeout(5):
        while side.host.connections() or side.host.statistics().half_open:
            await asyncio.sleep(0)


async def test_connect_ping_identify(pair: Pair) -> None:
    server, client = pair
    connection = await client.host.connect(server.address)
    assert (connection.security, connection.muxer, connection.early_muxer) == (PROTOCOL_ID, PROTOCOL_ID, True)
    assert connection.is_outbound
    assert connection.remote_address == server.address.without_p2p()
    assert 0 < await client.host.ping(server.host.peer_id) < 5
    assert 0 < (connection.rtt or 0) < 5
    who = await server.host.identify(client.host.peer_id)
    assert who.public_key == client.host.private_key.public_key
    (inbound,) = server.host.connections()
    assert not inbound.is_outbound
    assert inbound.remote_address.port == connection.local_address.port


async def test_ten_megabytes_both_ways(pair: Pair) -> None:
    server, client = pair
    sent = random.Random(1).randbytes(10_000_000)
    async with await client.host.new_stream(server.address, ECHO_ID) as stream, asyncio.TaskGroup() as tasks:
        tasks.create_task(stream.write(sent))
        assert await stream.read_exactly(len(sent)) == sent


async def test_a_hundred_streams_at_once(pair: Pair) -> None:
    server, client = pair

    async def exchange(n: int) -> bytes:
        async with await client.host.new_stream(server.address, ECHO_ID) as stream:
            await stream.write(bytes([n]) * 10_000)
            return await stream.read_exactly(10_000)

    async with asyncio.TaskGroup() as tasks:
        found = [tasks.create_task(exchange(n)) for n in range(100)]
    assert [task.result() for task in found] == [bytes([n]) * 10_000 for n in range(100)]
    assert len(client.host.connections()) == 1


async def test_half_close_and_reset(pair: Pair) -> None:
    server, client = pair
    async with await client.host.new_stream(server.address, COUNT_ID) as stream:
        await stream.write(bytes(100_000))
        await stream.close_write()
        assert await stream.read() == b"100000"
    heard: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def wait_for_the_end(stream: Stream) -> None:
        await stream.write(b"go on")
        with pytest.raises(StreamReset) as caught:
            await stream.read(100)
        heard.set_result(caught.value)

    server.host.set_stream_handler("/end/1.0.0", wait_for_the_end)
    broken = await client.host.new_stream(server.address, "/end/1.0.0")
    assert await broken.read_exactly(5) == b"go on"
    broken.reset()
    assert isinstance(await heard, StreamReset)


async def test_another_peer_than_expected(pair: Pair) -> None:
    server, client = pair
    stranger = PrivateKey.generate().peer_id
    with pytest.raises(DialFailed) as caught:
        await client.host.dial(DialRequest(stranger, [server.address.without_p2p()]))
    assert isinstance(caught.value.attempts[0][1], PeerIdMismatch)
    await until_no_connections(server)
    assert len(client.transport) == 0


async def test_a_host_does_not_dial_itself(pair: Pair) -> None:
    server, _client = pair
    with pytest.raises(DialFailed, match="itself"):
        await server.host.connect(server.address.without_p2p())
    await until_no_connections(server)


def first_packet(key: PrivateKey) -> bytes:
    return Packet(DATA, b"a strang", 0, 0, key.public_key.marshal()).encode()


async def half_open(server: Side) -> socket.socket:
    """A stranger that says a first packet, and no second one."""
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.setblocking(False)
    stranger.sendto(first_packet(PrivateKey.generate()), ("127.0.0.1", server.address.port or 0))
    return stranger


async def test_a_dialler_that_falls_silent_is_evicted() -> None:
    hurried = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(timeout_s=0.3)))
    server = await start(make({"limits": hurried}))
    with await half_open(server) as stranger:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            answer = await loop.sock_recv(stranger, 2000)
            assert answer[0] == DATA
            assert server.host.statistics().half_open == 1
            while answer[0] == DATA:  # said again, since nobody acknowledges it
                answer = await loop.sock_recv(stranger, 2000)
        assert b"not set up within 0.3 s" in answer
        assert server.host.statistics().half_open == 0
        assert len(server.transport) == 0
    await stop(server)


async def test_a_silent_one_makes_room_for_another() -> None:
    narrow = Limits(resources=ResourceLimits(half_open_inbound_connections=1))
    server, client = await start(make({"limits": narrow})), await start(make(listen=()))
    with await half_open(server) as stranger:
        async with asyncio.timeout(5):
            await asyncio.get_running_loop().sock_recv(stranger, 2000)
        assert server.host.statistics().half_open == 1
        await client.host.connect(server.address)
        assert (await client.host.ping(server.host.peer_id)) > 0
        assert len(server.transport) == 1
    await stop(client, server)


async def test_who_is_refused_by_the_resources_hears_nothing() -> None:
    closed = Limits(resources=ResourceLimits(half_open_inbound_connections=0))
    server, client = await start(make({"limits": closed})), await start(make(listen=()))
    with pytest.raises(DialFailed) as caught:
        await client.host.dial(DialRequest(None, [server.address.without_p2p()], deadline_s=0.5))
    assert isinstance(caught.value.attempts[0][1], TimeoutExpired)
    statistics = server.sockets.statistics()
    assert statistics.received_datagrams > 0
    assert statistics.sent_datagrams == 0
    assert len(client.transport) == len(server.transport) == 0
    await stop(client, server)


@pytest.mark.parametrize("gate", ["peer", "address", "secured", "upgraded"])
async def test_the_diallers_gates(gate: str) -> None:
    gater = RefusingGater(gate)
    server, client = await start(make()), await start(make({"seams": Seams(gater=gater)}, listen=()))
    with pytest.raises(DialFailed) as caught:
        await client.host.connect(server.address)
    assert isinstance(caught.value.attempts[0][1], Gated)
    assert gater.asked[-1] == gate
    await until_no_connections(server)
    assert len(client.transport) == 0
    await stop(client, server)


@pytest.mark.parametrize("gate", ["accepted", "secured", "upgraded"])
async def test_the_listeners_gates(gate: str) -> None:
    gater = RefusingGater(gate)
    server, client = await start(make({"seams": Seams(gater=gater)})), await start(make(listen=()))
    request = DialRequest(server.host.peer_id, [server.address.without_p2p()], deadline_s=0.5)
    if gate == "accepted":
        with pytest.raises(DialFailed):
            await client.host.dial(request)
        assert server.sockets.statistics().sent_datagrams == 0
    else:
        await client.host.dial(request)  # it stands for the dialler before the listener has looked
    await until_no_connections(client)
    await until_no_connections(server)
    assert gate in gater.asked
    assert len(server.transport) == 0
    await stop(client, server)


async def test_a_listener_that_closes_keeps_its_connections_and_takes_no_new_ones() -> None:
    server, client, late = await start(make()), await start(make(listen=())), await start(make(listen=()))
    await client.host.connect(server.address)
    await client.host.ping(server.host.peer_id)
    await server.host._parts.swarm._listening.close()
    assert server.host.addresses == []
    assert server.sockets.statistics().sockets == 1
    await client.host.ping(server.host.peer_id)
    with pytest.raises(DialFailed):
        await late.host.dial(DialRequest(None, [server.address.without_p2p()], deadline_s=0.3))
    await stop(late, client, server)


async def test_a_host_that_closes_is_noticed_at_once(pair: Pair) -> None:
    server, client = pair
    await client.host.connect(server.address)
    await client.host.ping(server.host.peer_id)
    await server.host.close()
    await until_no_connections(client)
    assert server.sockets.statistics().sockets == 0


async def test_both_dial_each_other() -> None:
    one, other = await start(make()), await start(make())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one.host.connect(other.address))
        tasks.create_task(other.host.connect(one.address))
    assert await one.host.ping(other.host.peer_id) > 0
    assert await other.host.ping(one.host.peer_id) > 0
    for side in (one, other):  # they dialled from where they listen
        assert side.sockets.statistics().sockets == 1
    await stop(one, other)


async def test_two_that_dial_with_roles_share_one_connection() -> None:
    one, other = await start(make()), await start(make())
    async with asyncio.TaskGroup() as tasks:
        waits = tasks.create_task(
            one.host.dial(
                DialRequest(other.host.peer_id, [other.address.without_p2p()], Role.RESPONDER, fresh=True, deadline_s=5)
            )
        )
        speaks = tasks.create_task(
            other.host.dial(DialRequest(one.host.peer_id, [one.address.without_p2p()], fresh=True, deadline_s=5))
        )
    assert waits.result().is_outbound
    assert speaks.result().is_outbound
    assert len(one.transport) == len(other.transport) == 1
    async with await one.host.new_stream_on(waits.result(), ECHO_ID) as stream:
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"hello"
    await stop(one, other)


async def test_beside_tcp() -> None:
    server = await start(make(listen=(TCP, UDP), with_tcp=True))
    client = await start(make(listen=(), with_tcp=True))
    assert [one.protocols()[1] for one in server.host.addresses] == ["tcp", "udp"]
    connection = await client.host.dial(
        DialRequest(server.host.peer_id, [one.without_p2p() for one in server.host.addresses])
    )
    assert connection.remote_address.protocols()[1] in ("tcp", "udp")
    await client.host.disconnect(server.host.peer_id)
    for address in server.host.addresses:
        connection = await client.host.dial(DialRequest(server.host.peer_id, [address.without_p2p()], fresh=True))
        assert connection.remote_address == address.without_p2p()
        async with await client.host.new_stream_on(connection, ECHO_ID) as stream:
            await stream.write(b"hello")
            assert await stream.read_exactly(5) == b"hello"
    await stop(client, server)


async def test_own_addresses() -> None:
    side = await start(make(listen=("/ip4/0.0.0.0/udp/0", "/ip6/::1/udp/0")))
    assert not any(one.is_unspecified for one in side.host.addresses)
    assert any(str(one).startswith("/ip4/127.0.0.1/udp/") for one in side.host.addresses)
    assert str(side.host.addresses[-1]).startswith("/ip6/::1/udp/")
    for version in ("/ip4/127.0.0.1/", "/ip6/::1/"):
        client = await start(make(listen=()))
        address = next(one for one in side.host.addresses if str(one).startswith(version))
        await client.host.connect(address)
        assert await client.host.ping(side.host.peer_id) > 0
        await stop(client)
    await stop(side)


async def test_what_cannot_be_listened_on() -> None:
    side = await start(make())
    again = make(listen=(str(side.address.without_p2p()),))
    with pytest.raises(ListenFailed, match="in use"):
        await again.host.start()
    assert again.sockets.statistics().sockets == 0
    with pytest.raises(ListenFailed, match="already"):
        await side.host._parts.swarm.listen([side.address.without_p2p()])
    assert side.sockets.statistics().sockets == 1
    await stop(side)


async def test_a_private_network_refuses_it() -> None:
    key = PrivateKey.generate()
    with pytest.raises(ConfigError, match="cannot protect connections by datagram"):
        Host(key=key, transports=[DatagramTransport(key, UdpSockets())], psk=bytes(32))


async def test_a_dead_connection_leaves_nothing_to_the_collector(pair: Pair) -> None:
    server, client = pair
    stream = await client.host.new_stream(server.address, ECHO_ID)
    await stream.write(b"hello")
    assert await stream.read_exactly(5) == b"hello"
    await client.host.identify(server.host.peer_id)
    ends = [weakref.ref(side.host.connections()[0]) for side in pair]
    gc.collect()
    gc.disable()
    try:
        await stream.close()
        del stream
        await client.host.disconnect(server.host.peer_id)
        async with asyncio.timeout(5):
            while any(end() is not None for end in ends):
                await asyncio.sleep(0)
        assert not any(isinstance(one, MuxedSession) for one in gc.get_objects())
    finally:
        gc.enable()


async def test_nor_does_a_dial_that_fails(pair: Pair) -> None:
    server, client = pair
    wrong = DialRequest(PrivateKey.generate().peer_id, [server.address.without_p2p()])
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(DialFailed) as caught:
            await client.host.dial(wrong)
        del caught
        await until_no_connections(server)
        async with asyncio.timeout(5):
            while any(isinstance(one, DatagramLink) for one in gc.get_objects()):
                await asyncio.sleep(0)
    finally:
        gc.enable()
