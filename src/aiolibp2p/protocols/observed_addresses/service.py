"""Keeps the observations of a host current: connections end, and addresses that too few see expire."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiolibp2p.abc.services.address_source import AddressSource, nobody_asks
from aiolibp2p.abc.services.context import Handle, ServiceContext
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.events import PeerIdentified
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.protocols.observed_addresses.observations import Observations, ObservedAddressesConfig


class ObservedAddresses(Service, Watcher, AddressSource):
    """The addresses that this host has on the far side of NATs, as its peers see them when they identify themselves."""

    name = "observed_addresses"

    def __init__(self, config: ObservedAddressesConfig | None = None) -> None:
        self.addresses = self
        self.on_change: Callable[[], None] = nobody_asks
        self._observations = Observations(config)
        self._listening: Sequence[Multiaddr] = ()
        """The addresses listened on when the host last asked: all of them, those that the user's filter drops, too."""
        self._context: ServiceContext | None = None
        self._timer: Handle | None = None

    async def start(self, context: ServiceContext) -> None:
        self._context = context
        context.watch(self)

    async def close(self) -> None:
        self._context = None

    def own_addresses(self, listening: Sequence[Multiaddr]) -> list[Multiaddr]:
        self._listening = listening
        return [address for bound in listening for address in self._observations.believed(bound)]

    def peer_identified(
        self, connection: MuxedConnection, told: PeerIdentified, observed: Multiaddr | None = None
    ) -> None:
        if observed is not None:
            self.observe(connection, observed)

    def observe(self, connection: MuxedConnection, observed: Multiaddr) -> None:
        """Count that the peer of this connection sees us at `observed`.

        A connection from a port we do not listen on tells nothing: nobody could call us back on it.
        """
        context = self._context
        if context is None or observed.is_loopback or connection.is_closed:
            return
        local = connection.local_address
        if connection.is_outbound and not any(address.starts_with(local) for address in self._listening):
            return
        key = connection.remote_peer, connection.remote_address
        ends = local, connection.remote_address
        self._changed(self._observations.observe(key, ends, observed, context.runtime.now()))

    def connection_closed(self, connection: MuxedConnection, reason: str) -> None:
        if self._context is not None:
            key = connection.remote_peer, connection.remote_address
            self._changed(self._observations.forget(key, self._context.runtime.now()))

    def _changed(self, changed: bool) -> None:
        self._arm()
        if changed:
            self.on_change()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.close()
            self._timer = None
        expires_at = self._observations.next_timeout()
        if self._context is not None and expires_at is not None:
            self._timer = self._context.call_at(expires_at, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._context is not None:
            self._changed(self._observations.handle_timeout(self._context.runtime.now()))
