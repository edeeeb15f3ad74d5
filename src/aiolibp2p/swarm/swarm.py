"""The swarm: the table of connections, what leads to it, and the end of it all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import ConnectionLost, LimitExceeded
from aiolibp2p.events import ConnectionClosed, ConnectionOpened, PeerConnected, PeerDisconnected
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.config import SwarmConfig, SwarmParts
from aiolibp2p.swarm.connections.connection import Connection, ConnectionContext
from aiolibp2p.swarm.connections.duplicates import Duplicates
from aiolibp2p.swarm.connections.maker import ConnectionMaker
from aiolibp2p.swarm.connections.table import ConnectionTable
from aiolibp2p.swarm.dialling.attempt import Attempt, AttemptParts
from aiolibp2p.swarm.dialling.candidates import Selection
from aiolibp2p.swarm.dialling.dialling import Dialling, DiallingParts
from aiolibp2p.swarm.dialling.refusals import Refusals
from aiolibp2p.swarm.gates import Gates
from aiolibp2p.swarm.listening.admission import AdmissionParts, InboundAdmission
from aiolibp2p.swarm.listening.listening import Listening
from aiolibp2p.swarm.own_addresses import OwnAddresses
from aiolibp2p.swarm.resolver import Resolver
from aiolibp2p.swarm.upgrade.upgrader import ACCEPTED, Upgrader, UpgraderParts

CLOSE_TIMEOUT_S = 2.0
"""Seconds that each step of closing a swarm may take: unsent bytes have one to leave, and one is spare."""

logger = logging.getLogger("aiolibp2p")


class Swarm:
    """The connections of one host. It belongs to the event loop that `listen` or `dial` is first called on."""

    def __init__(self, parts: SwarmParts, config: SwarmConfig | None = None) -> None:
        config = config or SwarmConfig()
        self.tasks = Tasks()
        self.on_opened: Callable[[MuxedConnection], None] = _nothing
        self.on_closed: Callable[[MuxedConnection, str], None] = _nothing
        self._parts = parts
        self._table = ConnectionTable(parts.local_peer)
        self._duplicates = Duplicates(self._table, parts.runtime.now, config.duplicate_idle_s, self._close_duplicate)
        gates = Gates(parts.gater, parts.meter)
        maker = ConnectionMaker(self._context(config), gates, config.upgrade.key_types, self._opened)
        upgrader = Upgrader(UpgraderParts(parts.runtime, maker.check, maker.make), parts.layers, config.upgrade)
        self._admission = InboundAdmission(
            AdmissionParts(
                runtime=parts.runtime,
                gates=gates,
                upgrade=lambda raw, scope, settle: upgrader.prepare(raw, ACCEPTED, scope, settle),
                take=lambda carrier, scope: maker.take(carrier, scope, is_dialled=False),
                timeout_s=config.upgrade.timeout_s,
                resources=parts.resources,
                meter=parts.meter,
            )
        )
        self._listening = Listening(parts.transports, self._admission, parts.emit)
        self._dialling = self._make_dialling(gates, maker, upgrader, config)
        self.own_addresses = OwnAddresses(
            parts.local_peer,
            lambda: self._listening.addresses,
            parts.expand_wildcard,
            parts.emit,
            config.own_addresses,
        )

    def _context(self, config: SwarmConfig) -> ConnectionContext:
        parts = self._parts
        return ConnectionContext(
            config=config.connection,
            runtime=parts.runtime,
            tasks=self.tasks,
            handlers=parts.handlers,
            local_peer=parts.local_peer,
            identified=parts.identified,
            closed=self._connection_closed,
            emit=parts.emit,
            wants=parts.wants,
        )

    def _make_dialling(self, gates: Gates, maker: ConnectionMaker, upgrader: Upgrader, config: SwarmConfig) -> Dialling:
        parts = self._parts
        attempts = AttemptParts(
            transports=parts.transports,
            resources=parts.resources,
            upgrade=upgrader.upgrade,
            take=lambda carrier, scope: maker.take(carrier, scope, is_dialled=True),
            refusals=Refusals(config.dial.max_remembered_refusals),
        )
        dialling_parts = DiallingParts(
            tasks=self.tasks,
            now=parts.runtime.now,
            gates=gates,
            selection=Selection(
                lambda address: attempts.transport(address) is not None, gates, parts.history, parts.ranker
            ),
            resolver=Resolver(config.resolver),
            attempt=partial(Attempt, attempts),
            best=self._table.best,
        )
        return Dialling(dialling_parts, config.dial)

    # What leads to connections

    async def listen(self, addresses: Iterable[Multiaddr]) -> None:
        """Listen on all addresses. Raises ListenFailed or UnsupportedAddress; those bound before it stay."""
        await self._listening.listen(addresses)

    @property
    def listen_addresses(self) -> list[Multiaddr]:
        """The addresses as they are bound: ports filled in, wildcards unexpanded."""
        return self._listening.addresses

    @property
    def half_open(self) -> int:
        """The number of inbound connections that are being set up."""
        return len(self._admission)

    def standing(self, peer: PeerId, allow_limited: bool = False) -> Connection | None:
        """Return the connection that new streams to `peer` use; None when none stands."""
        return self._table.best(peer, allow_limited)

    async def dial(self, request: DialRequest) -> Connection:
        """Return a connection as the request describes it. Raises DialFailed or HostNotRunning."""
        return await self._dialling.dial(request)

    # The table

    def connections(self, peer: PeerId | None = None) -> list[Connection]:
        """Return the live connections to one peer, or to all, oldest first."""
        return self._table.all(peer)

    @property
    def peers(self) -> list[PeerId]:
        """The peers with a live connection, in the order they came."""
        return self._table.peers

    def _opened(self, connection: Connection) -> None:
        first = self._table.add(connection)
        peer = connection.remote_peer
        self._parts.emit(ConnectionOpened(peer, connection.remote_address, connection.is_outbound))
        if first:
            self._parts.emit(PeerConnected(peer))
        else:
            self._duplicates.watch(peer)
        self.on_opened(connection)
        if not connection.is_outbound:
            self._dialling.came_in(connection)

    def _connection_closed(self, connection: Connection, reason: str) -> None:
        last = self._table.remove(connection)
        self._duplicates.forget(connection)
        self.on_closed(connection, reason)
        self._parts.emit(ConnectionClosed(connection.remote_peer, connection.remote_address, reason))
        if last:
            self._parts.emit(PeerDisconnected(connection.remote_peer))

    def _close_duplicate(self, connection: Connection) -> None:
        closing = connection.close("another connection to this peer is in use")
        try:
            self.tasks.spawn(closing, "close a duplicate")
        except LimitExceeded as error:
            connection.abort(error)

    # Ends

    async def close(self) -> None:
        """Stop listening; end dials, upgrades, connections and handlers, in seconds whatever they do. Idempotent."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._listening.close()
        except TimeoutError:
            logger.warning("a listener did not close within %g s", CLOSE_TIMEOUT_S)
        self._admission.close()
        self._dialling.close()
        self._duplicates.close()
        await self._close_connections()
        await self.tasks.close(CLOSE_TIMEOUT_S)
        # An attempt may have come to a connection in the meantime.
        await self._close_connections()

    async def _close_connections(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.gather(*(connection.close("the host is closing") for connection in self._table.all()))
        except TimeoutError:
            error = ConnectionLost("the host has closed, and the connection did not end in time")
            for connection in self._table.all():
                connection.abort(error)
                connection.lost(error)


def _nothing(*told: object) -> None:
    """Do nothing: nobody asked to be told."""
