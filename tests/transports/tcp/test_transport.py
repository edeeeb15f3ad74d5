"""TCP over real loopback sockets."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import sys

import pytest

from aiolibp2p.abc.layers.transport import NewConnection
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.errors import ListenFailed, LocalError, Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.transports.tcp import TcpTransport
from open_door import ANYBODY, OpenDoor

LOOPBACK = Multiaddr("/ip4/127.0.0.1/tcp/0")


class Receiver:
    """Keeps what a raw connection delivers."""

    def __init__(self) -> None:
        self.received = b""
        self.eof = asyncio.Event()
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self.paused = 0
        self.resumed = asyncio.Event()
        self._buffer = memoryview(bytearray(1 << 16))
        self._arrived = asyncio.Event()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self._buffer[:nbytes])

    def data_received(self, data: ByteString) -> None:
        self.received += data
        self._arrived.set()

    def eof_received(self) -> None:
        self.eof.set()

    def connection_lost(self, error: BaseException | None) -> None:
        self.lost.set_result(error)

    def pause_writing(self) -> None:
        self.paused += 1

    def resume_writing(self) -> None:
        self.resumed.set()

    async def until(self, n: int) -> None:
        """Wait until `n` bytes are here."""
        async with asyncio.timeout(5):
            while len(self.received) < n:
                self._arrived.clear()
                await self._arrived.wait()


async def pair(address: Multiaddr = LOOPBACK) -> tuple[NewConnection, NewConnection]:
    """A dialled connection and its other end."""
    transport = TcpTransport()
    accepted: asyncio.Future[NewConnection] = asyncio.get_running_loop().create_future()
    listener = await transport.listen(address, OpenDoor(accepted.set_result))
    dialled = await transport.dial(listener.addresses[0], ANYBODY, NULL_SCOPE)
    other = await accepted
    await listener.close()
    return dialled, other


@pytest.mark.spec("ADDR-19")
@pytest.mark.parametrize(
    "text",
    [
        "/tcp/42",
        "/ip4/1.2.3.4",
        "/ip4/1.2.3.4/udp/1",
        "/ip4/1.2.3.4/tcp/1/ws",
        "/ws/ip4/1.2.3.4/tcp/1",
        "/tcp/1/ip4/1.2.3.4",
        "/dns/example.com/tcp/1",
        "/ip6zone/x/ip4/1.2.3.4/tcp/1",
        "/p2p/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq",
    ],
)
async def test_what_is_no_tcp_address_is_left_to_others(text: str) -> None:
    transport, address = TcpTransport(), Multiaddr(text)
    assert not transport.can_dial(address)
    assert not transport.can_listen(address)
    with pytest.raises(UnsupportedAddress):
        await transport.dial(address, ANYBODY, NULL_SCOPE)
    with pytest.raises(UnsupportedAddress):
        await transport.listen(address, OpenDoor(lambda raw: raw.abort()))


@pytest.mark.parametrize("text", ["/ip4/1.2.3.4/tcp/1", "/ip6/::1/tcp/1", "/ip6zone/eth0/ip6/fe80::1/tcp/1"])
def test_tcp_addresses_are_ours(text: str) -> None:
    assert TcpTransport().can_dial(Multiaddr(text))
    assert TcpTransport().can_listen(Multiaddr(text))


@pytest.mark.parametrize("ip", ["/ip4/127.0.0.1", "/ip6/::1"])
async def test_bytes_and_ends_pass_both_ways(ip: str) -> None:
    here, there = await pair(Multiaddr(f"{ip}/tcp/0"))
    assert here.remote_address == there.local_address
    assert here.local_address == there.remote_address
    one, other = Receiver(), Receiver()
    here.start(one)
    there.start(other)
    here.write(b"hello")
    await other.until(5)
    there.write(b"back")
    await one.until(4)
    assert (one.received, other.received) == (b"back", b"hello")
    here.close()
    async with asyncio.timeout(5):
        assert await one.lost is None
        await other.eof.wait()
    there.abort()
    async with asyncio.timeout(5):
        await other.lost


async def test_what_comes_before_the_start_is_kept() -> None:
    here, there = await pair()
    here.start(Receiver())
    payload = bytes(range(256)) * 400
    here.write(payload)
    for _ in range(5):
        await asyncio.sleep(0)
    receiver = Receiver()
    there.start(receiver)
    await receiver.until(len(payload))
    assert receiver.received == payload
    there.abort()
    here.abort()


async def test_a_reset_is_told_with_its_reason() -> None:
    here, there = await pair()
    receiver = Receiver()
    there.start(receiver)
    sock = here._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    here.abort()
    async with asyncio.timeout(5):
        assert isinstance(await receiver.lost, ConnectionResetError)


async def test_a_full_connection_pauses_and_resumes() -> None:
    here, there = await pair()
    writer, reader = Receiver(), Receiver()
    here.start(writer)
    total = 0
    while not writer.paused:
        here.write(bytes(1 << 18))
        total += 1 << 18
    assert here.unsent() > 0
    there.start(reader)
    await reader.until(total)
    async with asyncio.timeout(5):
        await writer.resumed.wait()
    assert here.unsent() == 0
    here.abort()
    there.abort()


async def test_nobody_there_is_unreachable_with_its_reason() -> None:
    transport = TcpTransport()
    listener = await transport.listen(LOOPBACK, OpenDoor(lambda raw: raw.abort()))
    address = listener.addresses[0]
    with pytest.raises(ListenFailed, match="address already in use") as caught:
        await transport.listen(address, OpenDoor(lambda raw: raw.abort()))
    assert str(address) in str(caught.value)
    await listener.close()
    with pytest.raises(Unreachable, match="connection refused"):
        await transport.dial(address, ANYBODY, NULL_SCOPE)


async def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    with pytest.raises(ListenFailed, match=r"192\.0\.2\.1"):
        await TcpTransport().listen(Multiaddr("/ip4/192.0.2.1/tcp/0"), OpenDoor(lambda raw: raw.abort()))


async def test_peers_that_are_gone_before_they_are_accepted_harm_nobody() -> None:
    accepted: asyncio.Queue[NewConnection] = asyncio.Queue(100)
    transport = TcpTransport()
    listener = await transport.listen(LOOPBACK, OpenDoor(accepted.put_nowait))
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", listener.addresses[0].port)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    survivor = await transport.dial(listener.addresses[0], ANYBODY, NULL_SCOPE)
    survivor.start(Receiver())
    survivor.write(b"alive")
    async with asyncio.timeout(5):
        while (raw := await accepted.get()).remote_address != survivor.local_address:
            raw.abort()
    raw.abort()
    survivor.abort()
    await listener.close()


async def test_who_is_not_admitted_is_not_answered() -> None:
    door = OpenDoor(is_open=False)
    listener = await TcpTransport().listen(LOOPBACK, door)
    raw = await TcpTransport().dial(listener.addresses[0], ANYBODY, NULL_SCOPE)
    receiver = Receiver()
    raw.start(receiver)
    async with asyncio.timeout(5):
        done, _ = await asyncio.wait(
            [receiver.lost, asyncio.ensure_future(receiver.eof.wait())], return_when=asyncio.FIRST_COMPLETED
        )
    assert done
    assert (receiver.received, door.asked, door.settled) == (b"", [raw.local_address], [])
    raw.abort()
    await listener.close()


async def test_the_kernel_tells_the_round_trip() -> None:
    accepted: asyncio.Future[NewConnection] = asyncio.get_running_loop().create_future()
    listener = await TcpTransport().listen(LOOPBACK, OpenDoor(accepted.set_result))
    raw = await TcpTransport().dial(listener.addresses[0], ANYBODY, NULL_SCOPE)
    receiver = Receiver()
    raw.start(receiver)
    other = await accepted
    if sys.platform == "linux":
        assert 0 < (raw.rtt() or 0) < 1
    else:
        assert raw.rtt() is None
    raw.abort()
    await receiver.lost
    assert raw.rtt() is None
    other.abort()
    await listener.close()


@pytest.mark.virtual_time
async def test_a_loop_that_cannot_listen_leaves_no_socket_behind() -> None:
    with pytest.raises(LocalError, match="listen"):
        await TcpTransport().listen(Multiaddr("/ip4/127.0.0.1/tcp/0"), OpenDoor())
    gc.collect()
