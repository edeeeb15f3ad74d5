"""Services: protocols that a host runs, the package's own and the user's alike."""

from __future__ import annotations

from collections.abc import Sequence

from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.services.address_source import AddressSource
from aiolibp2p.abc.services.context import ServiceContext


class Service:
    """A protocol as a value: `Host(services=[KadDht(config)])`. Subclass it and override what is needed."""

    name: str = ""
    """The name of the service in logs, limits and metrics. One that bears the name of a default replaces it."""
    transports: Sequence[Transport] = ()
    """Ways to make connections that the service brings, such as a relay's circuits."""
    addresses: AddressSource | None = None
    """The source of further addresses at which the host can be reached; None when the service knows of none."""
    provides: Sequence[type] = ()
    """Contracts that the service fulfils for others to find, such as `PeerRouting`; it is a subclass of each."""

    async def start(self, context: ServiceContext) -> None:
        """Begin to serve. Called once, when the host listens; what is made through `context` ends with the service."""

    async def close(self) -> None:
        """Undo what the context cannot, within a second; called before the host's connections close, at most once.

        Whatever it raises is logged, and harms no other service.
        """
