"""Closes connections to a peer that has a better one, once nobody uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.connections.table import ConnectionTable


class Duplicates:
    """Watches each connection of ours to a peer that has a better one, with one timer each.

    Only whoever dialled a connection closes it: were both ends to choose, they might close one each.
    """

    def __init__(
        self,
        table: ConnectionTable,
        now: Callable[[], float],
        idle_s: float,
        close: Callable[[Connection], None],
    ) -> None:
        self._table = table
        self._now = now
        self._idle_s = idle_s
        self._close = close
        self._timers: dict[Connection, asyncio.TimerHandle] = {}

    def watch(self, peer: PeerId) -> None:
        """Look at all connections to a peer that has got one more."""
        connections = self._table.all(peer)
        if len(connections) > 1:
            for connection in connections:
                self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        if connection.is_outbound and connection not in self._timers and not self._is_best(connection):
            timer = asyncio.get_running_loop().call_later(self._idle_s, self._look, connection)
            self._timers[connection] = timer

    def _is_best(self, connection: Connection) -> bool:
        return self._table.best(connection.remote_peer, allow_limited=True) is connection

    def _look(self, connection: Connection) -> None:
        self._timers.pop(connection, None)
        if connection.is_closed or self._is_best(connection):
            return
        idle_since = connection.idle_since
        if idle_since is not None and self._now() - idle_since >= self._idle_s:
            self._close(connection)
        else:
            self._watch(connection)

    def forget(self, connection: Connection) -> None:
        """Watch a connection no longer that is gone. Idempotent."""
        timer = self._timers.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Watch nothing any more: all connections end now."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
