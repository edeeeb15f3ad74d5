"""Two nodes dial each other at nearly the same moment, from the ports they listen on."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from aiolibp2p.assembly import Limits
from aiolibp2p.errors import DialFailed
from aiolibp2p.simulator.network import LinkConfig
from aiolibp2p.simulator.network.nat import FIREWALL
from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.transport import StreamTransportConfig
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig

if TYPE_CHECKING:
    from aiolibp2p.simulator.network import Gateway
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

LATENCY_S = (0.001, 0.15)
"""The least and the greatest latency between two nodes, in seconds: a LAN, and round the world."""
WITHIN_S = (0.0, 0.01, 0.1, 0.4)
"""How many seconds the two dials are apart at most: one of these."""
SETTLED_S = 12.0
"""Seconds in which dials come to an end, their timeout included."""
ECHOES = 3
"""The echoes of each end over the connection."""
ECHO_BYTES = 20_000
"""The bytes of each echo: several segments."""


async def run(simulation: Simulation) -> None:
    """Each two nodes share exactly one connection in the end, of which exactly one is the initiator."""
    await meet_all(simulation, Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(simultaneous_open=True))))


async def meet_all(simulation: Simulation, limits: Limits) -> None:
    """The nodes meet two by two, their hosts made with these limits; what must hold is looked at afterwards."""
    simulation.transport = StreamTransportConfig(dial_from_listen_port=True)
    delays = {}
    meetings = []
    for number in range(simulation.size // 2):
        source = simulation.source("meeting", str(number))
        gateways: list[Gateway | None] = [None, None]
        if source.random() < 0.5 and simulation.fidelity == "full":  # the fast path dials from any port
            gateways = [simulation.network.attach_gateway(f"g{number}{side}", "", FIREWALL) for side in "ab"]
        one, other = (simulation.add_node(gateway=gateway, limits=limits) for gateway in gateways)
        delays[one.name, other.name], delays[other.name, one.name] = _link(source), _link(source)
        meetings.append(Meeting(simulation, one, other, source))
    simulation.link = lambda start, end: delays[start.name, end.name]
    await simulation.start_nodes()
    await asyncio.gather(*(meeting.hold() for meeting in meetings))


def _link(source: random.Random) -> LinkConfig:
    latency_s = source.uniform(*LATENCY_S)
    return LinkConfig(latency_s, jitter_s=latency_s * source.choice((0.0, 0.3)), loss=source.choice((0.0, 0.0, 0.02)))


class Meeting:
    """Two nodes that dial each other once."""

    def __init__(self, simulation: Simulation, one: Node, other: Node, source: random.Random) -> None:
        self._simulation = simulation
        self._ends = ((one, other), (other, one))
        self._source = source
        self._shared = 0
        """The dials that became a connection: both of them only if they became the same one."""

    async def hold(self) -> None:
        """Dial from both ends, then look at the connections, and use them from both ends."""
        simulation = self._simulation
        within_s = self._source.choice(WITHIN_S)
        for node, _ in self._ends:
            node.running.set_stream_handler(workloads.ECHO_ID, workloads.serve_echo)
        moments = [simulation.now + self._source.uniform(0.0, within_s) for _ in self._ends]
        for (node, target), moment in zip(self._ends, moments, strict=True):
            simulation.spawn(self._dial(node, target, moment), f"{node.name} dials")
        await simulation.wait(SETTLED_S)
        simulation.count("simultaneous" if self._shared == len(self._ends) else "ordinary")
        self._look("after the dials")
        await self._use()
        self._look("after use")

    async def _dial(self, node: Node, target: Node, moment: float) -> None:
        await self._simulation.wait_until(moment)
        if node.running.connections(target.peer_id):
            return
        try:
            await node.running.connect(target.address)
        except DialFailed as error:
            # The ports are taken, by a connection from the other side that is not set up yet.
            self._simulation.record(f"{node.name} dialled in vain: {error}")
            self._simulation.count("failed_dials")
        else:
            self._shared += 1

    def _look(self, when: str) -> None:
        simulation = self._simulation
        initiators = []
        for node, target in self._ends:
            found = node.running.connections(target.peer_id)
            if not found or (len(found) > 1 and simulation.fidelity == "full"):
                simulation.violate("one-connection", f"{node.name} has {len(found)} to {target.name} {when}")
                return
            if found[0].is_outbound:
                initiators.append(node)
        if len(initiators) == 1:
            simulation.count(f"{initiators[0].name}_was_initiator")
        elif simulation.fidelity == "full":
            names = " and ".join(node.name for node in initiators) or "nobody"
            simulation.violate("one-initiator", f"the initiator is {names} {when}")

    async def _use(self) -> None:
        """Open streams from both ends at once: their ids collide if both take themselves for the initiator."""
        simulation = self._simulation
        for node, target in self._ends:
            if not node.running.connections(target.peer_id):
                return
        went_well = await asyncio.gather(
            *(workloads.ping(simulation, *end) for end in self._ends),
            *(workloads.echo(simulation, *end, ECHO_BYTES) for end in self._ends for _ in range(ECHOES)),
        )
        if not all(went_well):
            simulation.violate("streams", f"{went_well.count(False)} of {len(went_well)} streams failed")


SCENARIO = Scenario(
    name="simultaneous-open",
    summary="two dial each other at nearly the same moment, with the deprecated extension: one connection, two roles",
    run=run,
    nodes=2,
    limit_s=120.0,
)
