"""Nodes stop, crash, and come back, some of them with a new identity; the others notice, and find them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import Edge

if TYPE_CHECKING:
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

CHURN_S = 120.0
"""The seconds of churn."""
EVERY_S = 5.0
"""The seconds between two nodes that stop or crash, on average."""
REDIAL_EVERY_S = 5.0
"""The seconds after which a node dials its missing neighbours again."""
SETTLE_S = 90.0
"""The seconds that are left after the last change: longer than a keep-alive takes to notice the silence."""


async def run(simulation: Simulation) -> None:
    """Two minutes of churn, after which everybody is back and connected to its neighbours of then."""
    simulation.use_regions()
    for _ in range(simulation.size):
        simulation.add_node()
    await simulation.start_nodes()
    edges = workloads.regular_edges(simulation, 4)
    for edge in edges:
        simulation.spawn(workloads.keep_connected(simulation, edge, REDIAL_EVERY_S), f"keep {edge} connected")
    await simulation.wait(2 * REDIAL_EVERY_S)
    while simulation.now < CHURN_S:
        up = [node for node in simulation.nodes if node.is_up]
        if len(up) > len(simulation.nodes) // 2:
            simulation.spawn(_lose(simulation, simulation.random.choice(up)), "lose a node")
        await simulation.wait(EVERY_S)
    await simulation.wait(SETTLE_S)
    _check(simulation, edges)
    for a, b in edges:
        if not await workloads.ping(simulation, simulation.nodes[a], simulation.nodes[b]):
            simulation.violate("recovered", f"n{a} gets no ping through to n{b}")


async def _lose(simulation: Simulation, node: Node) -> None:
    source = simulation.random
    crashes, keeps_disk, away_s = source.random() < 0.5, source.random() < 0.5, source.uniform(2.0, 20.0)
    if crashes:
        simulation.count("crashes")
        await simulation.faults.crash(node)
    else:
        simulation.count("stops")
        await simulation.faults.stop(node)
    await simulation.wait(away_s)
    await simulation.faults.restart(node, keeps_disk)


def _check(simulation: Simulation, edges: list[Edge]) -> None:
    alive = {node.peer_id: node.name for node in simulation.nodes}
    for node in simulation.nodes:
        for connection in node.running.connections():
            if connection.remote_peer not in alive:
                simulation.violate("buried", f"{node.name} is connected to {connection.remote_peer}, which is gone")
    for a, b in edges:
        for i, j in ((a, b), (b, a)):
            one, other = simulation.nodes[i], simulation.nodes[j]
            if not one.running.connections(other.peer_id):
                simulation.violate("recovered", f"{one.name} has no connection to {other.name}")


SCENARIO = Scenario(
    name="churn",
    summary="nodes stop, crash and come back, with and without their disks; all find one another again",
    run=run,
    nodes=16,
    limit_s=600.0,
    min_nodes=3,
)
