"""The front door: `Host`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, TypedDict, TypeVar, Unpack

from aiolibp2p.abc.host import EventT, Scope, Target
from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.security import Security
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.stream import MuxedConnection, Stream, StreamHandler
from aiolibp2p.assembly import HostConfig, IdentifyResult, Limits, PreSharedKey, assemble
from aiolibp2p.errors import (
    ConfigError,
    HostNotRunning,
    Libp2pError,
)
from aiolibp2p.events import AddressesChanged, Event, ProtocolsChanged
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId

S = TypeVar("S")

DIALLED_TTL_S = 900.0
"""How long an address that was dialled with success is remembered."""


class HostOptions(TypedDict, total=False):
    """The fields of `HostConfig`, as keyword arguments of `Host`."""

    key: PrivateKey | None
    listen: Sequence[str]
    security: Sequence[str | Security]
    muxers: Sequence[str | Muxer]
    services: Sequence[Service]
    agent_version: str
    psk: PreSharedKey | str | os.PathLike[str] | None
    require_psk: bool
    transports: Sequence[Transport] | None
    limits: Limits
    runtime: Runtime | None


@dataclass(frozen=True)
class HostStatistics:
    """Counters at one moment."""

    peers: int
    connections: int
    inbound_connections: int
    outbound_connections: int
    streams: int
    half_open: int
    """Inbound connections that are being set up."""
    tasks: int
    """Handlers, dials and background work of the host."""


class Host:
    """A libp2p node on the running asyncio loop.

    `async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as host: ...`; or `await host.start()` and
    `await host.close()`. Options are the fields of `HostConfig`. Raises ConfigError for those that make no
    sense, and ListenFailed from `start` when an address cannot be bound.
    """

    def __init__(self, config: HostConfig | None = None, **options: Unpack[HostOptions]) -> None:
        config = config or HostConfig()
        known = {field.name for field in dataclasses.fields(HostConfig)}
        for option in options:
            if option not in known:
                raise ConfigError(f"Host has no option {option!r}; it has {', '.join(sorted(known))}")
        self._config = dataclasses.replace(config, **options)
        self._parts = assemble(self._config)
        self._listen = [_listen_address(text) for text in _several(self._config.listen)]
        self._services: list[Service] = [
            self._parts.ping,
            self._parts.observed,
            self._parts.identify,
            *self._config.services,
        ]
        self._started: list[Service] = []
        self._running = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<Host {self.peer_id}>"

    # Life

    async def start(self) -> None:
        """Listen, then start the services. Returns when listening; a failure leaves nothing behind."""
        if self._closed:
            raise HostNotRunning("the host is closed; make a new one")
        if self._running:
            return
        self._running = True
        try:
            self._parts.swarm.on_connection = self._connected
            self._parts.observed.on_change = self._addresses_changed
            await self._parts.swarm.listen(self._listen)
            for service in self._services:
                await service.start(self)
                self._started.append(service)
        except BaseException:
            await self.close()
            raise
        if self._listen:
            self._parts.bus.emit(AddressesChanged(tuple(self.addresses)))

    async def close(self) -> None:
        """Close services, streams, connections and listeners, within two seconds or so. Idempotent."""
        if self._closed:
            return
        self._closed = True
        started, self._started = self._started, []
        try:
            for service in reversed(started):
                await service.close()
        finally:
            await self._parts.swarm.close()
            self._parts.bus.close()
            self._running = False

    async def __aenter__(self) -> Host:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Who we are

    @property
    def peer_id(self) -> PeerId:
        """Our id."""
        return self._parts.key.peer_id

    @property
    def private_key(self) -> PrivateKey:
        """Our identity."""
        return self._parts.key

    @property
    def addresses(self) -> list[Multiaddr]:
        """Dialable addresses, each ending in /p2p/<our id>; empty when not listening.

        Those we listen on, wildcards expanded, then those that enough peers see us at.
        """
        own = self.peer_id.to_bytes()
        parts = self._parts
        expanded = [one for bound in parts.swarm.listen_addresses for one in parts.expand_wildcard(bound)]
        outside = (one for bound in expanded for one in parts.observed.believed(bound))
        return [address.with_p2p(own) for address in dict.fromkeys((*expanded, *outside))]

    @property
    def protocols(self) -> list[str]:
        """Protocol ids that have a handler, sorted; on whichever connections they are offered."""
        return self._parts.handlers.protocols

    def protocols_on(self, connection: MuxedConnection) -> list[str]:
        """Those offered on this connection, sorted: what identify tells its peer."""
        return self._parts.handlers.protocols_on(connection)

    @property
    def peerstore(self) -> Peerstore:
        """What is known of other peers."""
        return self._parts.peerstore

    @property
    def runtime(self) -> Runtime:
        """The clock and randomness in use."""
        return self._parts.runtime

    def connections(self, peer: PeerId | None = None) -> list[MuxedConnection]:
        """Live connections, oldest first; of one peer, or of all."""
        return list(self._parts.swarm.connections(peer))

    def service(self, kind: type[S]) -> S:
        """The service of this class. Raises ConfigError when the host runs none."""
        for service in self._services:
            if isinstance(service, kind):
                return service
        raise ConfigError(f"this host runs no {kind.__name__}; give it as Host(services=[{kind.__name__}(...)])")

    def statistics(self) -> HostStatistics:
        """Counters of this moment."""
        swarm = self._parts.swarm
        connections = swarm.connections()
        outbound = sum(connection.is_outbound for connection in connections)
        return HostStatistics(
            peers=len(swarm.peers),
            connections=len(connections),
            inbound_connections=len(connections) - outbound,
            outbound_connections=outbound,
            streams=sum(connection.stream_count for connection in connections),
            half_open=swarm.half_open,
            tasks=len(swarm.tasks),
        )

    # Handlers, events, tasks

    def handler(
        self, protocol_id: str, match: Callable[[str], bool] | None = None, scope: Scope | None = None
    ) -> Callable[[StreamHandler], StreamHandler]:
        """Decorator: serve a protocol with `async def f(stream)`, see `set_stream_handler`."""

        def register(handler: StreamHandler) -> StreamHandler:
            self.set_stream_handler(protocol_id, handler, match, scope)
            return handler

        return register

    def set_stream_handler(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Serve `protocol_id`, and every id `match` says yes to, with `handler`.

        With a `scope` only on the connections it says yes to; elsewhere the protocol is refused, and identify does
        not list it. It is asked for each stream; when its answers change, set the handler again with a new one, and
        peers are told. A `match` or `scope` that raises is logged and costs that stream alone.

        An exception in the handler resets that stream, is logged once, and touches nothing else; when it returns,
        its stream is closed. Raises ConfigError for an unusable id.
        """
        if self._parts.handlers.add(protocol_id, handler, match, scope):
            self._parts.identify.scopes_changed()
        self._protocols_changed()

    def remove_stream_handler(self, protocol_id: str) -> None:
        """Serve it no longer. Streams that run go on."""
        if self._parts.handlers.is_scoped(protocol_id):
            # It may be back, with another scope, before peers are told that it is gone.
            self._parts.identify.scopes_changed()
        if self._parts.handlers.remove(protocol_id):
            self._protocols_changed()

    def _protocols_changed(self) -> None:
        if self._running and not self._closed:
            self._parts.bus.emit(ProtocolsChanged(tuple(self.protocols)))
            self._parts.identify.changed()

    def _addresses_changed(self) -> None:
        self._parts.bus.emit(AddressesChanged(tuple(self.addresses)))
        self._parts.identify.changed()

    def emit(self, event: Event) -> None:
        """Announce to every subscriber; never waits."""
        self._parts.bus.emit(event)

    def events(self, *kinds: type[EventT]) -> AsyncIterator[EventT]:
        """Subscribe to these kinds of events (all, without any), from this call on.

        A queue of 256; past it the oldest go and `MissedEvents` says how many.
        """
        return self._parts.bus.subscribe(*kinds)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run a task that ends with the host; an exception in it is logged once."""
        self._parts.swarm.tasks.spawn(coroutine, name)

    # Peers

    async def connect(self, target: Target) -> MuxedConnection:
        """A connection to the target: one that stands, or a new one.

        An address without /p2p takes whoever answers. Raises DialFailed naming each address and its reason,
        FormatError for text that is no address or peer id.
        """
        self._require_running()
        peer, addresses = self._locate(target)
        if peer == self.peer_id:
            raise ConfigError(f"{peer} is this host itself")
        return await self._parts.swarm.connect(peer, addresses)

    def _connected(self, connection: MuxedConnection) -> None:
        if connection.is_outbound:
            peer, address = connection.remote_peer, connection.remote_address
            self._parts.peerstore.add_addresses(peer, [address], DIALLED_TTL_S)
        self._parts.identify.connection_opened(connection)

    async def disconnect(self, target: Target) -> None:
        """Close all connections to the target."""
        peer, addresses = self._locate(target)
        for connection in self._parts.swarm.connections(peer):
            if peer is not None or connection.remote_address in addresses:
                await connection.close()

    async def new_stream(self, target: Target, *protocol_ids: str) -> Stream:
        """Open a stream for the first of `protocol_ids` that the peer speaks; connects first if need be.

        One id is proposed along with the first bytes written, without waiting; a refusal then raises
        ProtocolNotSupported at the first read. Several ids are negotiated before this returns, unless identify
        has told what the peer speaks; if that is none of them, ProtocolNotSupported is raised at once.
        """
        return await self.new_stream_on(await self.connect(target), *protocol_ids)

    async def new_stream_on(self, connection: MuxedConnection, *protocol_ids: str) -> Stream:
        """As `new_stream`, on this very connection."""
        self._require_running()
        if not protocol_ids:
            raise ConfigError("new_stream needs at least one protocol id")
        known = self._parts.peerstore.protocols(connection.remote_peer)
        spoken = [] if known is None else [protocol_id for protocol_id in protocol_ids if protocol_id in known]
        if spoken:
            return await connection.open_stream(spoken[:1], wait=False)
        # What identify told may be out of date, or name one id of a family: ask before saying no.
        return await connection.open_stream(protocol_ids, wait=known is not None or len(protocol_ids) > 1)

    async def ping(self, target: Target) -> float:
        """One round trip, in seconds. Raises TimeoutExpired when no answer comes."""
        return await self._parts.ping.ping(target)

    def pings(self, target: Target, count: int | None = None) -> AsyncIterator[float]:
        """Round trips in seconds, one after the other on one stream; `count` of them, or for ever."""
        return self._parts.ping.pings(target, count)

    async def identify(self, target: Target) -> IdentifyResult:
        """Ask the peer who it is and what it speaks."""
        return await self._parts.identify.identify(target)

    def _require_running(self) -> None:
        if not self._running or self._closed:
            raise HostNotRunning("the host is closed" if self._closed else "start it first: async with Host() as host")

    def _locate(self, target: Target) -> tuple[PeerId | None, list[Multiaddr]]:
        """Whom to reach, and where (without /p2p)."""
        if isinstance(target, PeerId):
            return target, self._parts.peerstore.addresses(target)
        if isinstance(target, str) and not target.startswith("/"):
            peer = PeerId.parse(target)
            return peer, self._parts.peerstore.addresses(peer)
        addresses = [Multiaddr(one) for one in ([target] if isinstance(target, str | Multiaddr) else target)]
        peers = {address.p2p_bytes: None for address in addresses if address.p2p_bytes is not None}
        if len(peers) > 1:
            raise ConfigError("the addresses name different peers")
        named = next(iter(peers), None)
        bare = [rest for rest in (address.without_p2p() for address in addresses) if rest]
        if named is None:
            if not bare:
                raise ConfigError("no address to connect to")
            return None, bare
        peer = _peer_id(named)
        return peer, bare or self._parts.peerstore.addresses(peer)


@lru_cache(256)
def _peer_id(multihash: bytes) -> PeerId:
    """The same object for a peer that is named again: it knows its text already."""
    return PeerId(multihash)


def _several(listen: Sequence[str]) -> Sequence[str]:
    return [listen] if isinstance(listen, str | Multiaddr) else listen


def _listen_address(text: str) -> Multiaddr:
    try:
        return Multiaddr(text)
    except Libp2pError as error:
        raise ConfigError(f"cannot listen on {text!r}: {error}") from error
