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
"""Virtual time that a test may take: a day is more than any timeout of a service, and costs nothing."""

SETTLE_S = 5.0
"""Virtual time for hosts that have just met to identify each other and tell of their protocols."""

CLOSE_WITHIN_S = 3.0
"""How long a host may take to close: one second for its services, a half for their tasks, one for its connections."""

MAX_USES = 1000
"""Uses one after the other, past which somebody who uses the service all the time has seen enough."""

ENDS = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""How a program may end its test. What pytest raises to fail or skip is no Exception."""


class ServiceUnderTest:
    """Override `service` and `use`, and the attributes that do not hold for yours."""

    patience_s: float = 120.0
    """By then a stream on which a peer stays silent was given up, and so was a use whose peer is gone."""
    flood_streams: int = 200
    """So many streams are opened at once to each protocol."""
    keeps_silent_streams: bool = False
    """A stream on which a peer stays silent is kept for as long as the peer keeps it: the protocol is made so."""

    def service(self) -> Service:
        """A fresh one each time. Override it."""
        raise NotImplementedError("a subclass of ServiceSuite says how its service is made")

    async def use(self, host: Host, peer: PeerId) -> None:
        """Have the service of `host`, which `host.service(...)` finds, talk to that of `peer`. Override it.

        Both hosts run one, and know each other's address. It checks what comes of it, and raises a Libp2pError when
        the host does not run, or the peer does not answer.
        """
        raise NotImplementedError("a subclass of ServiceSuite says how its service is used")

    def run(self, program: Program) -> None:
        """Run `program` over a simulated network. An error in the log is a failure, and so is a task that is left."""
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
        """A machine whose hosts run the service, between two others if they are given."""

        def services(node: Node) -> list[Service]:
            return [service for service in (before, self.service(), after) if service is not None]

        return simulation.add_node(name, services=services)

    async def pair(self, simulation: Simulation) -> tuple[Node, Node]:
        """Two machines with a service each, connected, and acquainted."""
        client, server = self.add(simulation, "client"), self.add(simulation, "server")
        await self.meet(simulation, client, server)
        return client, server

    async def meet(self, simulation: Simulation, *nodes: Node) -> None:
        """Start all, connect the first to each other, and give them time to get acquainted."""
        await simulation.start_nodes()
        first, *others = nodes
        for other in others:
            await first.running.connect(other.address)
        await simulation.wait(SETTLE_S)

    async def use_patiently(self, host: Host, peer: PeerId) -> None:
        """Use it once; what takes longer than `patience_s` fails the test."""
        async with asyncio.timeout(self.patience_s):
            await self.use(host, peer)

    async def use_all_the_time(self, host: Host, peer: PeerId) -> None:
        """Use it again and again, until it fails."""
        for _ in range(MAX_USES):
            await self.use(host, peer)
            await asyncio.sleep(0)  # a use that never waits must not keep the others from running

    async def refusal(self, host: Host, peer: PeerId) -> Libp2pError:
        """What a use is refused with, that cannot succeed. Anything but an error of the package's tree is a failure."""
        ended = await outcome(self.use_patiently(host, peer), "a use that cannot succeed")
        assert ended is not None, "it was used with success, and could not have been"
        self.assert_ended_well_or_said_why(ended)
        assert isinstance(ended, Libp2pError)
        return ended

    def assert_ended_well_or_said_why(self, *outcomes: BaseException | None) -> None:
        """Each use returned, or raised an error of the package's tree."""
        for ended in outcomes:
            assert not isinstance(ended, TimeoutError) or isinstance(ended, Libp2pError), (
                f"a use did not end within {self.patience_s:g} s"
            )
            assert ended is None or isinstance(ended, Libp2pError), f"a use ended with {ended!r}"

    async def assert_back_to(self, before: HostStatistics, simulation: Simulation, host: Host) -> None:
        """The host has no more streams and tasks than before, or so it is once its patience has run out."""
        until = simulation.now + self.patience_s
        while simulation.now < until and _more_than(before, host.statistics()):
            await simulation.wait(1)
        left = _more_than(before, host.statistics())
        assert not left, f"after {self.patience_s:g} s there are {left}"


def _more_than(before: HostStatistics, now: HostStatistics) -> str:
    """What there is more of than before, in words."""
    counts = (("streams", before.streams, now.streams), ("tasks", before.tasks, now.tasks))
    return " and ".join(f"{n} {what}, {was} before" for what, was, n in counts if n > was)
