"""Starts the services of a host, and ends them so that none harms another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from aiolibp2p.abc.services.resources import Resources
from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import ConfigError
from aiolibp2p.host.context import Context, Hallway

T = TypeVar("T")

CLOSE_TIMEOUT_S = 1.0
"""How long a service may take to close: a host that closes within two seconds has one more for its connections."""

logger = logging.getLogger("aiolibp2p")


class ServiceRunner:
    """The services of one host, in the order in which they start."""

    def __init__(self, services: Sequence[Service], resources: Resources) -> None:
        self._services = list(services)
        self._resources = resources
        self._running: list[tuple[Service, Context]] = []

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
        """As `find`. Raises ConfigError when no service provides the contract."""
        found = self.find(contract)
        if found is None:
            name = getattr(contract, "__name__", repr(contract))
            raise ConfigError(f"no service of this host provides {name}: one that replaced a default says it does not")
        return found

    @property
    def task_count(self) -> int:
        """Tasks of all services that run at the moment."""
        return sum(context.task_count for _service, context in self._running)

    async def start(self, hallway: Hallway) -> None:
        """Start each in turn. Raises what one of them raises; those before it, and what it began, end with `close`."""
        for service in self._services:
            context = Context(hallway, service, self._resources.service_scope(service.name))
            self._running.append((service, context))
            await service.start(context)

    async def close(self) -> None:
        """Close all at once, a second at most each, then end what was made through their contexts. Idempotent.

        A service that raises or takes longer is logged, and the others end all the same.
        """
        running, self._running = self._running[::-1], []
        outcomes = await asyncio.gather(*(_close(service) for service, _context in running), return_exceptions=True)
        for (service, _context), outcome in zip(running, outcomes, strict=True):
            if isinstance(outcome, TimeoutError):
                logger.error("the service %s did not close within %g s", _name(service), CLOSE_TIMEOUT_S)
            elif isinstance(outcome, BaseException):
                logger.error("the service %s failed to close", _name(service), exc_info=outcome)
        await asyncio.gather(*(context.end() for _service, context in running))


async def _close(service: Service) -> None:
    async with asyncio.timeout(CLOSE_TIMEOUT_S):
        await service.close()


def _name(service: Service) -> str:
    return service.name or type(service).__name__
