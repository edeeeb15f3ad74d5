"""Starts the services of a host, and ends them so that none harms another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from aiolibp2p.abc.services.resources import Resources
from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import ConfigError, HostNotRunning
from aiolibp2p.host.context import Context, Hallway, label
from aiolibp2p.io.tasks import Tasks

T = TypeVar("T")

CLOSE_TIMEOUT_S = 1.0
"""How long a service may take to close: a host that closes within two seconds has one more for its connections."""

END_TIMEOUT_S = 0.5
"""How long its tasks may take to clean up behind them, once cancelled; then they are cancelled once more."""

logger = logging.getLogger("aiolibp2p")


class ServiceRunner:
    """The services of one host, in the order in which they start."""

    def __init__(self, services: Sequence[Service], resources: Resources) -> None:
        self._services = list(services)
        self._resources = resources
        self._running: list[tuple[Service, Context]] = []
        self._tasks = Tasks()
        self._closed = False

    def service(self, kind: type[T]) -> T | None:
        """The first service of this class, started or not."""
        return next((service for service in self._services if isinstance(service, kind)), None)

    def find(self, contract: Callable[..., T]) -> T | None:
        """The first service that provides a contract, started or not."""
        for service in self._services:
            if contract in service.provides:
                found: T = service  # type: ignore[assignment] # it says so itself
                return found
        return None

    def require(self, contract: Callable[..., T]) -> T:
        """Return the first service that provides a contract. Raises ConfigError when none does."""
        found = self.find(contract)
        if found is None:
            name = getattr(contract, "__name__", repr(contract))
            raise ConfigError(f"no service of this host provides {name}: one that replaced a default says it does not")
        return found

    @property
    def task_count(self) -> int:
        """Tasks of all services that run at the moment, those that close a service included."""
        return len(self._tasks) + sum(context.task_count for _service, context in self._running)

    async def start(self, hallway: Hallway) -> None:
        """Start each in turn. Raises what one of them raises; those before it, and what it began, end with `close`.

        Raises HostNotRunning when the host is closed meanwhile.
        """
        for service in self._services:
            if self._closed:
                raise HostNotRunning("the host was closed while it started")
            context = Context(hallway, service, self._resources.service_scope(service.name))
            self._running.append((service, context))
            await service.start(context)

    async def close(self) -> None:
        """Close all at once, a second at most each, then end what was made through their contexts. Idempotent.

        A service that raises or takes longer is logged, and the others end all the same; so they do when whoever
        closes is cancelled.
        """
        self._closed = True
        running, self._running = self._running[::-1], []
        if not running:
            return
        closing = [
            (service, self._tasks.spawn(service.close(), f"closing the service {label(service)}"))
            for service, _context in running
        ]
        tasks = [task for _service, task in closing]
        try:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT_S)
            for service, task in closing:
                _tell(service, task)
        finally:
            until = asyncio.get_running_loop().time() + END_TIMEOUT_S
            for task in tasks:
                task.cancel()
            await _end([context for _service, context in running], until)
            # One that does not heed its cancellation is left behind, and counted as a task of the host.
            await asyncio.wait(tasks, timeout=max(0.0, until - asyncio.get_running_loop().time()))


def _tell(service: Service, closing: asyncio.Task[None]) -> None:
    """Log how the close of a service went, if it did not go well; what it raised is logged already."""
    if not closing.done():
        logger.error("the service %s did not close within %g s", label(service), CLOSE_TIMEOUT_S)
    elif closing.cancelled():
        logger.error("closing the service %s failed: it was cancelled from inside", label(service))


async def _end(contexts: Sequence[Context], until: float) -> None:
    """End them, one after the other: the task that closes the host may be a service's own, and ends by itself then."""
    for context in contexts:
        context.take_back()
    for context in contexts:
        await context.end(max(0.0, until - asyncio.get_running_loop().time()))
