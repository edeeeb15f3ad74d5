"""The network falls into two halves and comes together again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import Edge

if TYPE_CHECKING:
    from aiolibp2p.simulator.simulation import Simulation

APART_S = 20.0
"""The virtual second at which the network falls apart."""
PROBE_S = 25.0
"""The virtual second at which every edge is tried, some seconds into the partition."""
TOGETHER_S = 60.0
"""The virtual second at which the network is whole again."""
RECOVERED_S = 100.0
"""The virtual second at which every edge must work: dead connections are noticed by then, and dialled again."""
REDIAL_EVERY_S = 5.0
"""The seconds after which a node dials its missing neighbours again."""


async def run(simulation: Simulation) -> None:
    """Forty seconds in two halves, each of which goes on by itself; afterwards all is as before."""
    simulation.use_regions()
    for _ in range(simulation.size):
        simulation.add_node()
    await simulation.start_nodes()
    edges = workloads.regular_edges(simulation)
    await workloads.connect_all(simulation, edges)
    await simulation.wait_until(APART_S)
    half = simulation.size // 2
    simulation.faults.partition(simulation.nodes[:half], simulation.nodes[half:])
    await simulation.wait_until(PROBE_S)
    for edge in edges:
        is_inside = (edge[0] < half) == (edge[1] < half)
        simulation.spawn(_probe(simulation, edge, works=is_inside), f"probe {edge}")
    await simulation.wait_until(TOGETHER_S)
    simulation.faults.heal()
    for edge in edges:
        simulation.spawn(workloads.keep_connected(simulation, edge, REDIAL_EVERY_S), f"reconnect {edge}")
    await simulation.wait_until(RECOVERED_S)
    for edge in edges:
        await _probe(simulation, edge, works=True)


async def _probe(simulation: Simulation, edge: Edge, works: bool) -> None:
    node, target = (simulation.nodes[i] for i in edge)
    at_s = simulation.now
    if await workloads.ping(simulation, node, target) is not works:
        where = f"from {node.name} to {target.name} at {at_s:g} s"
        simulation.violate("partition", f"a ping {where} {'failed' if works else 'came through a partition'}")


SCENARIO = Scenario(
    name="partition-heal",
    summary="the network falls into two halves for forty seconds, and recovers",
    run=run,
    nodes=16,
    limit_s=300.0,
    min_nodes=3,
)
