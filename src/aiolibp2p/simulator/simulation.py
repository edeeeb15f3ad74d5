"""A simulation: its seed, its network, its nodes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar, Unpack

from aiolibp2p.abc.services.service import Service
from aiolibp2p.assembly import HostParameters
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.simulator.checkers import Checker, NoLeaks, WithinBounds
from aiolibp2p.simulator.faults import Faults
from aiolibp2p.simulator.figures import Figures
from aiolibp2p.simulator.network import Gateway, Interface, InterfaceConfig, LinkConfig, Network
from aiolibp2p.simulator.node import Node, NodeConfig
from aiolibp2p.simulator.runtime import seeded_random
from aiolibp2p.simulator.scenario import MAX_VIOLATIONS, Fidelity, Violation
from aiolibp2p.simulator.topology import Regions
from aiolibp2p.simulator.trace import Trace
from aiolibp2p.simulator.transport import StreamTransportConfig

T = TypeVar("T")

DEFAULT_LINK = LinkConfig(latency_s=0.02)
DEFAULT_INTERFACE = InterfaceConfig()


class Simulation:
    """One simulated network and the hosts on it, in the running `VirtualTimeLoop`.

    It begins without nodes: a scenario adds `size` of them. Set `link`, or call `use_regions`, before that.
    """

    def __init__(self, seed: int = 1, fidelity: Fidelity = "full", size: int = 10) -> None:
        self.seed = seed
        self.fidelity: Fidelity = fidelity
        self.size = size
        """The number of nodes that the scenario was asked for."""
        self.random = self.source("scenario")
        """The random numbers of the scenario itself."""
        self.trace = Trace()
        self.link: Callable[[Interface, Interface], LinkConfig] = lambda _from, _to: DEFAULT_LINK
        self.interface: InterfaceConfig = DEFAULT_INTERFACE
        """The interface of nodes that are added without one."""
        self.transport = StreamTransportConfig()
        """The transport of hosts that start without one of their own."""
        self.network = Network(self.source("network"), self.trace, lambda start, end: self.link(start, end))
        self.nodes: list[Node] = []
        self.faults = Faults(self)
        self.leaks = NoLeaks()
        self.checkers: list[Checker] = [self.leaks, WithinBounds(self)]
        self.figures = Figures()
        self.violations: list[Violation] = []
        self.expect_errors = False
        """Whether errors in the log of aiolibp2p are part of the plan, and no violations."""
        self._regions: Regions | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks()
        self._known: dict[tuple[str, str], None] = {}

    @property
    def now(self) -> float:
        """The virtual seconds since the run began."""
        return self._loop.time()

    @property
    def counters(self) -> dict[str, int]:
        """The counters of the run, by name."""
        return self.figures.counters

    def source(self, *names: str) -> random.Random:
        """Return random numbers that depend on the seed and on `names` alone, independent of all others."""
        return seeded_random(self.seed, *names)

    # Nodes

    def use_regions(self) -> None:
        """Spread the nodes over eight regions of the world: latencies between them, fast and slow lines."""
        self._regions = Regions(self.seed)
        self.link = self._regions.link

    def add_node(
        self,
        name: str | None = None,
        *,
        interface: InterfaceConfig | None = None,
        gateway: Gateway | None = None,
        services: Callable[[Node], Sequence[Service]] | None = None,
        **host_options: Unpack[HostParameters],
    ) -> Node:
        """Add a machine, still down. Behind a gateway its address is a private one."""
        number = len(self.nodes) + 1
        name = name or f"n{number - 1}"
        if interface is None:
            interface = self._regions.interface(name) if self._regions is not None else self.interface
        realm = "11" if gateway is None else "10"
        ip = f"{realm}.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        attached = self.network.attach(name, ip, interface, gateway)
        node = Node(self, name, attached, NodeConfig(services, host_options))
        self.nodes.append(node)
        return node

    async def start_nodes(self) -> None:
        """Start the nodes that are not up, in order."""
        for node in self.nodes:
            await node.start()

    # What happened

    def record(self, what: str) -> None:
        """Put a line into the trace."""
        self.trace.record(self.now, what)

    def measure(self, name: str, value: float) -> None:
        """Add a value to a measurement; its name ends in its unit (`ping_s`)."""
        self.figures.measure(name, self.now, value)

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to a counter."""
        self.figures.count(name, n)

    def violate(self, checker: str, what: str) -> None:
        """Record that an invariant does not hold, unless that was said before."""
        if (checker, what) in self._known or len(self.violations) >= MAX_VIOLATIONS:
            return
        self._known[checker, what] = None
        self.record(f"violation {checker}: {what}")
        self.violations.append(Violation(self.now, checker, what))

    def look(self) -> None:
        """Ask every checker."""
        for checker in self.checkers:
            for what in checker.look():
                self.violate(checker.name, what)

    # Running

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run a part of the scenario beside it; it ends with the run. An exception in it is a violation."""
        self._tasks.spawn(self._watched(coroutine, name), name)

    async def _watched(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        self.failed(await outcome(coroutine, name), name)

    def failed(self, result: object, name: str) -> None:
        """Take the end of a part of the scenario; if it is an exception, it is a violation."""
        if isinstance(result, BaseException):
            self.violate("scenario", f"{name}: {type(result).__name__}: {result}")

    async def wait(self, seconds: float) -> None:
        """Let virtual time pass, in seconds."""
        await asyncio.sleep(seconds)

    async def wait_until(self, at_s: float) -> None:
        """Let virtual time pass until then, if it has not."""
        await asyncio.sleep(max(0.0, at_s - self.now))

    async def close(self) -> None:
        """End what was spawned, close all hosts, then ask every checker for the last time."""
        await self._tasks.close()
        await asyncio.gather(*(node.stop() for node in self.nodes))
        for checker in self.checkers:
            for what in checker.finish():
                self.violate(checker.name, what)


async def outcome(coroutine: Coroutine[Any, Any, T], name: str) -> T | BaseException:
    """Return what a coroutine returns, or the exception it ends with."""
    (result,) = await asyncio.gather(_named(coroutine, name), return_exceptions=True)
    return result


async def _named(coroutine: Coroutine[Any, Any, T], name: str) -> T:
    task = asyncio.current_task()
    if task is not None:
        task.set_name(name)
    return await coroutine
