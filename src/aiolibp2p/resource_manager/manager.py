"""The counts of a whole host: opens scopes, keeps those that live, and tells what they hold. Pure."""

from __future__ import annotations

from aiolibp2p.abc.services.resources import Resources
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.resource_manager.limits import ResourceLimits, TreeLimits
from aiolibp2p.resource_manager.scopes import ConnectionName, CountedConnection, CountedService
from aiolibp2p.resource_manager.statistics import ResourceStatistics, as_text, gather
from aiolibp2p.resource_manager.tree import AccountTree


class ResourceManager(Resources):
    """Counts connections, streams and bytes, and refuses them past its limits."""

    def __init__(self, limits: ResourceLimits | TreeLimits | None = None) -> None:
        """Take the options that hosts have, those of `ResourceLimits()` if None, or limits for any scope."""
        limits = limits or ResourceLimits()
        self._limits = limits.tree() if isinstance(limits, ResourceLimits) else limits
        self._tree = AccountTree(self._limits)
        self._connections: dict[CountedConnection, None] = {}
        self._services: dict[CountedService, None] = {}
        self._last_number = 0

    def __len__(self) -> int:
        """Scopes and accounts it remembers: 0 when all that was opened is done."""
        return len(self._connections) + len(self._services) + len(self._tree)

    def __bool__(self) -> bool:
        """A manager that holds nothing is still one."""
        return True

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> CountedConnection:
        self._last_number += 1
        name = ConnectionName(self._last_number, inbound, remote)
        return CountedConnection(self._tree, self._connections, name, inbound, uses_fd)

    def service_scope(self, name: str) -> CountedService:
        return CountedService(self._tree, self._services, name)

    def statistics(self) -> ResourceStatistics:
        """What everything holds now. It walks all connections and streams: for whoever looks, not for every packet."""
        return gather(self._connections, self._services)

    def report(self) -> str:
        """The limits and what everything holds now, as lines of text; names that peers chose are made printable."""
        return as_text(self.statistics(), self._limits)
