"""The swarm itself: its table of connections, its listeners, and the way to a peer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.transport import Listener, NewConnection, Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import DialFailed, HandshakeFailed, HostNotRunning, UnsupportedAddress
from aiolibp2p.events import (
    ConnectionClosed,
    ConnectionOpened,
    Event,
    ListenEnded,
    ListenStarted,
    PeerConnected,
    PeerDisconnected,
)
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection, ConnectionConfig, ConnectionContext
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.connections.table import ConnectionTable
from aiolibp2p.swarm.dialling.dialer import AS_USUAL, Candidates, DialerConfig, DialOptions, DialRace, SharedDial
from aiolibp2p.swarm.dialling.ranker import rank_addresses
from aiolibp2p.swarm.resolver import Resolver, ResolverConfig, starts_with_name
from aiolibp2p.swarm.upgrade.upgrader import Intent, Layers, Upgrader, UpgraderConfig

logger = logging.getLogger("aiolibp2p")


@dataclass(frozen=True)
class SwarmConfig:
    """Limits of a swarm and its parts."""

    connection: ConnectionConfig = field(default_factory=ConnectionConfig)
    upgrade: UpgraderConfig = field(default_factory=UpgraderConfig)
    dial: DialerConfig = field(default_factory=DialerConfig)
    resolver: ResolverConfig = field(default_factory=ResolverConfig)
    duplicate_idle_s: float = 30.0
    """A second connection to a peer is closed by its dialer after so long without streams."""
    max_remembered_refusals: int = 1024


@dataclass(frozen=True)
class SwarmParts:
    """What a swarm is built from."""

    local_peer: PeerId
    transports: Sequence[Transport]
    layers: Layers
    runtime: Runtime
    handlers: StreamHandlers
    emit: Callable[[Event], None]
    wants: Callable[[type[Event]], bool]
    identified: Callable[[PeerId], bool]


class Swarm:
    """Connections of one host. It belongs to the event loop that `start` runs on."""

    def __init__(self, parts: SwarmParts, config: SwarmConfig | None = None) -> None:
        self.tasks = Tasks()
        self.on_opened: Callable[[MuxedConnection], None] = _nothing
        self.on_closed: Callable[[MuxedConnection, str], None] = _nothing
        self._parts = parts
        self._config = config or SwarmConfig()
        self._resolver = Resolver(self._config.resolver)
        self._table = ConnectionTable(parts.local_peer)
        self._listeners: list[Listener] = []
        self._dials: dict[tuple[object, DialOptions], SharedDial] = {}
        self._not_optimistic: dict[Multiaddr, None] = {}
        self._duplicates: dict[Connection, asyncio.TimerHandle] = {}
        self._closed = False
        context = ConnectionContext(
            self._config.connection,
            parts.runtime,
            self.tasks,
            parts.handlers,
            parts.local_peer,
            parts.identified,
            self._connection_closed,
            parts.emit,
            parts.wants,
        )
        self._upgrader = Upgrader(context, parts.layers, self._config.upgrade, self._add)

    # Listening

    async def listen(self, addresses: Iterable[Multiaddr]) -> None:
        """Listen on all of them. Raises ListenFailed or UnsupportedAddress; those bound before it stay."""
        for address in addresses:
            transport = next((t for t in self._parts.transports if t.can_listen(address)), None)
            if transport is None:
                raise UnsupportedAddress(f"no transport of this host listens on {address}")
            listener = await transport.listen(address, self._accepted)
            self._listeners.append(listener)
            for bound in listener.addresses:
                self._parts.emit(ListenStarted(bound))

    @property
    def listen_addresses(self) -> list[Multiaddr]:
        """As bound: ports filled in, wildcards unexpanded."""
        return [address for listener in self._listeners for address in listener.addresses]

    def _accepted(self, new: NewConnection) -> None:
        if isinstance(new, Carrier):
            self._accepted_capable(new)
        elif self._closed:
            new.abort()
        else:
            self._upgrader.accept(new)

    def _accepted_capable(self, carrier: Carrier) -> None:
        if self._closed:
            carrier.abort(HostNotRunning("the host is closed"))
            return
        try:
            self._upgrader.adopt(carrier, is_outbound=False)
        except HandshakeFailed as error:
            logger.debug("a connection from %s was refused: %s", carrier.remote_address, error)

    # Dialling

    def standing(self, peer: PeerId) -> Connection | None:
        """The connection that new streams to `peer` use, if one stands."""
        return None if self._closed else self._table.best(peer)

    async def connect(
        self, peer: PeerId | None, addresses: Sequence[Multiaddr], options: DialOptions = AS_USUAL
    ) -> Connection:
        """A connection to `peer`: one that stands, or a new one over `addresses` (without /p2p).

        Without a peer, whoever answers is taken. Raises DialFailed naming each address and its reason.
        """
        connection = None if peer is None else self.standing(peer)
        return connection or await self.dial(peer, addresses, options)

    async def dial(
        self, peer: PeerId | None, addresses: Sequence[Multiaddr], options: DialOptions = AS_USUAL
    ) -> Connection:
        """As `connect`, but a new connection in any case. Who asks for the same at the same time shares it."""
        if self._closed:
            raise HostNotRunning("the host is closed")
        key = peer if peer is not None else tuple(addresses), options
        dial = self._dials.get(key)
        if dial is None:
            dial = SharedDial(self.tasks, lambda: self._dial(key, peer, addresses), f"dial {peer or addresses}")
            self._dials[key] = dial
        return await dial.wait()

    async def _dial(
        self, key: tuple[object, DialOptions], peer: PeerId | None, addresses: Sequence[Multiaddr]
    ) -> Connection:
        try:
            return await self._race(peer, addresses, key[1])
        finally:
            self._dials.pop(key, None)

    async def _race(self, peer: PeerId | None, addresses: Sequence[Multiaddr], options: DialOptions) -> Connection:
        limits = self._config.dial
        target = peer or " or ".join(map(str, addresses))
        taken = addresses[: limits.max_addresses]
        dialable = self._dialable([address for address in taken if not starts_with_name(address)])
        race = DialRace(target, dialable, lambda address: self._dial_one(address, peer, options), limits)
        for name in dict.fromkeys(filter(starts_with_name, taken)):
            race.expect(name, partial(self._resolve, name, peer))
        try:
            async with asyncio.timeout(limits.timeout_s):
                return await race.run()
        except DialFailed as error:
            hint = "" if addresses else "no address of it is known"
            raise DialFailed(target, error.attempts, hint) from None
        except TimeoutError:
            raise DialFailed(target, race.failures(), f"gave up after {limits.timeout_s:g} s") from None

    def _dialable(self, addresses: Sequence[Multiaddr]) -> Candidates:
        """Addresses that some transport dials, and why the others are not dialled."""
        dialable: list[Multiaddr] = []
        refused: list[tuple[str, BaseException]] = []
        for address in addresses:
            if self._transport(address) is not None:
                dialable.append(address)
            else:
                refused.append((str(address), UnsupportedAddress("no transport of this host dials such an address")))
        return Candidates(rank_addresses(dialable), refused)

    async def _resolve(self, name: Multiaddr, peer: PeerId | None) -> Candidates:
        """What a name stands for; without a peer asked for, each address ends in the /p2p that its entry names."""
        found = await self._resolver.resolve(name if peer is None else name.with_p2p(peer.to_bytes()))
        candidates = self._dialable(found if peer is None else [address.without_p2p() for address in found])
        del candidates.ranked[self._config.dial.max_resolved :]
        return candidates

    def _transport(self, address: Multiaddr) -> Transport | None:
        bare = address.without_p2p()
        for transport in self._parts.transports:
            if transport.can_dial(bare):
                return transport
        return None

    async def _dial_one(self, address: Multiaddr, peer: PeerId | None, options: DialOptions) -> Connection:
        named = address.p2p_bytes
        bare = address.without_p2p()
        if peer is None and named is not None and bare != address:
            # Nobody in particular was asked for, but the name that led here says who answers.
            peer = PeerId(named)
        optimistic = bare not in self._not_optimistic
        try:
            return await self._dial_once(bare, peer, options, optimistic)
        except OptimisticRefused:
            self._remember_refusal(bare)
        return await self._dial_once(bare, peer, options, optimistic=False)

    async def _dial_once(
        self, address: Multiaddr, peer: PeerId | None, options: DialOptions, optimistic: bool
    ) -> Connection:
        transport = self._transport(address)
        if transport is None:
            raise UnsupportedAddress(f"no transport of this host dials {address}")
        new = await transport.dial(address, peer)
        if isinstance(new, Carrier):
            return self._upgrader.adopt(new, is_outbound=True)
        simultaneous_open = self._config.upgrade.simultaneous_open or options.simultaneous_open
        intent = Intent(options.role, peer, optimistic, simultaneous_open)
        return await self._upgrader.upgrade(new, intent)

    def _remember_refusal(self, address: Multiaddr) -> None:
        if len(self._not_optimistic) >= self._config.max_remembered_refusals:
            del self._not_optimistic[next(iter(self._not_optimistic))]
        self._not_optimistic[address] = None

    # The table

    def connections(self, peer: PeerId | None = None) -> list[Connection]:
        """Live connections, oldest first."""
        return self._table.all(peer)

    @property
    def peers(self) -> list[PeerId]:
        """Peers with a live connection."""
        return self._table.peers

    @property
    def half_open(self) -> int:
        """Inbound connections that are being set up."""
        return self._upgrader.half_open

    def _add(self, connection: Connection) -> None:
        first = self._table.add(connection)
        peer = connection.remote_peer
        self._parts.emit(ConnectionOpened(peer, connection.remote_address, connection.is_outbound))
        if first:
            self._parts.emit(PeerConnected(peer))
        elif len(self._table.all(peer)) > 1:
            for other in self._table.all(peer):
                self._watch_duplicate(other)
        self.on_opened(connection)

    def _watch_duplicate(self, connection: Connection) -> None:
        if not connection.is_outbound or connection in self._duplicates:
            return
        if self._table.best(connection.remote_peer) is not connection:
            delay_s = self._config.duplicate_idle_s
            timer = asyncio.get_running_loop().call_later(delay_s, self._trim_duplicate, connection)
            self._duplicates[connection] = timer

    def _trim_duplicate(self, connection: Connection) -> None:
        self._duplicates.pop(connection, None)
        if connection.is_closed or self._closed or self._table.best(connection.remote_peer) is connection:
            return
        idle_since = connection.idle_since
        idle_s = 0.0 if idle_since is None else self._parts.runtime.now() - idle_since
        if idle_since is not None and idle_s >= self._config.duplicate_idle_s:
            self.tasks.spawn(connection.close("another connection to this peer is in use"), "close a duplicate")
        else:
            self._watch_duplicate(connection)

    def _connection_closed(self, connection: Connection, reason: str) -> None:
        peer = connection.remote_peer
        last = self._table.remove(connection)
        timer = self._duplicates.pop(connection, None)
        if timer is not None:
            timer.cancel()
        self.on_closed(connection, reason)
        self._parts.emit(ConnectionClosed(peer, connection.remote_address, reason))
        if last:
            self._parts.emit(PeerDisconnected(peer))

    # Ends

    async def disconnect(self, peer: PeerId) -> None:
        """Close every connection to a peer."""
        await asyncio.gather(*(connection.close() for connection in self._table.all(peer)))

    async def close(self) -> None:
        """Stop listening, end dials, upgrades, connections and handlers; a second or so at most. Idempotent."""
        self._closed = True
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            await listener.close()
            for bound in listener.addresses:
                self._parts.emit(ListenEnded(bound))
        self._upgrader.close()
        await self._close_connections()
        await self.tasks.close()
        # A dial may have ended well in the meantime.
        await self._close_connections()

    async def _close_connections(self) -> None:
        await asyncio.gather(*(connection.close("the host is closing") for connection in self._table.all()))


def _nothing(*told: object) -> None:
    """Nobody asked to be told."""
