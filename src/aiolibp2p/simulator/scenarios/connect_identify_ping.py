"""Nodes all over the world connect to a few others, learn who they are, and ping them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import Edge

if TYPE_CHECKING:
    from aiolibp2p.simulator.simulation import Simulation

DURATION_S = 60.0
"""The seconds that the scenario takes."""
PING_EVERY_S = 10.0
"""The seconds between two pings of a node."""
SETTLE_S = 5.0
"""The seconds that are left at the end for pings on their way."""


async def run(simulation: Simulation) -> None:
    """Sixty seconds of connecting and pinging, at whose end every node knows what each neighbour speaks."""
    simulation.use_regions()
    for _ in range(simulation.size):
        simulation.add_node()
    await simulation.start_nodes()
    edges = workloads.regular_edges(simulation)
    await workloads.connect_all(simulation, edges)
    await workloads.ping_all(simulation, edges, PING_EVERY_S, DURATION_S - SETTLE_S)
    await simulation.wait_until(DURATION_S)
    _check(simulation, edges)


def _check(simulation: Simulation, edges: list[Edge]) -> None:
    nodes = simulation.nodes
    for a, b in edges:
        for one, other in ((nodes[a], nodes[b]), (nodes[b], nodes[a])):
            if not one.running.connections(other.peer_id):
                simulation.violate("connected", f"{one.name} has no connection to {other.name}")
            elif one.running.peerstore.protocols(other.peer_id) is None:
                simulation.violate("identified", f"{one.name} has not identified {other.name}")
            else:
                simulation.count("identified")
    for node in nodes:
        simulation.measure("degree", len(node.running.connections()))


SCENARIO = Scenario(
    name="connect-identify-ping",
    summary="nodes in eight regions connect to eight others each, identify and ping them for a minute",
    run=run,
    nodes=50,
    limit_s=300.0,
)
