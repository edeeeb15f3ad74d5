"""Keeps the observations of a host current: connections end, and addresses that too few see expire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from typing import TYPE_CHECKING

from aiolibp2p.events import ConnectionClosed, Event, MissedEvents
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.protocols.observed_addresses.observations import Observations, ObservedAddressesConfig

if TYPE_CHECKING:
    from aiolibp2p.abc.host import Host
    from aiolibp2p.abc.stream import MuxedConnection


def _nothing() -> None:
    pass


class ObservedAddresses:
    """The addresses this host has on the far side of NATs, as its peers see them.

    Identify calls `observe`; the host asks for `believed` addresses, and sets `on_change`.
    """

    def __init__(self, config: ObservedAddressesConfig | None = None) -> None:
        self.on_change: Callable[[], None] = _nothing
        """Called when other addresses are believed than before."""
        self._observations = Observations(config)
        self._host: Host | None = None
        self._watching = False
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, host: Host) -> None:
        """Count from now on."""
        self._host = host

    async def close(self) -> None:
        """Count no more. Idempotent."""
        self._host = None
        self._disarm()

    def believed(self, listening: Multiaddr) -> list[Multiaddr]:
        """Where else a peer can reach what listens on this address."""
        return self._observations.believed(listening)

    def observe(self, connection: MuxedConnection, observed: Multiaddr) -> None:
        """The peer of this connection sees us at `observed`.

        A connection from a port we do not listen on tells nothing: nobody could call us back on it.
        """
        host = self._host
        if host is None or observed.is_loopback or connection.is_closed:
            return
        local = connection.local_address
        if connection.is_outbound and not any(address.starts_with(local) for address in host.addresses):
            return
        self._watch(host)
        key = connection.remote_peer, connection.remote_address
        ends = local, connection.remote_address
        self._changed(host, self._observations.observe(key, ends, observed, host.runtime.now()))

    def _watch(self, host: Host) -> None:
        """Follow the ends of connections; only hosts that peers have told something do."""
        if self._watching:
            return
        self._watching = True
        ends = host.events(ConnectionClosed, MissedEvents)
        host.spawn(self._follow(host, ends), "observed addresses: ends of connections")

    async def _follow(self, host: Host, ends: AsyncIterator[Event]) -> None:
        async for event in ends:
            if isinstance(event, ConnectionClosed):
                gone: list[Hashable] = [(event.peer, event.remote_address)]
            else:
                live = dict.fromkeys((one.remote_peer, one.remote_address) for one in host.connections())
                gone = [key for key in self._observations.connections if key not in live]
            now = host.runtime.now()
            changes = [self._observations.forget(key, now) for key in gone]
            self._changed(host, any(changes))

    def _changed(self, host: Host, changed: bool) -> None:
        if self._host is None:
            return
        self._arm(host)
        if changed:
            self.on_change()

    def _arm(self, host: Host) -> None:
        self._disarm()
        expires_at = self._observations.next_timeout()
        if expires_at is not None:
            delay = max(0.0, expires_at - host.runtime.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire, host)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, host: Host) -> None:
        self._timer = None
        self._changed(host, self._observations.handle_timeout(host.runtime.now()))
