"""Connections over real and simulated sockets: streams, losses, and ends."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from aiolibp2p.abc.layers.datagrams import DatagramClaim, DatagramSockets
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ConnectionLost
from aiolibp2p.io.udp_sockets import UdpSockets
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.simulator.fast_path.session import MuxedSession
from aiolibp2p.simulator.network import LinkConfig
from aiolibp2p.simulator.network.datagram_sockets import SimulatedSockets
from simulated_network import Lab
from support.datagram_carrier.endpoint import HIGH_WATER_BYTES, MAX_PAST, DatagramEndpoint, DatagramLink
from support.datagram_carrier.packets import DATA, FIRST_BYTES, Packet
from waiting import after


class Streams:
    """An acceptor whose streams answer with what they get, and end when the peer ends."""

    def __init__(self, link: DatagramLink) -> None:
        self.link = link
        self.lost: list[BaseException] = []
        self.session: MuxedSession = link.connection.start(self)
        link.end.tell(self.lost.append)
        link.open()

    def accept(self, stream_id: int) -> Echo:
        return Echo(self, stream_id)

    def room_for_streams(self) -> None: ...
    def goodbye_received(self, code: int) -> None: ...
    def idle(self) -> None: ...


class Sink:
    """Keeps what comes; `finished` is set by the end of the stream, one way or the other."""

    def __init__(self) -> None:
        self.data = b""
        self.said: list[str] = []
        self.finished = asyncio.Event()

    def data_received(self, chunk: ByteString) -> None:
        self.data += chunk

    def eof_received(self) -> None:
        self.said.append("eof")
        self.finished.set()

    def reset_received(self, code: int, reason: str) -> None:
        self.said.append(reason)
        self.finished.set()

    def credit_received(self) -> None: ...


class Echo(Sink):
    def __init__(self, owner: Streams, stream_id: int) -> None:
        super().__init__()
        self._owner = owner
        self._stream_id = stream_id

    def data_received(self, chunk: ByteString) -> None:
        super().data_received(chunk)
        session = self._owner.session
        session.consumed(self._stream_id, len(chunk))
        assert session.write(self._stream_id, chunk) == len(chunk)

    def eof_received(self) -> None:
        super().eof_received()
        self._owner.session.close_write(self._stream_id)


@dataclass
class Scene:
    """A server whose streams echo, and a client."""

    server: DatagramEndpoint
    client: DatagramEndpoint
    listening: DatagramClaim
    dialling: DatagramClaim
    accepted: list[Streams]

    async def dial(self) -> Streams:
        socket = self.dialling.socket
        remote = socket.endpoint(self.listening.socket.local_address)
        return Streams(await self.client.dial(socket, remote))


async def scene(server: DatagramSockets, client: DatagramSockets, address: str) -> Scene:
    source = random.Random(1)
    accepted: list[Streams] = []

    def ready(link: DatagramLink, error: BaseException | None) -> None:
        if error is None:
            accepted.append(Streams(link))

    def admits(link: DatagramLink) -> bool:
        link.on_ready = ready
        return True

    ends = [
        DatagramEndpoint(PrivateKey.generate(entropy=source.randbytes).public_key, source.randbytes, asked)
        for asked in (admits, None)
    ]
    listening = await server.bind(Multiaddr(address), ends[0], FIRST_BYTES)
    dialling = client.for_dial(listening.socket.local_address, FIRST_BYTES).claim(ends[1], FIRST_BYTES)
    return Scene(ends[0], ends[1], listening, dialling, accepted)


def exchange(streams: Streams, data: bytes) -> Sink:
    """A stream that says `data` and ends, and what it hears."""
    sink = Sink()
    stream_id = streams.session.open_stream(sink)
    assert streams.session.write(stream_id, data) == len(data)
    streams.session.close_write(stream_id)
    return sink


@pytest.fixture
async def real() -> AsyncIterator[Scene]:
    sockets = UdpSockets(), UdpSockets()
    made = await scene(*sockets, "/ip4/127.0.0.1/udp/0")
    yield made
    made.client.close()
    made.server.close()
    for one in sockets:
        one.close()


async def test_streams_over_udp(real: Scene) -> None:
    async with asyncio.timeout(10):
        one, other = await real.dial(), await real.dial()
        sinks = [exchange(streams, bytes([n]) * 100_000) for n, streams in enumerate((one, one, other))]
        for n, sink in enumerate(sinks):
            await sink.finished.wait()
            assert sink.data == bytes([n]) * 100_000
            assert sink.said == ["eof"]
    assert one.session.stream_count == 0
    assert len(real.accepted) == len(real.server) == 2


async def test_a_close_is_heard_with_its_reason_and_after_what_was_written(real: Scene) -> None:
    async with asyncio.timeout(10):
        streams = await real.dial()
        sink = exchange(streams, b"last words")
        streams.link.close("enough")
        while not real.accepted or not real.accepted[0].lost:
            await asyncio.sleep(0)
    assert [str(error) for error in streams.lost] == ["enough"]
    assert [str(error) for error in real.accepted[0].lost] == ["enough"]
    assert sink.said == []
    assert len(real.client) == len(real.server) == 0


async def simulated(link: LinkConfig) -> tuple[Lab, Scene]:
    lab = Lab(link)
    return lab, await scene(SimulatedSockets(lab.b), SimulatedSockets(lab.a), "/ip4/10.0.0.2/udp/4001")


@pytest.mark.virtual_time
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
async def test_streams_over_a_path_that_loses_and_reorders(loss: float) -> None:
    _lab, made = await simulated(LinkConfig(latency_s=0.01, jitter_s=0.005, loss=loss, reorder=loss))
    streams = await made.dial()
    sinks = [exchange(streams, bytes([n]) * 50_000) for n in range(5)]
    for n, sink in enumerate(sinks):
        await sink.finished.wait()
        assert sink.data == bytes([n]) * 50_000
    assert streams.link.connection.rtt == pytest.approx(0.02, abs=0.012)


@pytest.mark.virtual_time
async def test_a_dial_into_the_void_fails_and_one_given_up_leaves_nothing() -> None:
    lab, made = await simulated(LinkConfig())
    made.listening.close()
    given_up = asyncio.ensure_future(made.dial())
    await after(1)
    given_up.cancel()
    await asyncio.wait([given_up])
    assert len(made.client) == 0
    began_s = lab.loop.time()
    with pytest.raises(ConnectionLost, match="did not answer"):
        await made.dial()
    assert 10 < lab.loop.time() - began_s < 30
    assert len(made.client) == 0


@pytest.mark.virtual_time
async def test_a_peer_that_vanishes_is_missed_when_something_is_written() -> None:
    lab, made = await simulated(LinkConfig(latency_s=0.01))
    streams = await made.dial()
    lab.b.take_down()
    exchange(streams, b"anybody?")
    await after(60)
    assert [str(error) for error in streams.lost] == ["the peer did not answer 10 times"]
    with pytest.raises(ConnectionLost):
        await streams.link.end.drain(lab.loop.create_future())


@pytest.mark.virtual_time
async def test_a_close_to_nobody_takes_a_second() -> None:
    lab, made = await simulated(LinkConfig(latency_s=0.01))
    streams = await made.dial()
    await after(1)
    lab.b.take_down()
    exchange(streams, b"anybody?")
    began_s = lab.loop.time()
    streams.link.close("enough")
    while not streams.lost:
        await after(0.1)
    assert lab.loop.time() - began_s == pytest.approx(1.0, abs=0.11)


@pytest.mark.virtual_time
async def test_streams_wait_while_much_is_unacknowledged() -> None:
    lab, made = await simulated(LinkConfig(latency_s=0.01))
    streams = await made.dial()
    sink = exchange(streams, bytes(2 * HIGH_WATER_BYTES))
    await asyncio.sleep(0)
    assert streams.link.end.full
    await streams.link.end.drain(lab.loop.create_future())
    assert not streams.link.end.full
    await sink.finished.wait()
    assert len(sink.data) == 2 * HIGH_WATER_BYTES


@pytest.mark.virtual_time
async def test_garbage_and_what_comes_late_open_nothing() -> None:
    lab, made = await simulated(LinkConfig(latency_s=0.01))
    streams = await made.dial()
    streams.link.close("enough")
    await after(1)
    socket, remote = streams.link.socket, streams.link.remote
    late = Packet(DATA, streams.link.connection.connection_id, 0, 0, b"hello again")
    for packet in (late, Packet(DATA, b"another1", 1), Packet(DATA + 1, b"another2", 0)):
        socket.send(packet.encode(), remote)
    socket.send(bytes([DATA]), remote)
    await after(1)
    assert len(made.server) == 0
    socket.send(Packet(DATA, b"another3", 0, 0, b"no key").encode(), remote)
    await after(30)
    assert len(made.server) == 0
    assert len(made.accepted) == 1
    for n in range(MAX_PAST + 1):
        socket.send(Packet(DATA, n.to_bytes(8, "big"), 0, 0, b"no key").encode(), remote)
    await after(30)
    socket.send(late.encode(), remote)
    await after(0.1)
    assert len(made.server) == 1
    assert lab.loop.time() > 60
