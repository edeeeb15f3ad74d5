"""What a suite asks of its user: how the service is made, how it is used, and what it may take its time for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import Libp2pError
from aiolibp2p.host import Host, HostStatistics
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import RunOptions, Scenario
from aiolibp2p.simulator.simulation import Simulation, outcome

Program: TypeAlias = Callable[[Simulation], Awaitable[None]]

LIMIT_S = 24 * 3600.0
"""Virtual seconds that a test may take: a day is more than any timeout of a service, and costs nothing."""

SETTLE_S = 5.0
"""Virtual seconds in which hosts that have just met identify each other: a hundred round trips of 40 ms."""

CLOSE_WITHIN_S = 3.0
"""Seconds that a host may take to close: one for its services, a half for their tasks, one for its connections."""

MAX_USES = 1000
"""Uses one after the other that keep a host busy: a thousand take longer than any moment at which it is closed."""

ENDS = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""Exceptions that end a test. Those that pytest raises to fail or skip are no `Exception`."""


class ServiceUnderTest:
    """Override `service` and `use`, and the attributes that do not hold for yours."""

    patience_s: float = 120.0
    """Seconds after which a stream with a silent peer, or a use whose peer has vanished, must have ended."""
    flood_streams: int = 200
    """The number of streams that a flood opens at once to each protocol."""
    keeps_silent_streams: bool = False
    """Whether the protocol keeps a stream for as long as its peer does, although nothing comes on it."""

    def service(self) -> Service:
        """Return a fresh service at each call. Override it."""
        raise NotImplementedError("a subclass of ServiceSuite says how its service is made")

    async def use(self, host: Host, peer: PeerId) -> None:
        """Have the service of `host`, which `host.service(...)` finds, talk to that of `peer`. Override it.

        Both hosts run one, and know each other's address. Check the result; raise a Libp2pError when the host does not
        run, or the peer does not answer.
        """
        raise NotImplementedError("a subclass of ServiceSuite says how its service is used")

    def run(self, program: Program) -> None:
        """Run `program` over a simulated network. Errors in the log and tasks that are left behind fail the test."""
        failures: list[BaseException] = []

        async def watched(simulation: Simulation) -> None:
            try:
                await program(simulation)
            except ENDS as error:
                failures.append(error)
                raise

        name = type(self).__name__
        result = run_scenario(Scenario(name, "a service", watched, limit_s=LIMIT_S, min_nodes=0), RunOptions())
        found = "\n".join(f"{one.at_s:.3f} s  {one.checker}: {one.what}" for one in result.violations)
        for failure in failures:
            failure.add_note(found)
            raise failure
        assert not result.violations, found

    def add(
        self, simulation: Simulation, name: str, before: Service | None = None, after: Service | None = None
    ) -> Node:
        """Add a machine whose hosts run the service, between two other services if they are given."""

        def services(node: Node) -> list[Service]:
            return [service for service in (before, self.service(), after) if service is not None]

        return simulation.add_node(name, services=services)

    async def pair(self, simulation: Simulation) -> tuple[Node, Node]:
        """Return two started machines with a service each, connected and identified to each other."""
        client, server = self.add(simulation, "client"), self.add(simulation, "server")
        await self.meet(simulation, client, server)
        return client, server

    async def meet(self, simulation: Simulation, *nodes: Node) -> None:
        """Start all machines, connect the first to the others, and let `SETTLE_S` pass."""
        await simulation.start_nodes()
        first, *others = nodes
        for other in others:
            await first.running.connect(other.address)
        await simulation.wait(SETTLE_S)

    async def use_patiently(self, host: Host, peer: PeerId) -> None:
        """Use the service once. Raises TimeoutError after `patience_s`."""
        async with asyncio.timeout(self.patience_s):
            await self.use(host, peer)

    async def use_all_the_time(self, host: Host, peer: PeerId) -> None:
        """Use the service again and again, until a use fails or `MAX_USES` have succeeded."""
        for _ in range(MAX_USES):
            await self.use(host, peer)
            await asyncio.sleep(0)  # a use that never waits must not keep the others from running

    async def refusal(self, host: Host, peer: PeerId) -> Libp2pError:
        """Return the error of a use that cannot succeed; the test fails if that is no Libp2pError."""
        ended = await outcome(self.use_patiently(host, peer), "a use that cannot succeed")
        assert ended is not None, "it was used with success, and could not have been"
        self.assert_ended_well_or_said_why(ended)
        assert isinstance(ended, Libp2pError)
        return ended

    def assert_ended_well_or_said_why(self, *outcomes: BaseException | None) -> None:
        """Fail unless each use returned, or raised a Libp2pError."""
        for ended in outcomes:
            assert not isinstance(ended, TimeoutError) or isinstance(ended, Libp2pError), (
                f"a use did not end within {self.patience_s:g} s"
            )
            assert ended is None or isinstance(ended, Libp2pError), f"a use ended with {ended!r}"

    async def assert_back_to(self, before: HostStatistics, simulation: Simulation, host: Host) -> None:
        """Fail unless the host has no more streams and tasks than before, within `patience_s`."""
        until = simulation.now + self.patience_s
        while simulation.now < until and _more_than(before, host.statistics()):
            await simulation.wait(1)
        left = _more_than(before, host.statistics())
        assert not left, f"after {self.patience_s:g} s there are {left}"


def _more_than(before: HostStatistics, now: HostStatistics) -> str:
    """Say in words of what there is more than before; empty when there is not."""
    counts = (("streams", before.streams, now.streams), ("tasks", before.tasks, now.tasks))
    return " and ".join(f"{n} {what}, {was} before" for what, was, n in counts if n > was)
