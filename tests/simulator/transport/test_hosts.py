"""Unmodified hosts over both simulated transports."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p import Multiaddr, PeerId, PrivateKey
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import DialFailed, ListenFailed, PeerIdMismatch, TimeoutExpired, Unreachable, UnsupportedAddress
from aiolibp2p.simulator.fast_path import MuxedTransport
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import InterfaceConfig, LinkConfig
from aiolibp2p.simulator.scenario import Fidelity
from aiolibp2p.simulator.simulation import Simulation
from aiolibp2p.simulator.transport import StreamTransport
from open_door import ANYBODY, OpenDoor
from simulated_network import Collector
from waiting import after

SINK_ID = "/sink/1.0.0"

both = pytest.mark.parametrize("fidelity", ["full", "fast"])


async def two(fidelity: Fidelity, link: LinkConfig | None = None) -> Simulation:
    simulation = Simulation(seed=1, fidelity=fidelity, size=2)
    if link is not None:
        simulation.link = lambda a, b: link
    simulation.interface = InterfaceConfig(100e6, 100e6)
    for _ in range(2):
        simulation.add_node()
    await simulation.start_nodes()
    return simulation


@both
def test_ping_and_identify_take_the_time_of_the_path(fidelity: Fidelity) -> None:
    async def main() -> tuple[float, float, str, bool]:
        simulation = await two(fidelity, LinkConfig(latency_s=0.1))
        one, other = simulation.nodes
        began_s = simulation.now
        await one.running.connect(other.address)
        connected_s = simulation.now - began_s
        ping_s = await one.running.ping(other.peer_id)
        ping_s = await one.running.ping(other.peer_id)
        who = await one.running.identify(other.peer_id)
        await simulation.close()
        return connected_s, ping_s, who.agent_version, who.signed_peer_record is not None

    connected_s, ping_s, agent, has_record = run_virtual(main(), 60)
    assert connected_s == pytest.approx(0.4, rel=0.02)
    assert ping_s == pytest.approx(0.2, rel=0.02)
    assert agent.startswith("aiolibp2p/")
    assert has_record


@both
def test_another_peer_than_expected(fidelity: Fidelity) -> None:
    async def main() -> BaseException:
        simulation = await two(fidelity)
        one, other = simulation.nodes
        stranger = PrivateKey.generate().peer_id
        with pytest.raises(DialFailed) as caught:
            await one.running.connect(other.address.without_p2p().with_p2p(stranger.to_bytes()))
        await simulation.close()
        return caught.value.attempts[0][1]

    assert isinstance(run_virtual(main(), 60), PeerIdMismatch)


@both
def test_why_a_dial_fails(fidelity: Fidelity) -> None:
    async def main() -> list[BaseException]:
        simulation = await two(fidelity)
        one, other = simulation.nodes
        reasons: list[BaseException] = []
        gone = simulation.add_node("gone")
        gone.interface.take_down()
        for address in (
            f"/ip4/{other.interface.ip}/tcp/9",
            f"/ip4/{gone.interface.ip}/tcp/9",
            "/ip4/99.9.9.9/tcp/9",
            "/ip4/99.9.9.9/udp/9",
        ):
            with pytest.raises(DialFailed) as caught:
                await one.running.connect(address)
            reasons.append(caught.value.attempts[0][1])
        await simulation.close()
        return reasons

    refused, silent, nowhere, unsupported = run_virtual(main(), 60)
    assert isinstance(refused, Unreachable)
    assert "refused" in str(refused)
    assert isinstance(silent, TimeoutExpired)
    assert isinstance(nowhere, Unreachable)
    assert "no route" in str(nowhere)
    assert isinstance(unsupported, UnsupportedAddress)


@pytest.mark.parametrize("kind", [StreamTransport, MuxedTransport])
def test_listening_where_it_cannot(kind: type) -> None:
    async def main() -> None:
        simulation = Simulation()
        interface = simulation.network.attach("one", "10.0.0.1")
        transport = kind(interface) if kind is StreamTransport else kind(interface, PrivateKey.generate())
        with pytest.raises(ListenFailed, match=r"10\.0\.0\.2.*this interface is 10\.0\.0\.1"):
            await transport.listen(Multiaddr("/ip4/10.0.0.2/tcp/1"), OpenDoor())
        listener = await transport.listen(Multiaddr("/ip4/10.0.0.1/tcp/1"), OpenDoor())
        with pytest.raises(ListenFailed, match="in use"):
            await transport.listen(Multiaddr("/ip4/10.0.0.1/tcp/1"), OpenDoor())
        with pytest.raises(UnsupportedAddress):
            await transport.listen(Multiaddr("/ip4/10.0.0.1/udp/1"), OpenDoor())
        await listener.close()
        again = await transport.listen(Multiaddr("/ip4/10.0.0.1/tcp/0"), OpenDoor())
        assert str(again.addresses[0]) == "/ip4/10.0.0.1/tcp/49152"

    run_virtual(main())


@both
def test_a_host_that_is_gone_is_noticed(fidelity: Fidelity) -> None:
    async def main() -> int:
        simulation = await two(fidelity)
        one, other = simulation.nodes
        await one.running.connect(other.address)
        await other.stop()
        await after(1)
        left = len(one.running.connections())
        await simulation.close()
        return left

    assert run_virtual(main(), 60) == 0


@both
def test_a_host_does_not_dial_itself(fidelity: Fidelity) -> None:
    async def main() -> None:
        simulation = await two(fidelity)
        one = simulation.nodes[0]
        with pytest.raises(DialFailed, match="itself"):
            await one.running.connect(one.address.without_p2p())
        assert one.running.connections() == []
        await simulation.close()

    run_virtual(main(), 60)


def test_one_stream_fills_a_long_fast_path() -> None:
    """100 Mbit/s and 100 ms each way: 2.5 MB on the way, ten times the window a stream begins with."""

    async def main() -> float:
        simulation = await two("full", LinkConfig(latency_s=0.1))
        one, other = simulation.nodes
        times: list[tuple[float, int]] = []
        done = asyncio.Event()

        @other.running.handler(SINK_ID)
        async def sink(stream: Stream) -> None:
            times.extend([(simulation.now, len(chunk)) async for chunk in stream])
            done.set()

        async with await one.running.new_stream(other.address, SINK_ID) as stream:
            for _ in range(1600):
                await stream.write(bytes(64 * 1024))
            await stream.close_write()
            await done.wait()
        await simulation.close()
        half = len(times) // 2
        return sum(n for _, n in times[half + 1 :]) * 8 / (times[-1][0] - times[half][0])

    assert run_virtual(main(), 600) >= 0.85 * 100e6


def test_ids_are_those_of_the_keys() -> None:
    async def main() -> tuple[PeerId, PeerId]:
        simulation = await two("fast")
        one, other = simulation.nodes
        connection = await one.running.connect(other.address)
        met = connection.remote_peer
        await simulation.close()
        return met, other.peer_id

    met, expected = run_virtual(main(), 60)
    assert met == expected


@pytest.mark.parametrize("kind", [StreamTransport, MuxedTransport])
def test_who_is_not_admitted_is_not_answered(kind: type) -> None:
    async def main() -> None:
        simulation = Simulation()
        one, other = (simulation.network.attach(name, f"10.0.0.{n}") for n, name in enumerate(("one", "other"), 1))
        door = OpenDoor(is_open=False)
        key = PrivateKey.generate("ed25519")
        listening = kind(one) if kind is StreamTransport else kind(one, key)
        listener = await listening.listen(Multiaddr("/ip4/10.0.0.1/tcp/1"), door)
        socket = await other.connect("10.0.0.1", 1)
        collector = Collector()
        socket.start(collector)
        await after(1)
        assert (collector.said, collector.payloads, len(door.asked), door.settled) == (["lost"], [], 1, [])
        await listener.close()
        await simulation.close()

    run_virtual(main(), 60)


def test_a_fast_path_that_stays_silent_can_be_evicted() -> None:
    async def main() -> None:
        simulation = Simulation()
        one, other = (simulation.network.attach(name, f"10.0.0.{n}") for n, name in enumerate(("one", "other"), 1))
        door, key = OpenDoor(), PrivateKey.generate("ed25519")
        listener = await MuxedTransport(one, key).listen(Multiaddr("/ip4/10.0.0.1/tcp/1"), door)
        silent = await other.connect("10.0.0.1", 1)
        silent.start(Collector())
        await after(1)
        dialled = await MuxedTransport(other, key).dial(Multiaddr("/ip4/10.0.0.1/tcp/1"), ANYBODY, NULL_SCOPE)
        await after(1)
        assert [ticket.heard for ticket in door.tickets] == [False, True]
        assert len(door.settled) == 1
        evict, reason = door.tickets[0].evict, TimeoutExpired("too slow")
        assert evict is not None
        evict(reason)
        await after(1)
        assert door.settled[1] is reason
        assert isinstance(dialled, Carrier)
        dialled.abort(reason)
        await listener.close()
        await simulation.close()

    run_virtual(main(), 60)
