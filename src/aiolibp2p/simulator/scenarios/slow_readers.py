"""One node reads nothing for a while. Its writers wait, in bounded memory; the others notice nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiolibp2p.errors import Libp2pError
from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import Edge, full_mesh, star

if TYPE_CHECKING:
    from aiolibp2p.abc.stream import Stream
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

SINK_ID = "/simulator/sink/1.0.0"
CHUNK = bytes(16 * 1024)
TOTAL_BYTES = 8 * 1024 * 1024
"""The bytes that each writer sends: more than it may have on the way."""
SHORT_S = 7.0
"""A stall in seconds that everybody waits out: hosts give a peer that takes nothing ten seconds."""
LONG_S = 40.0
"""A stall in seconds after which every writer has given up."""
GIVE_UP_S = 25.0
"""The seconds after which a writer must have given up."""
FIRST_STALL_S = 10.0
"""The virtual second at which the first stall begins."""
SECOND_STALL_S = 60.0
"""The virtual second at which the second stall begins, when the first is over."""
MAX_HELD_BYTES = 5 * 1024 * 1024
"""The most bytes of one writer on the way to a reader that reads nothing: stream window, socket buffers."""
MAX_PING_S = 1.0
"""The longest ping beside the stall, in seconds: three of the longest round trips of the world."""
MAX_NEIGHBOURS = 8
"""The most nodes that are all connected to one another; in larger networks each has a few neighbours."""


class _Bulk:
    """The transfers of everybody to the slow node, and the bytes that have come there."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.slow, *self.others = simulation.nodes
        self.received = {node.name: 0 for node in self.others}
        self.sent = {node.name: 0 for node in self.others}
        self.ended: dict[str, str] = {}
        """The error of each writer, in words; "" for one that finished."""
        self._names = {node.peer_id: node.name for node in self.others}
        self.slow.running.set_stream_handler(SINK_ID, self._sink)

    async def _sink(self, stream: Stream) -> None:
        async for chunk in stream:
            self.received[self._names[stream.remote_peer]] += len(chunk)

    def start(self) -> None:
        """Let every node send 8 MiB."""
        for table in (self.received, self.sent):
            table.update(dict.fromkeys(table, 0))
        self.ended.clear()
        for node in self.others:
            self._simulation.spawn(self._send(node), f"{node.name} sends")

    async def _send(self, node: Node) -> None:
        try:
            await self._send_all(node)
        except Libp2pError as error:
            self.ended[node.name] = str(error)
            self._simulation.count("gave_up")
        else:
            self.ended[node.name] = ""
            self._simulation.count("sent_bytes", TOTAL_BYTES)

    async def _send_all(self, node: Node) -> None:
        async with await node.running.new_stream(self.slow.address, SINK_ID) as stream:
            while self.sent[node.name] < TOTAL_BYTES:
                await stream.write(CHUNK)
                self.sent[node.name] += len(CHUNK)

    def check_memory(self) -> None:
        """Check that the bytes each writer has on the way are bounded."""
        for name, n in self.sent.items():
            held = n - self.received[name]
            self._simulation.measure("held_backlog", held)
            if held > MAX_HELD_BYTES:
                self._simulation.violate("memory", f"{name} has {held} bytes on the way to a reader that reads nothing")


async def run(simulation: Simulation) -> None:
    """Everybody sends 8 MiB to node 0, which stalls: first for a while, then for too long. Pings stay quick."""
    for _ in range(simulation.size):
        simulation.add_node()
    await simulation.start_nodes()
    edges = full_mesh(simulation.size) if simulation.size <= MAX_NEIGHBOURS else workloads.regular_edges(simulation)
    among = [edge for edge in edges if 0 not in edge]
    await workloads.connect_all(simulation, among + star(simulation.size))
    bulk = _Bulk(simulation)

    await simulation.wait_until(FIRST_STALL_S)
    simulation.faults.slow_reader(bulk.slow)
    bulk.start()
    await _ping_all(simulation, among, FIRST_STALL_S + SHORT_S)
    bulk.check_memory()
    simulation.faults.slow_reader(bulk.slow, stalled=False)
    await simulation.wait_until(SECOND_STALL_S)
    for name, n in bulk.received.items():
        if n != TOTAL_BYTES:
            simulation.violate("delivered", f"{n} of {TOTAL_BYTES} bytes of {name} arrived: {bulk.ended.get(name)}")

    simulation.faults.slow_reader(bulk.slow)
    bulk.start()
    await _ping_all(simulation, among, SECOND_STALL_S + GIVE_UP_S)
    bulk.check_memory()
    for node in bulk.others:
        if not bulk.ended.get(node.name):
            simulation.violate("given up", f"{node.name} still writes to a peer that has read nothing for so long")
    await simulation.wait_until(SECOND_STALL_S + LONG_S)
    simulation.faults.slow_reader(bulk.slow, stalled=False)
    for node in bulk.others:
        await workloads.connect(simulation, node, bulk.slow)
        if not await workloads.ping(simulation, node, bulk.slow):
            simulation.violate("recovered", f"{node.name} gets no ping through")


async def _ping_all(simulation: Simulation, edges: list[Edge], until_s: float) -> None:
    nodes = simulation.nodes
    await asyncio.gather(*(_keep_pinging(simulation, nodes[a], nodes[b], until_s) for a, b in edges))
    await simulation.wait_until(until_s)


async def _keep_pinging(simulation: Simulation, node: Node, target: Node, until_s: float) -> None:
    while simulation.now < until_s - MAX_PING_S:
        began_s = simulation.now
        if not await workloads.ping(simulation, node, target) or simulation.now - began_s > MAX_PING_S:
            simulation.violate("held up", f"a ping from {node.name} to {target.name} took over {MAX_PING_S:g} s")
        await simulation.wait(1.0)


SCENARIO = Scenario(
    name="slow-readers",
    summary="a node that reads nothing for a while holds nobody else up, and costs bounded memory",
    run=run,
    nodes=6,
    limit_s=300.0,
    min_nodes=3,
)
