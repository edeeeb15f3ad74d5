"""Hosts over datagrams on a simulated network that loses and reorders, under virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from aiolibp2p import Host, Limits, PrivateKey
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import DialFailed, TimeoutExpired
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import Interface, LinkConfig
from aiolibp2p.simulator.network.datagram_sockets import SimulatedSockets
from aiolibp2p.simulator.runtime import SimulatedRuntime, seeded_random
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connections.connection import ConnectionConfig
from simulated_network import Lab
from support.datagram_transport import DatagramTransport
from waiting import after

ECHO_ID = "/echo/1.0.0"
PORT = 4001
PATIENT = Limits(swarm=SwarmConfig(connection=ConnectionConfig(negotiation_timeout_s=60)))
"""Limits for a carrier that repeats after timeouts alone: losing 30 %, it may stand still for ten seconds."""


@dataclass
class Machine:
    """A host on an interface of the simulated network."""

    host: Host
    transport: DatagramTransport
    sockets: SimulatedSockets


async def start(interface: Interface, seed: int) -> Machine:
    source = seeded_random(seed, interface.name)
    runtime = SimulatedRuntime(asyncio.get_running_loop().time, source)
    key, sockets = PrivateKey.generate("ed25519", source.randbytes), SimulatedSockets(interface)
    transport = DatagramTransport(key, sockets, runtime)
    listen = [f"/ip4/{interface.ip}/udp/{PORT}"]
    host = Host(key=key, runtime=runtime, transports=[transport], listen=listen, limits=PATIENT)
    host.set_stream_handler(ECHO_ID, echo)
    await host.start()
    return Machine(host, transport, sockets)


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def exchange(host: Host, machine: Machine, n: int) -> None:
    async with await host.new_stream(machine.host.addresses[0], ECHO_ID) as stream:
        sent = bytes([n]) * 20_000
        await stream.write(sent)
        assert await stream.read_exactly(len(sent)) == sent


async def talk(loss: float, seed: int) -> tuple[float, str]:
    """Two hosts dial each other, echo and close; how long it took, and a digest of each packet on the way."""
    lab = Lab(LinkConfig(latency_s=0.02, jitter_s=0.01, loss=loss, reorder=loss), seed=seed)
    one, other = await start(lab.a, seed), await start(lab.b, seed)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one.host.connect(other.host.addresses[0]))
        tasks.create_task(other.host.connect(one.host.addresses[0]))
    async with asyncio.TaskGroup() as tasks:
        for n in range(10):
            tasks.create_task(exchange(one.host, other, n))
    assert (await other.host.identify(one.host.peer_id)).public_key == one.host.private_key.public_key
    assert await one.host.ping(other.host.peer_id) >= 0.02
    for machine in (one, other):
        await machine.host.close()
    took_s = lab.loop.time()
    await after(60)
    assert len(one.transport) == len(other.transport) == 0
    assert one.sockets.statistics().sockets == other.sockets.statistics().sockets == 0
    return took_s, lab.trace.sha256


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_losses_cost_time_and_nothing_else_and_a_seed_decides_them(loss: float, seed: int) -> None:
    first = run_virtual(talk(loss, seed), 600)
    assert run_virtual(talk(loss, seed), 600) == first
    assert first != run_virtual(talk(loss, seed + 100), 600)


@pytest.mark.virtual_time
async def test_a_dial_into_the_void_ends_with_the_handshakes_time() -> None:
    lab = Lab(LinkConfig(latency_s=0.02))
    one, other = await start(lab.a, 1), await start(lab.b, 1)
    address = other.host.addresses[0].without_p2p()
    lab.b.take_down()
    began_s = lab.loop.time()
    for role in Role:
        with pytest.raises(DialFailed) as caught:
            await one.host.dial(DialRequest(other.host.peer_id, [address], role, deadline_s=60))
        assert isinstance(caught.value.attempts[0][1], TimeoutExpired)
    assert lab.loop.time() - began_s == pytest.approx(20, abs=0.1)
    for machine in (one, other):
        await machine.host.close()
        assert machine.sockets.statistics().sockets == 0


@pytest.mark.virtual_time
async def test_a_peer_that_vanishes_is_missed_by_the_keep_alive_of_the_carrier() -> None:
    lab = Lab(LinkConfig(latency_s=0.02))
    one, other = await start(lab.a, 1), await start(lab.b, 1)
    await one.host.connect(other.host.addresses[0])
    await after(5)
    lab.b.take_down()
    began_s = lab.loop.time()
    while one.host.connections():
        await after(1)
    assert 30 < lab.loop.time() - began_s < 75  # it looks every 30 s, and waits 10 s for an answer
    for machine in (one, other):
        await machine.host.close()
