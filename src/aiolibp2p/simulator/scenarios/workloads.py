"""The work of nodes: connect to neighbours, ping them, send them bytes and have them back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiolibp2p.errors import Libp2pError
from aiolibp2p.simulator.topology import Edge, neighbours, random_regular

if TYPE_CHECKING:
    from aiolibp2p.abc.stream import Stream
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

ECHO_ID = "/simulator/echo/1.0.0"
CONNECT_OVER_S = 5.0
"""The seconds over which the first dials are spread."""


def regular_edges(simulation: Simulation, degree: int = 8) -> list[Edge]:
    """Return a connected graph over the nodes: `degree` neighbours each, or as many as there can be."""
    n = len(simulation.nodes)
    k = min(degree, n - 1)
    return random_regular(n, k - (n * k) % 2, simulation.source("topology"))


async def connect_all(simulation: Simulation, edges: Sequence[Edge], over_s: float = CONNECT_OVER_S) -> None:
    """Let the first node of each edge dial the second, all within `over_s` seconds. A dial that fails is counted."""
    nodes = simulation.nodes
    dials: list[list[Node]] = [[] for _ in nodes]
    for a, b in edges:
        dials[a].append(nodes[b])
    await asyncio.gather(
        *(_connect(simulation, node, targets, over_s) for node, targets in zip(nodes, dials, strict=True) if targets)
    )


async def _connect(simulation: Simulation, node: Node, targets: Sequence[Node], over_s: float) -> None:
    source = simulation.source(node.name, "connect")
    # Apart at random, so that nobody dials at the same instant.
    moments = sorted(source.uniform(0.0, over_s) for _ in targets)
    start_s = simulation.now
    for target, moment in zip(targets, moments, strict=True):
        await simulation.wait_until(start_s + moment)
        await connect(simulation, node, target)


async def connect(simulation: Simulation, node: Node, target: Node) -> bool:
    """Dial once, measured and counted; return whether it succeeded."""
    if node.host is None:
        return False
    began_s = simulation.now
    try:
        await node.host.connect(target.address)
    except Libp2pError:
        simulation.count("failed_dials")
        return False
    simulation.count("dials")
    simulation.measure("connect_s", simulation.now - began_s)
    return True


async def keep_connected(simulation: Simulation, edge: Edge, every_s: float) -> None:
    """Dial missing neighbours about every `every_s` seconds, without end, as applications do."""
    node, target = (simulation.nodes[i] for i in edge)
    source = simulation.source(node.name, target.name, "redial")
    while True:
        await simulation.wait(every_s * source.uniform(0.5, 1.0))
        if node.host is not None and not node.host.connections(target.peer_id):
            await connect(simulation, node, target)


async def ping(simulation: Simulation, node: Node, target: Node) -> bool:
    """Ping once over a connection that stands, measured and counted; return whether it was answered."""
    if node.host is None or not node.host.connections(target.peer_id):
        simulation.count("skipped_pings")
        return False
    try:
        seconds = await node.host.ping(target.peer_id)
    except Libp2pError:
        simulation.count("failed_pings")
        return False
    simulation.count("pings")
    simulation.measure("ping_s", seconds)
    return True


async def ping_all(simulation: Simulation, edges: Sequence[Edge], every_s: float, until_s: float) -> None:
    """Let every node ping one of its neighbours after the other, about every `every_s` seconds."""
    around = neighbours(len(simulation.nodes), list(edges))
    await asyncio.gather(
        *(
            _keep_pinging(simulation, node, [simulation.nodes[i] for i in near], every_s, until_s)
            for node, near in zip(simulation.nodes, around, strict=True)
            if near
        )
    )


async def _keep_pinging(
    simulation: Simulation, node: Node, targets: Sequence[Node], every_s: float, until_s: float
) -> None:
    source = simulation.source(node.name, "ping")
    turn = 0
    at_s = simulation.now + source.uniform(0.0, every_s)
    while at_s < until_s:
        await simulation.wait_until(at_s)
        await ping(simulation, node, targets[turn % len(targets)])
        turn += 1
        at_s = max(at_s + every_s * source.uniform(0.9, 1.1), simulation.now)


async def serve_echo(stream: Stream) -> None:
    """Serve the protocol that sends back every byte."""
    async for chunk in stream:
        await stream.write(chunk)


async def echo(simulation: Simulation, node: Node, target: Node, size: int) -> bool:
    """Send `size` bytes and read as many back, measured and counted; return whether all of them came."""
    if node.host is None or not node.host.connections(target.peer_id):
        simulation.count("skipped_echoes")
        return False
    began_s = simulation.now
    try:
        stream = await node.host.new_stream(target.peer_id, ECHO_ID)
        async with stream:
            _, back = await asyncio.gather(_send(stream, bytes(size)), stream.read())
    except Libp2pError:
        simulation.count("failed_echoes")
        return False
    if len(back) != size:
        simulation.violate("echo", f"{target.name} sent {len(back)} of {size} bytes back to {node.name}")
        return False
    simulation.count("echoes")
    simulation.measure("echo_s", simulation.now - began_s)
    return True


async def _send(stream: Stream, data: bytes) -> None:
    await stream.write(data)
    await stream.close_write()


async def echo_all(simulation: Simulation, edges: Sequence[Edge], size: int, every_s: float, until_s: float) -> None:
    """Let the first node of each edge have `size` bytes echoed by the second, about every `every_s` seconds."""
    await asyncio.gather(*(_keep_echoing(simulation, edge, size, every_s, until_s) for edge in edges))


async def _keep_echoing(simulation: Simulation, edge: Edge, size: int, every_s: float, until_s: float) -> None:
    node, target = (simulation.nodes[i] for i in edge)
    source = simulation.source(node.name, target.name, "echo")
    at_s = simulation.now + source.uniform(0.0, every_s)
    while at_s < until_s:
        await simulation.wait_until(at_s)
        await echo(simulation, node, target, size)
        at_s = max(at_s + every_s, simulation.now)
