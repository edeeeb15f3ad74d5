"""The faults that a simulation makes on purpose: each is one call, and one line of the trace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiolibp2p.simulator.node import Node

if TYPE_CHECKING:
    from aiolibp2p.simulator.simulation import Simulation


class Faults:
    """The faults of one simulation: `simulation.faults.partition(...)`."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._conditions = simulation.network.conditions

    def _record(self, what: str) -> None:
        self._simulation.record(f"fault {what}")
        self._simulation.count("faults")

    def partition(self, *groups: Sequence[Node]) -> None:
        """Let nothing pass from one group to another, until `heal`. A node in no group is cut from nobody."""
        names = [[node.name for node in group] for group in groups]
        self._record(f"partition {' | '.join(','.join(group) for group in names)}")
        self._conditions.partition(*names)

    def cut(self, a: Node, b: Node) -> None:
        """Let nothing pass from `a` to `b`, until `heal`; the other way stays open."""
        self._record(f"cut {a.name}>{b.name}")
        self._conditions.cut(a.name, b.name)

    def heal(self) -> None:
        """End the partition and all cuts."""
        self._record("heal")
        self._conditions.heal()

    def spike(self, extra_s: float, for_s: float, a: Node | None = None, b: Node | None = None) -> None:
        """Make everything from `a` to `b` slower for some seconds; None stands for everybody."""
        start, end = (None if node is None else node.name for node in (a, b))
        self._record(f"spike {start or '*'}>{end or '*'} {extra_s:g}")
        self._conditions.add_latency_s(start, end, extra_s)
        asyncio.get_running_loop().call_later(for_s, self._end_spike, start, end, extra_s)

    def _end_spike(self, start: str | None, end: str | None, extra_s: float) -> None:
        self._simulation.record(f"spike over {start or '*'}>{end or '*'} {extra_s:g}")
        self._conditions.add_latency_s(start, end, -extra_s)

    def lose(self, share: float, for_s: float, a: Node | None = None, b: Node | None = None) -> None:
        """Lose this share of the packets from `a` to `b` for some seconds; None stands for everybody."""
        start, end = (None if node is None else node.name for node in (a, b))
        self._record(f"lose {start or '*'}>{end or '*'} {share:g}")
        self._conditions.set_loss(start, end, share)
        asyncio.get_running_loop().call_later(for_s, self._end_loss, start, end)

    def _end_loss(self, start: str | None, end: str | None) -> None:
        self._simulation.record(f"loss over {start or '*'}>{end or '*'}")
        self._conditions.set_loss(start, end, None)

    async def crash(self, node: Node) -> None:
        """Crash a node: its sockets vanish and tell nobody."""
        self._record(f"crash {node.name}")
        await node.crash()

    async def stop(self, node: Node) -> None:
        """Stop a node: its host is closed, as by its user."""
        self._record(f"stop {node.name}")
        await node.stop()

    async def restart(self, node: Node, with_disk: bool = True) -> None:
        """Start a node again that was stopped or has crashed."""
        self._record(f"restart {node.name} {'with' if with_disk else 'without'} disk")
        await node.restart(with_disk)

    def skew(self, node: Node, wall_offset_s: float = 0.0, rate: float = 1.0) -> None:
        """Set the node's wall clock off by some seconds, and run its clocks at a rate; the skew survives restarts."""
        self._record(f"skew {node.name} {wall_offset_s:g} {rate:g}")
        node.runtime.skew(wall_offset_s, rate)

    def slow_reader(self, node: Node, stalled: bool = True) -> None:
        """Let the node take nothing that its peers send on streams, until it is called with `stalled=False`."""
        self._record(f"{'stall' if stalled else 'go on'} {node.name}")
        node.interface.stall(stalled)
