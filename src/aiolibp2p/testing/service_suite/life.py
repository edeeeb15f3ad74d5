"""A service from its host's start to its end, and past both."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import Libp2pError
from aiolibp2p.host import Host
from aiolibp2p.simulator.checkers import NoLeaks
from aiolibp2p.simulator.loop import VirtualTimeLoop
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.simulation import Simulation, outcome
from aiolibp2p.testing.service_suite.contract import CLOSE_WITHIN_S, SETTLE_S, ServiceUnderTest

ResultT = TypeVar("ResultT")

MOMENTS_S = (0.0, 0.001, 0.03, 0.05, 0.11, 1.7)
"""When a host is closed under a use: at once, before the first packet has arrived (20 ms), and some round trips in."""


class ServiceLifeSuite(ServiceUnderTest):
    """Starts, uses and ends; whatever was made must end, and whoever waits must learn of it."""

    def test_it_is_a_service(self) -> None:
        """It subclasses Service, and a fresh one is another."""
        one, other = self.service(), self.service()
        assert isinstance(one, Service)
        assert one is not other, "service() makes a fresh one each time"

    def test_two_hosts_use_it(self) -> None:
        """Each in its turn, and both at the same time."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self.use_patiently(client.running, server.peer_id)
            await self.use_patiently(server.running, client.peer_id)
            await asyncio.gather(
                *(self.use_patiently(client.running, server.peer_id) for _ in range(3)),
                *(self.use_patiently(server.running, client.peer_id) for _ in range(3)),
            )

        self.run(program)

    def test_it_starts_and_closes_unused(self) -> None:
        """At once after its start, and after it has met others."""

        async def program(simulation: Simulation) -> None:
            alone = self.add(simulation, "alone")
            await alone.start()
            await self._closed(simulation, alone)
            client, server = await self.pair(simulation)
            await self._closed(simulation, server)
            await self._closed(simulation, client)

        self.run(program)

    def test_a_host_is_closed_twice(self) -> None:
        """One after the other, and at the same time."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self.use_patiently(client.running, server.peer_id)
            host = client.running
            await asyncio.gather(host.close(), host.close())
            await host.close()
            await self._closed(simulation, client)

        self.run(program)

    def test_a_fresh_one_on_a_new_host_takes_its_place(self) -> None:
        """A host that comes back with the same key is used as before, and uses others."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            for node in (client, server):
                await self.use_patiently(client.running, server.peer_id)
                await node.restart()
                await client.running.connect(server.address)
                await simulation.wait(SETTLE_S)
            await self.use_patiently(client.running, server.peer_id)
            await self.use_patiently(server.running, client.peer_id)

        self.run(program)

    @pytest.mark.parametrize("moment_s", MOMENTS_S)
    def test_closed_while_busy(self, moment_s: float) -> None:
        """The host closes at once, and every use ends, on both sides."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self._ended_by(simulation, client, server, moment_s, lambda: self._closed(simulation, client))

        self.run(program)

    @pytest.mark.parametrize("moment_s", MOMENTS_S)
    def test_the_peer_is_closed_while_busy(self, moment_s: float) -> None:
        """It says goodbye, and whoever uses it learns of it."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self._ended_by(simulation, client, server, moment_s, lambda: self._closed(simulation, server))
            await self.refusal(client.running, server.peer_id)

        self.run(program)

    def test_the_peer_falls_silent_while_busy(self) -> None:
        """Its machine is gone without a word; whoever uses it learns of it in `patience_s`."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self._ended_by(simulation, client, server, 0.05, server.crash)
            await self.refusal(client.running, server.peer_id)

        self.run(program)

    def test_a_use_that_is_cancelled(self) -> None:
        """It leaves no stream and no task, and the next one succeeds."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            before = [node.running.statistics() for node in (client, server)]
            for moment_s in MOMENTS_S:
                use = asyncio.gather(self.use(client.running, server.peer_id), return_exceptions=True)
                await simulation.wait(moment_s)
                use.cancel()
                await outcome(_result(use), "a use that was cancelled")
            for counted, node in zip(before, (client, server), strict=True):
                await self.assert_back_to(counted, simulation, node.running)
            await self.use_patiently(client.running, server.peer_id)

        self.run(program)

    def test_used_before_the_start(self) -> None:
        """It says that the host does not run."""

        async def program(simulation: Simulation) -> None:
            peer = self.add(simulation, "peer")
            await peer.start()
            await self.refusal(Host(services=[self.service()]), peer.peer_id)

        self.run(program)

    def test_used_after_the_close(self) -> None:
        """It says that the host does not run, whether it was used before or not."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            used = client.running
            await self.use_patiently(used, server.peer_id)
            await self._closed(simulation, client)
            await self.refusal(used, server.peer_id)
            await client.start()
            unused = client.running
            await self._closed(simulation, client)
            await self.refusal(unused, server.peer_id)

        self.run(program)

    def test_nothing_is_left(self) -> None:
        """No handler, stream, task or timer, and nobody holds the service any more."""

        async def program(simulation: Simulation) -> None:
            tasks_before = asyncio.all_tasks()
            client, server = await self.pair(simulation)
            await self.use_patiently(client.running, server.peer_id)
            kept = [weakref.ref(service) for node in (client, server) for service in self._services(node.running)]
            for node in (client, server):
                await self._closed(simulation, node)
            await simulation.wait(SETTLE_S)
            names = sorted(task.get_name() for task in asyncio.all_tasks() - tasks_before)
            assert names == [], "tasks are left"
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            assert loop.timers() == [], "timers are left"
            # The simulation keeps closed hosts, to look at them once more.
            simulation.checkers.remove(simulation.leaks)
            simulation.leaks = NoLeaks()
            gc.collect()
            assert [one() for one in kept if one() is not None] == [], "a service is held after its host was let go of"

        self.run(program)

    # Steps

    def _services(self, host: Host) -> list[Service]:
        """Those of the class under test, as the host has them."""
        return [host.service(type(self.service()))]

    async def _ended_by(
        self,
        simulation: Simulation,
        client: Node,
        server: Node,
        moment_s: float,
        end: Callable[[], Awaitable[None]],
    ) -> None:
        """Both use each other all the time until `end` is called; then each of them must stop."""
        uses = asyncio.gather(
            self.use_all_the_time(client.running, server.peer_id),
            self.use_all_the_time(server.running, client.peer_id),
            return_exceptions=True,
        )
        await simulation.wait(moment_s)
        await end()
        ended = await outcome(_within(self.patience_s, uses), "uses of a host that is gone")
        assert not isinstance(ended, BaseException), f"a use did not end within {self.patience_s:g} s"
        self.assert_ended_well_or_said_why(*ended)

    async def _closed(self, simulation: Simulation, node: Node) -> None:
        """Close the host; it holds nothing then, and took no time."""
        host, began_at = node.running, simulation.now
        await node.stop()
        took_s = simulation.now - began_at
        assert took_s < CLOSE_WITHIN_S, f"closing took {took_s:.3f} s"
        assert_ended(host)


def assert_ended(host: Host) -> None:
    """A host that was closed serves nothing and holds nothing."""
    assert host.protocols == [], "handlers are left: make them with context.handle"
    left = host.statistics()
    assert (left.connections, left.streams, left.tasks, left.half_open) == (0, 0, 0, 0)


async def _within(seconds: float, results: Awaitable[ResultT]) -> ResultT:
    async with asyncio.timeout(seconds):
        return await results


async def _result(results: Awaitable[ResultT]) -> ResultT | None:
    """What comes of something that may have been cancelled."""
    try:
        return await results
    except (asyncio.CancelledError, Libp2pError):
        return None
