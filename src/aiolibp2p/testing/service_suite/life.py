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
"""Seconds into a use at which a host is closed: at once, before the first packet arrives (20 ms), and later on."""


class ServiceLifeSuite(ServiceUnderTest):
    """Tests of starts, uses and ends: everything that was made ends, and nobody waits for ever."""

    def test_it_is_a_service(self) -> None:
        """Subclass Service, and make another object each time."""
        one, other = self.service(), self.service()
        assert isinstance(one, Service)
        assert one is not other, "service() makes a fresh one each time"

    def test_two_hosts_use_it(self) -> None:
        """Use each other's service in turn, and at the same time."""

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
        """Close right after the start, and after meeting another host."""

        async def program(simulation: Simulation) -> None:
            alone = self.add(simulation, "alone")
            await alone.start()
            await self._closed(simulation, alone)
            client, server = await self.pair(simulation)
            await self._closed(simulation, server)
            await self._closed(simulation, client)

        self.run(program)

    def test_a_host_is_closed_twice(self) -> None:
        """Close a host twice, one after the other and at the same time."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self.use_patiently(client.running, server.peer_id)
            host = client.running
            await asyncio.gather(host.close(), host.close())
            await host.close()
            await self._closed(simulation, client)

        self.run(program)

    def test_a_fresh_one_on_a_new_host_takes_its_place(self) -> None:
        """Work with a host that comes back with the same key, in both directions."""

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
        """Close a busy host in time; every use ends, on both sides."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self._ended_by(simulation, client, server, moment_s, lambda: self._closed(simulation, client))

        self.run(program)

    @pytest.mark.parametrize("moment_s", MOMENTS_S)
    def test_the_peer_is_closed_while_busy(self, moment_s: float) -> None:
        """End every use when the peer's host is closed, and refuse the next."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self._ended_by(simulation, client, server, moment_s, lambda: self._closed(simulation, server))
            await self.refusal(client.running, server.peer_id)

        self.run(program)

    def test_the_peer_falls_silent_while_busy(self) -> None:
        """End every use within `patience_s` when the peer's machine vanishes, and refuse the next."""

        async def program(simulation: Simulation) -> None:
            client, server = await self.pair(simulation)
            await self._ended_by(simulation, client, server, 0.05, server.crash)
            await self.refusal(client.running, server.peer_id)

        self.run(program)

    def test_a_use_that_is_cancelled(self) -> None:
        """Leave no stream and no task behind a cancelled use; the next one succeeds."""

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
        """Refuse a use on a host that was never started."""

        async def program(simulation: Simulation) -> None:
            peer = self.add(simulation, "peer")
            await peer.start()
            await self.refusal(Host(services=[self.service()]), peer.peer_id)

        self.run(program)

    def test_used_after_the_close(self) -> None:
        """Refuse a use on a closed host, whether it was used before or not."""

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
        """Leave no handler, stream, task or timer, and no reference to the service."""

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
        """List the services of the class under test that the host has."""
        return [host.service(type(self.service()))]

    async def _ended_by(
        self,
        simulation: Simulation,
        client: Node,
        server: Node,
        moment_s: float,
        end: Callable[[], Awaitable[None]],
    ) -> None:
        """Let both hosts use each other all the time, call `end`, and wait until each use has ended."""
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
        """Close the host; fail if that takes `CLOSE_WITHIN_S`, or if the host holds anything then."""
        host, began_at = node.running, simulation.now
        await node.stop()
        took_s = simulation.now - began_at
        assert took_s < CLOSE_WITHIN_S, f"closing took {took_s:.3f} s"
        assert_ended(host)


def assert_ended(host: Host) -> None:
    """Fail if a closed host serves a protocol, or has a connection, stream or task."""
    assert host.protocols == [], "handlers are left: make them with context.handle"
    left = host.statistics()
    assert (left.connections, left.streams, left.tasks, left.half_open) == (0, 0, 0, 0)


async def _within(seconds: float, results: Awaitable[ResultT]) -> ResultT:
    async with asyncio.timeout(seconds):
        return await results


async def _result(results: Awaitable[ResultT]) -> ResultT | None:
    """Return what an awaitable returns, or None if it was cancelled or refused."""
    try:
        return await results
    except (asyncio.CancelledError, Libp2pError):
        return None
