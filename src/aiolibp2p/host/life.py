"""The life of a host: how its parts come up and go down, and what they tell each other meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from aiolibp2p.abc.host import Host
from aiolibp2p.abc.services.address_source import nobody_asks
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.assembly import Parts
from aiolibp2p.errors import HostNotRunning
from aiolibp2p.events import ProtocolsChanged
from aiolibp2p.host.context import Hallway
from aiolibp2p.host.protocols import Protocols
from aiolibp2p.host.service_runner import ServiceRunner
from aiolibp2p.host.targets import listen_addresses
from aiolibp2p.host.watchers import Watchers

DIALLED_TTL_S = 900.0
"""How long an address that was dialled with success is remembered: go keeps addresses of recent peers as long."""


class Life:
    """Starts and closes a host, once each."""

    def __init__(self, host: Host, parts: Parts, listen: Sequence[str]) -> None:
        self.services = ServiceRunner(parts.services, parts.resources)
        self.protocols = Protocols(parts, self._protocols_changed)
        self._host = host
        self._parts = parts
        self._listen = listen_addresses(listen)
        self._watchers = Watchers()
        self._sources = [service.addresses for service in parts.services if service.addresses is not None]
        self._running = False
        self._closed = False

    def require_running(self) -> None:
        """Raises HostNotRunning before the start and after the close."""
        if not self._running or self._closed:
            raise HostNotRunning("the host is closed" if self._closed else "start it first: async with Host() as host")

    async def start(self) -> None:
        """Listen, then start the services."""
        if self._closed:
            raise HostNotRunning("the host is closed; make a new one")
        if self._running:
            return
        self._running = True
        parts = self._parts
        hallway = Hallway(
            self._host,
            self.protocols,
            self._watchers,
            parts.bus,
            parts.seams.meter,
            parts.seams.tags,
            self.services.find,
        )
        try:
            parts.swarm.on_opened, parts.swarm.on_closed = self._opened, self._watchers.connection_closed
            for source in self._sources:
                parts.swarm.own_addresses.add_source(source)
            await parts.swarm.listen(self._listen)
            await self.services.start(hallway)
            self.require_running()
        except BaseException:
            # Whoever closed it meanwhile may have missed what was made since.
            self._closed = True
            await self._tear_down()
            raise
        parts.swarm.own_addresses.changed()
        parts.swarm.own_addresses.on_changed = self._watchers.addresses_changed

    async def close(self) -> None:
        """Close the services, then the swarm."""
        if self._closed:
            return
        self._closed = True
        await self._tear_down()

    async def _tear_down(self) -> None:
        try:
            await self.services.close()
        finally:
            for source in self._sources:
                source.on_change = nobody_asks
            await self._parts.swarm.close()
            self._parts.bus.close()
            self._running = False

    def _opened(self, connection: MuxedConnection) -> None:
        if connection.is_outbound:
            peer, address = connection.remote_peer, connection.remote_address
            self._parts.peerstore.add_addresses(peer, [address], DIALLED_TTL_S)
        self._watchers.connection_opened(connection)

    def _protocols_changed(self, offered_elsewhere: bool) -> None:
        if self._running and not self._closed:
            self._parts.bus.emit(ProtocolsChanged(tuple(self._parts.handlers.protocols)))
            self._watchers.protocols_changed(offered_elsewhere)
