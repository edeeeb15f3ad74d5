"""Services: protocols that a host runs, the package's own and the user's alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiolibp2p.abc.host import Host


class Service(Protocol):
    """A protocol as a value: `Host(services=[KadDht(config)])`."""

    async def start(self, host: Host) -> None:
        """Called once the host listens: register handlers, start timers through the host's `spawn`."""
        ...

    async def close(self) -> None:
        """Called before the host's connections close."""
        ...
