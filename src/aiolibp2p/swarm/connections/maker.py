"""Makes connections of carriers: the last checks, then streams."""

from __future__ import annotations

from collections.abc import Callable, Collection

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import Gated, HandshakeFailed, Libp2pError
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import KeyType
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection, ConnectionContext
from aiolibp2p.swarm.gates import Gates
from aiolibp2p.swarm.upgrade.upgrade import require_key_type


class ConnectionMaker:
    """The checks that every connection passes, however it was dialled, accepted or secured.

    Each method that takes a scope with a carrier keeps it, even when it raises: of a connection that began, the scope
    is done when it is lost, and of one that did not, at once.
    """

    def __init__(
        self,
        context: ConnectionContext,
        gates: Gates,
        key_types: Collection[KeyType],
        stands: Callable[[Connection], None],
    ) -> None:
        self._context = context
        self._gates = gates
        self._key_types = key_types
        self._stands = stands
        """Called with each connection when it stands, before its first stream."""

    def check(self, peer: PeerId, remote: Multiaddr, is_dialled: bool, scope: ConnectionScope) -> None:
        """Check a connection whose peer is proven. Raises HandshakeFailed, Gated or LimitExceeded when it must end."""
        if peer == self._context.local_peer:
            raise HandshakeFailed("the host dialled itself")
        self._gates.secured(peer, remote, is_dialled)
        scope.set_peer(peer)

    def take(self, carrier: Carrier, scope: ConnectionScope, is_dialled: bool) -> Connection:
        """Return a connection of a carrier that its transport has secured, which has seen no check so far.

        Raises what `check` and `make` raise; the carrier is ended then.
        """
        try:
            require_key_type(carrier.remote_key, self._key_types)
            self.check(carrier.remote_peer, carrier.remote_address, is_dialled, scope)
        except Libp2pError as error:
            scope.done()
            carrier.abort(error)
            raise
        try:
            return self.make(carrier, is_dialled, scope)
        except Libp2pError as error:
            carrier.abort(error)
            raise

    def make(self, carrier: Carrier, is_outbound: bool, scope: ConnectionScope) -> Connection:
        """Return a connection of a carrier that has passed `check`. Raises Gated, and what its first bytes break."""
        connection = Connection(self._context, carrier, is_outbound, scope)
        connection.start()
        try:
            self._gates.upgraded(connection)
        except Gated as error:
            connection.refuse(error)
            raise
        # Known before it is opened: were a violation among its first bytes, whoever heard of its streams would
        # otherwise never hear of their end.
        self._stands(connection)
        connection.open()
        return connection
