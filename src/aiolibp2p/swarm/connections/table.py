"""The connections that stand, by peer; and which of several to one peer is used."""

from __future__ import annotations

from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection


class ConnectionTable:
    """The live connections, oldest first. Pure.

    Of two connections to one peer, both sides put new streams on the one that the lower peer id dialled, so
    that they agree without a word; the other is closed by its dialer once it has been idle.
    """

    def __init__(self, local_peer: PeerId) -> None:
        self._local_peer = local_peer
        self._by_peer: dict[PeerId, list[Connection]] = {}

    def add(self, connection: Connection) -> bool:
        """Keep a connection, and return whether it is the first to its peer."""
        connections = self._by_peer.setdefault(connection.remote_peer, [])
        connections.append(connection)
        return len(connections) == 1

    def remove(self, connection: Connection) -> bool:
        """Forget a connection, and return whether it was the last to its peer."""
        connections = self._by_peer.get(connection.remote_peer, [])
        if connection not in connections:
            return False
        connections.remove(connection)
        if not connections:
            del self._by_peer[connection.remote_peer]
        return not connections

    def all(self, peer: PeerId | None = None) -> list[Connection]:
        """Return the connections to one peer, or all."""
        if peer is not None:
            return list(self._by_peer.get(peer, ()))
        return [connection for connections in self._by_peer.values() for connection in connections]

    def best(self, peer: PeerId, allow_limited: bool = False) -> Connection | None:
        """Return the connection that new streams to a peer use; None when none takes any more.

        One without limits is better than any that has them, and those are given to nobody who did not `allow_limited`.
        """
        known = self._by_peer.get(peer, ())
        if len(known) == 1:
            only = known[0]
            return only if only.takes_streams and (allow_limited or only.limits is None) else None
        open_ones = [one for one in known if one.takes_streams]
        connections = [one for one in open_ones if one.limits is None]
        if not connections and allow_limited:
            connections = open_ones
        dialled_by_us = self._local_peer < peer
        agreed = (one for one in connections if one.is_outbound == dialled_by_us)
        return next(agreed, connections[0] if connections else None)

    @property
    def peers(self) -> list[PeerId]:
        """The peers with a connection, in the order they came."""
        return list(self._by_peer)

    def __len__(self) -> int:
        return sum(len(connections) for connections in self._by_peer.values())
