"""The watchers of a host, told in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterator

from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.events import PeerIdentified
from aiolibp2p.io.tasks import call_guarded
from aiolibp2p.multiformats.multiaddr import Multiaddr


class Watchers(Watcher):
    """Passes everything on to each watcher; one that raises is logged and keeps nothing from the others."""

    def __init__(self) -> None:
        self._watchers: dict[int, Watcher] = {}
        self._next = 0

    def add(self, watcher: Watcher) -> int:
        """Tell this watcher from now on; a number to `remove` it by."""
        key, self._next = self._next, self._next + 1
        self._watchers[key] = watcher
        return key

    def remove(self, key: int) -> None:
        """Tell it no longer. Idempotent."""
        self._watchers.pop(key, None)

    def _all(self) -> Iterator[Watcher]:
        """Yield the watchers of this moment, but for one that another of them removes before its turn."""
        for key in list(self._watchers):
            watcher = self._watchers.get(key)
            if watcher is not None:
                yield watcher

    def connection_opened(self, connection: MuxedConnection) -> None:
        for watcher in self._all():
            call_guarded(watcher.connection_opened, connection, who=watcher, what="told of a connection")

    def connection_closed(self, connection: MuxedConnection, reason: str) -> None:
        for watcher in self._all():
            call_guarded(watcher.connection_closed, connection, reason, who=watcher, what="told of a connection's end")

    def peer_identified(
        self, connection: MuxedConnection, told: PeerIdentified, observed: Multiaddr | None = None
    ) -> None:
        for watcher in self._all():
            call_guarded(watcher.peer_identified, connection, told, observed, who=watcher, what="told who a peer is")

    def protocols_changed(self, offered_elsewhere: bool) -> None:
        for watcher in self._all():
            call_guarded(watcher.protocols_changed, offered_elsewhere, who=watcher, what="told of new protocols")

    def addresses_changed(self) -> None:
        for watcher in self._all():
            call_guarded(watcher.addresses_changed, who=watcher, what="told of new addresses")
