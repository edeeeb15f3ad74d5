"""What goes wrong on purpose: each fault is one call, and one line of the trace."""

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
        self._spikes: dict[tuple[str, str], dict[int, float]] = {}
        self._spike_count = 0

    def _record(self, what: str) -> None:
        self._simulation.record(f"fault {what}")
        self._simulation.count("faults")

    def partition(self, *groups: Sequence[Node]) -> None:
        """Nothing passes from one group to another, until `heal`. Nodes in no group are a group, too."""
        names = [[node.name for node in group] for group in groups]
        self._record(f"partition {' | '.join(','.join(group) for group in names)}")
        self._conditions.partition(*names)

    def cut(self, a: Node, b: Node) -> None:
        """Nothing passes from `a` to `b`; the other way it does. Until `heal`."""
        self._record(f"cut {a.name}>{b.name}")
        self._conditions.cut(a.name, b.name)

    def heal(self) -> None:
        """No partition, no cut and no spike any more."""
        self._record("heal")
        self._spikes.clear()
        self._conditions.heal()

    def spike(self, extra_s: float, for_s: float, a: Node | None = None, b: Node | None = None) -> None:
        """For some seconds everything from `a` to `b` takes longer; None stands for everybody. Spikes add up."""
        pair = "" if a is None else a.name, "" if b is None else b.name
        self._record(f"spike {pair[0]}>{pair[1]} {extra_s:g} for {for_s:g}")
        here = self._spikes.setdefault(pair, {})
        self._spike_count += 1
        here[self._spike_count] = extra_s
        self._conditions.delay(*pair, sum(here.values()))
        asyncio.get_running_loop().call_later(for_s, self._end_spike, pair, self._spike_count)

    def _end_spike(self, pair: tuple[str, str], number: int) -> None:
        here = self._spikes.get(pair, {})
        if here.pop(number, None) is not None:
            self._simulation.record(f"spike over {pair[0]}>{pair[1]}")
            self._conditions.delay(*pair, sum(here.values()))

    async def crash(self, node: Node) -> None:
        """See `Node.crash`."""
        self._record(f"crash {node.name}")
        await node.crash()

    async def stop(self, node: Node) -> None:
        """See `Node.stop`."""
        self._record(f"stop {node.name}")
        await node.stop()

    async def restart(self, node: Node, with_disk: bool = True) -> None:
        """See `Node.restart`."""
        self._record(f"restart {node.name} {'with' if with_disk else 'without'} disk")
        await node.restart(with_disk)

    def skew(self, node: Node, wall_offset_s: float = 0.0, rate: float = 1.0) -> None:
        """The node's wall clock is off by so much, and its clocks run so fast; it keeps them through restarts."""
        self._record(f"skew {node.name} {wall_offset_s:g} {rate:g}")
        node.runtime.skew(wall_offset_s, rate)

    def slow_reader(self, node: Node, stalled: bool = True) -> None:
        """The node takes nothing that its peers send it on streams, until it is told to go on (`stalled=False`)."""
        self._record(f"{'stall' if stalled else 'go on'} {node.name}")
        node.interface.stall(stalled)
