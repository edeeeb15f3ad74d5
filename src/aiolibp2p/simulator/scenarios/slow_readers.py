"""One node reads nothing for a while. Whoever sends to it waits, in bounded memory; the others notice nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import full_mesh, star

if TYPE_CHECKING:
    from aiolibp2p.abc.stream import Stream
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

SINK_ID = "/simulator/sink/1.0.0"
CHUNK = bytes(16 * 1024)
TOTAL_BYTES = 8 * 1024 * 1024
STALL_S = 10.0
STALLED_FOR_S = 20.0
"""Shorter than a keep-alive takes to give a silent peer up."""
END_S = 120.0
MAX_HELD_BYTES = 4 * 1024 * 1024
"""What one writer may have on the way to a reader that reads nothing: stream window, socket buffers."""
MAX_PING_S = 1.0
MAX_NEIGHBOURS = 8


async def run(simulation: Simulation) -> None:
    """Everybody sends 8 MiB to node 0, which stalls for twenty seconds; pings among the others stay quick."""
    for _ in range(simulation.size):
        simulation.add_node()
    await simulation.start_nodes()
    slow, *others = simulation.nodes
    received = {node.name: 0 for node in others}
    names = {node.peer_id: node.name for node in others}

    async def sink(stream: Stream) -> None:
        async for chunk in stream:
            received[names[stream.remote_peer]] += len(chunk)

    slow.running.set_stream_handler(SINK_ID, sink)
    edges = full_mesh(simulation.size) if simulation.size <= MAX_NEIGHBOURS else workloads.regular_edges(simulation)
    among = [edge for edge in edges if 0 not in edge]
    await workloads.connect_all(simulation, among + star(simulation.size))
    await simulation.wait_until(STALL_S)
    simulation.faults.slow_reader(slow)
    before = dict(received)
    sent = {node.name: 0 for node in others}
    for node in others:
        simulation.spawn(_send(simulation, node, slow, sent), f"{node.name} sends")
    await simulation.wait_until(STALL_S + 1)
    for a, b in among:
        simulation.spawn(_ping(simulation, simulation.nodes[a], simulation.nodes[b]), f"n{a} pings n{b}")
    await simulation.wait_until(STALL_S + STALLED_FOR_S)
    for name, n in sent.items():
        simulation.measure("held_bytes", n - (received[name] - before[name]))
        if n - (received[name] - before[name]) > MAX_HELD_BYTES:
            simulation.violate("memory", f"{name} wrote {n} bytes to a reader that reads nothing")
    simulation.faults.slow_reader(slow, stalled=False)
    await simulation.wait_until(END_S)
    for name, n in received.items():
        if n != TOTAL_BYTES:
            simulation.violate("delivered", f"{n} of {TOTAL_BYTES} bytes of {name} arrived")


async def _send(simulation: Simulation, node: Node, slow: Node, sent: dict[str, int]) -> None:
    stream = await node.running.new_stream(slow.peer_id, SINK_ID)
    while sent[node.name] < TOTAL_BYTES:
        await stream.write(CHUNK)
        sent[node.name] += len(CHUNK)
    await stream.close()
    simulation.count("sent_bytes", TOTAL_BYTES)


async def _ping(simulation: Simulation, node: Node, target: Node) -> None:
    while simulation.now < STALL_S + STALLED_FOR_S:
        began_s = simulation.now
        if not await workloads.ping(simulation, node, target) or simulation.now - began_s > MAX_PING_S:
            simulation.violate("held up", f"a ping from {node.name} to {target.name} took over {MAX_PING_S:g} s")
        await simulation.wait(2.0)


SCENARIO = Scenario(
    name="slow-readers",
    summary="a node that reads nothing for a while holds nobody else up, and costs bounded memory",
    run=run,
    nodes=6,
    limit_s=300.0,
    min_nodes=3,
)
