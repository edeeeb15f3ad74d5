"""Bytes over the simulated network: the transport, and hosts above it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from aiolibp2p import Host
from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.transport import NewConnection
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import ListenFailed, TimeoutExpired, Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import Interface, InterfaceConfig, LinkConfig
from aiolibp2p.simulator.runtime import SimulatedRuntime, seeded_random
from aiolibp2p.simulator.transport import StreamTransport
from open_door import ANYBODY, OpenDoor
from simulated_network import Lab

ADDRESS = Multiaddr("/ip4/10.0.0.2/tcp/4001")


class Receiver:
    """Keeps what a raw connection delivers."""

    def __init__(self) -> None:
        self.data = b""
        self.said: list[str] = []

    def get_buffer(self, sizehint: int) -> memoryview:
        raise NotImplementedError

    def buffer_updated(self, nbytes: int) -> None:
        raise NotImplementedError

    def data_received(self, data: ByteString) -> None:
        self.data += data

    def eof_received(self) -> None:
        self.said.append("eof")

    def connection_lost(self, error: BaseException | None) -> None:
        self.said.append("lost")

    def pause_writing(self) -> None:
        self.said.append("pause")

    def resume_writing(self) -> None:
        self.said.append("resume")


async def _pair(lab: Lab) -> tuple[RawConnection, RawConnection]:
    accepted: list[NewConnection] = []
    listener = await StreamTransport(lab.b).listen(ADDRESS, OpenDoor(accepted.append))
    dialled = await StreamTransport(lab.a).dial(ADDRESS, ANYBODY, NULL_SCOPE)
    await lab.wait(1.0)
    await listener.close()
    return cast(RawConnection, dialled), cast(RawConnection, accepted[0])


def test_early_bytes_follow_the_start() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.05))
        one, other = await _pair(lab)
        assert other.remote_address == one.local_address
        assert one.remote_address == ADDRESS
        one.write(b"early")
        await lab.wait(1.0)
        at_one, at_other = Receiver(), Receiver()
        one.start(at_one)
        other.start(at_other)
        assert at_other.data == b""
        one.write(b" and late")
        await lab.wait(1.0)
        assert at_other.data == b"early and late"
        assert one.rtt() == pytest.approx(0.1)
        one.close()
        await lab.wait(1.0)
        assert (at_one.said, at_other.said, one.unsent()) == (["lost"], ["eof"], 0)

    run_virtual(main())


def test_errors_are_those_of_tcp() -> None:
    async def main() -> None:
        lab = Lab(LinkConfig(latency_s=0.05))
        transport = StreamTransport(lab.a)
        with pytest.raises(Unreachable, match="refused"):
            await transport.dial(ADDRESS, ANYBODY, NULL_SCOPE)
        with pytest.raises(Unreachable, match="no route"):
            await transport.dial(Multiaddr("/ip4/10.9.9.9/tcp/1"), ANYBODY, NULL_SCOPE)
        lab.b.take_down()
        with pytest.raises(TimeoutExpired, match="5 s"):
            await transport.dial(ADDRESS, ANYBODY, NULL_SCOPE)
        with pytest.raises(UnsupportedAddress):
            await transport.dial(Multiaddr("/ip4/10.0.0.2/udp/1"), ANYBODY, NULL_SCOPE)
        with pytest.raises(ListenFailed, match=r"10\.0\.0\.1"):
            await transport.listen(ADDRESS, OpenDoor())
        own = Multiaddr("/ip4/10.0.0.1/tcp/1")
        await transport.listen(own, OpenDoor())
        with pytest.raises(ListenFailed, match="in use"):
            await transport.listen(own, OpenDoor())

    run_virtual(main())


def _host(interface: Interface) -> Host:
    source = seeded_random(1, interface.name)
    return Host(
        transports=[StreamTransport(interface)],
        runtime=SimulatedRuntime(asyncio.get_running_loop().time, source),
        key=PrivateKey.generate("ed25519", source.randbytes),
        listen=[f"/ip4/{interface.ip}/tcp/4001"],
    )


def test_two_hosts_ping() -> None:
    async def main() -> tuple[float, str]:
        lab = Lab(LinkConfig(latency_s=0.05))
        async with _host(lab.a) as client, _host(lab.b) as server:
            ping_s = await client.ping(server.addresses[0])
        return ping_s, lab.trace.sha256

    first, second = run_virtual(main(), 60.0), run_virtual(main(), 60.0)
    assert first[0] == pytest.approx(0.1, rel=0.02)
    assert first == second


def test_one_stream_fills_a_long_fast_link() -> None:
    """100 Mbit/s over 100 ms one way: what is in flight is 2.5 MB, so yamux' window has to grow."""
    total = 60_000_000
    speed = 100_000_000

    async def main() -> float:
        line = InterfaceConfig(up_bits_per_s=speed, down_bits_per_s=speed)
        lab = Lab(LinkConfig(latency_s=0.1), line, line)
        marks: list[tuple[float, int]] = []
        done = lab.loop.create_future()

        async def read(stream: Stream) -> None:
            received = 0
            async for chunk in stream:
                received += len(chunk)
                marks.append((lab.loop.time(), received))
            done.set_result(None)

        async with _host(lab.a) as client, _host(lab.b) as server:
            server.set_stream_handler("/bulk/1.0.0", read)
            stream = await client.new_stream(server.addresses[0], "/bulk/1.0.0")
            for _ in range(total // 100_000):
                await stream.write(bytes(100_000))
            await stream.close_write()
            await done
        half = next(mark for mark in marks if mark[1] > total // 2)
        return (marks[-1][1] - half[1]) * 8 / (marks[-1][0] - half[0])

    assert run_virtual(main(), 600.0) > 0.85 * speed
