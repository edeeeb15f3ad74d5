"""Simulated datagram sockets keep the contract of real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiolibp2p.abc.layers.datagrams import QUIC
from aiolibp2p.errors import ListenFailed, Unreachable
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.simulator.network import LinkConfig, NatConfig
from aiolibp2p.simulator.network.datagram_sockets import SimulatedSockets
from simulated_network import Lab
from support.datagram_suite import HELLO, DatagramSuite, Hosts, Inbox


@pytest.mark.virtual_time
class TestSimulatedSockets(DatagramSuite):
    @pytest.fixture
    async def hosts(self) -> AsyncIterator[Hosts]:
        lab = Lab(LinkConfig(latency_s=0.01))
        hosts = Hosts(
            SimulatedSockets(lab.b),
            SimulatedSockets(lab.a),
            Multiaddr("/ip4/10.0.0.2/udp/0"),
            SimulatedSockets(lab.b),
        )
        yield hosts
        hosts.close()


@pytest.mark.virtual_time
async def test_an_interface_has_one_address() -> None:
    sockets = SimulatedSockets(Lab().a)
    for text in ("/ip4/10.0.0.2/udp/1", "/ip6/::/udp/1"):
        with pytest.raises(ListenFailed, match="this interface is 10.0.0.1"):
            await sockets.bind(Multiaddr(text), Inbox(), QUIC)
    with pytest.raises(Unreachable, match="this interface is 10.0.0.1"):
        sockets.for_dial(Multiaddr("/ip6/::1/udp/1"), QUIC)


@pytest.mark.virtual_time
async def test_an_interface_that_is_down() -> None:
    lab = Lab()
    sockets = SimulatedSockets(lab.a)
    lab.a.take_down()
    with pytest.raises(ListenFailed, match="network is down"):
        await sockets.bind(Multiaddr("/ip4/10.0.0.1/udp/1"), Inbox(), QUIC)
    with pytest.raises(Unreachable, match="network is down"):
        sockets.for_dial(Multiaddr("/ip4/10.0.0.2/udp/1"), QUIC)


@pytest.mark.virtual_time
async def test_what_arrives_at_different_times_are_different_batches() -> None:
    lab = Lab(LinkConfig(latency_s=0.25))
    here, there = SimulatedSockets(lab.a), SimulatedSockets(lab.b)
    inbox = Inbox()
    listening = await there.bind(Multiaddr("/ip4/0.0.0.0/udp/9"), inbox, QUIC)
    assert str(listening.socket.local_address) == "/ip4/0.0.0.0/udp/9"
    socket = here.for_dial(Multiaddr("/ip4/10.0.0.2/udp/9"), QUIC)
    remote = socket.endpoint(Multiaddr("/ip4/10.0.0.2/udp/9"))
    socket.send(HELLO, remote)
    await lab.wait(0.1)
    socket.send(HELLO, remote)
    await inbox.got(2)
    assert len(inbox.batches) == 2
    assert lab.loop.time() == pytest.approx(0.35)


@pytest.mark.virtual_time
async def test_a_gateway_keeps_one_mapping_for_listening_and_dialling() -> None:
    lab = Lab()
    gateway = lab.network.attach_gateway("gateway", "4.0.0.1", NatConfig())
    inside = SimulatedSockets(lab.network.attach("inside", "192.168.0.2", gateway=gateway))
    listening = await inside.bind(Multiaddr("/ip4/0.0.0.0/udp/4001"), Inbox(), QUIC)
    seen = []
    for interface in (lab.a, lab.b):
        inbox = Inbox()
        there = await SimulatedSockets(interface).bind(Multiaddr("/ip4/0.0.0.0/udp/9"), inbox, QUIC)
        address = Multiaddr.from_ip_port(interface.ip, "udp", 9)
        socket = inside.for_dial(address, QUIC)
        assert socket is listening.socket
        socket.send(HELLO, socket.endpoint(address))
        await inbox.got(1)
        seen.append(there.socket.address(inbox.remote))
    assert seen[0] == seen[1]
    assert seen[0].ip == "4.0.0.1"
