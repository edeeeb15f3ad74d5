"""Attackers dial honest nodes, and are dialled by them; the honest ones go on as if nothing were."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiolibp2p.abc.layers.raw import RawConnection
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.assembly import Limits
from aiolibp2p.errors import Libp2pError
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.simulator.byzantine import LAYERS, ByzantinePeer
from aiolibp2p.simulator.network import Interface
from aiolibp2p.simulator.network.stream_socket import StreamSocket
from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import full_mesh
from aiolibp2p.simulator.transport.stream import StreamConnection, StreamTransport
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig

if TYPE_CHECKING:
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

ATTACKERS = 2
"""The nodes that attack."""
ATTACKS = 4
"""Attacks by each attacker; as many more on each node that dials it."""
END_S = 45.0
"""The virtual second at which the scenario ends: all attacks are over then."""
PING_EVERY_S = 3.0
"""The seconds between two pings of an honest node."""
MAX_PING_S = 1.0
"""The longest ping between honest nodes, in seconds: three of the longest round trips of the world."""
PORT = 4001
"""The port on which attackers listen."""
ASKING = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(simultaneous_open=True)))
"""The limits of every other node: they let a peer that is dialled claim to have dialled, too."""


async def run(simulation: Simulation) -> None:
    """Attacks at layers drawn from the seed, in both directions; connections and pings of the honest hold."""
    for number in range(simulation.size):
        simulation.add_node(limits=ASKING if number % 2 else Limits())
    await simulation.start_nodes()
    edges = full_mesh(simulation.size)
    await workloads.connect_all(simulation, edges, over_s=1.0)
    before = [(node, len(node.running.connections())) for node in simulation.nodes]
    for number in range(ATTACKERS):
        attacker = Attacker(simulation, f"byzantine{number}", f"12.0.0.{number + 1}")
        simulation.spawn(attacker.attack(), f"{attacker.name} attacks")
        victim = simulation.nodes[number % simulation.size]
        simulation.spawn(_dial(simulation, victim, attacker.address), f"{victim.name} dials {attacker.name}")
    for a, b in edges:
        simulation.spawn(_ping(simulation, simulation.nodes[a], simulation.nodes[b]), f"n{a} pings n{b}")
    await simulation.wait_until(END_S)
    honest = [node.peer_id for node in simulation.nodes]
    for node, n in before:
        kept = sum(connection.remote_peer in honest for connection in node.running.connections())
        if kept < n:
            simulation.violate("held", f"{node.name} has {kept} of {n} connections to honest nodes left")


class Attacker:
    """An interface that attacks nodes, and each node that dials it."""

    def __init__(self, simulation: Simulation, name: str, ip: str) -> None:
        self.name = name
        self.address = Multiaddr(f"/ip4/{ip}/tcp/{PORT}")
        self._simulation = simulation
        self._source = simulation.source(name)
        self._interface: Interface = simulation.network.attach(name, ip)
        self._transport = StreamTransport(self._interface)
        self._interface.listen(PORT, self._accepted)

    async def attack(self) -> None:
        """Attack one node after another."""
        for _ in range(ATTACKS):
            await self._simulation.wait(self._source.uniform(0.0, 4.0))
            address = self._source.choice(self._simulation.nodes).address.without_p2p()
            try:
                raw = await self._transport.dial(address, DialRequest(None), NULL_SCOPE)
            except Libp2pError:
                self._simulation.count("failed_attacks")
                continue
            if isinstance(raw, StreamConnection):
                await self._attack_over(raw, Role.INITIATOR)

    def _accepted(self, socket: StreamSocket) -> None:
        raw = StreamConnection(socket, 64 * 1024)
        self._simulation.spawn(self._attack_over(raw, Role.RESPONDER), f"{self.name} is dialled")

    async def _attack_over(self, raw: RawConnection, role: Role) -> None:
        layer = self._source.choice(LAYERS)
        self._simulation.record(f"attack {self.name} {role.value} {layer}")
        self._simulation.count(f"attacks_{layer}")
        await ByzantinePeer(raw, role, layer, self._source).attack()


async def _dial(simulation: Simulation, node: Node, address: Multiaddr) -> None:
    """Dial the attacker as an honest node that knows no better: the dial may fail, in documented ways."""
    for _ in range(ATTACKS):
        await simulation.wait(4.0)
        try:
            async with asyncio.timeout(20):
                connection = await node.running.connect(address)
                await node.running.identify(connection.remote_peer)
        except (Libp2pError, TimeoutError):
            simulation.count("failed_dials")


async def _ping(simulation: Simulation, node: Node, target: Node) -> None:
    while simulation.now < END_S - PING_EVERY_S:
        began_s = simulation.now
        if not await workloads.ping(simulation, node, target) or simulation.now - began_s > MAX_PING_S:
            simulation.violate("held", f"a ping from {node.name} to {target.name} failed or took over {MAX_PING_S:g} s")
        await simulation.wait(PING_EVERY_S)


SCENARIO = Scenario(
    name="byzantine",
    summary="attackers send hostile bytes at every layer, in both directions; the honest nodes notice nothing",
    run=run,
    nodes=3,
    limit_s=300.0,
)
