"""A service beside others that fail: none may keep another from ending."""

from __future__ import annotations

import asyncio
import logging

from aiolibp2p.abc.services.context import ServiceContext
from aiolibp2p.abc.services.service import Service
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.simulation import Simulation
from aiolibp2p.testing.service_suite.contract import CLOSE_WITHIN_S
from aiolibp2p.testing.service_suite.life import ServiceLifeSuite, assert_ended

logger = logging.getLogger("aiolibp2p")


class FailsToClose(Service):
    """A service whose close raises."""

    name = "fails_to_close"

    async def start(self, context: ServiceContext) -> None:
        context.spawn(_forever(), "waits for ever")

    async def close(self) -> None:
        raise RuntimeError("this close was made to fail")


class HangsAtClose(FailsToClose):
    """A service whose close never returns."""

    name = "hangs_at_close"

    async def close(self) -> None:
        await _forever()


class ServiceNeighbourSuite(ServiceLifeSuite):
    """Tests beside other services that fail."""

    def test_beside_services_that_fail_to_close(self) -> None:
        """End in time beside services that fail to close; their failures are logged."""

        async def program(simulation: Simulation) -> None:
            simulation.expect_errors = True
            client = self.add(simulation, "client", FailsToClose(), HangsAtClose())
            server = self.add(simulation, "server", HangsAtClose(), FailsToClose())
            await self.meet(simulation, client, server)
            await self.use_patiently(client.running, server.peer_id)
            logged = _Collector()
            logger.addHandler(logged)
            try:
                await self._ended(simulation, client, server)
                await self._ended(simulation, server, client)
            finally:
                logger.removeHandler(logged)
            for failing in (FailsToClose, HangsAtClose):
                assert sum(failing.name in line for line in logged.lines) == 2
            own = self.service().name
            assert not own or not any(own in line.split() for line in logged.lines), "it failed to close, too"

        self.run(program)

    async def _ended(self, simulation: Simulation, node: Node, peer: Node) -> None:
        """Close the host in time; fail if it holds anything then, or if the service still works."""
        host, began_at = node.running, simulation.now
        await node.stop()
        assert simulation.now - began_at < CLOSE_WITHIN_S
        assert_ended(host)
        await self.refusal(host, peer.peer_id)


class _Collector(logging.Handler):
    """A handler that keeps the errors which the package logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()
