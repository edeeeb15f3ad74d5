"""`Host`, the front door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar, Unpack

from aiolibp2p.abc import host as contract
from aiolibp2p.abc.host import EventT, OfferedOn, Target
from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.identifier import Identifier, IdentifyResult
from aiolibp2p.abc.services.pinger import Pinger
from aiolibp2p.abc.services.routing import PeerRouting
from aiolibp2p.abc.stream import MuxedConnection, Stream, StreamHandler
from aiolibp2p.assembly import HostConfig, HostOptions, assemble, configured
from aiolibp2p.errors import ConfigError
from aiolibp2p.events import Event
from aiolibp2p.host.life import Life
from aiolibp2p.host.statistics import HostStatistics, count
from aiolibp2p.host.targets import locate
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId

S = TypeVar("S")


class Host(contract.Host):
    """A libp2p node on the running asyncio loop.

    `async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as host: ...`; or `await host.start()` and
    `await host.close()`. Options are the fields of `HostConfig`. Raises ConfigError for those that make no
    sense, and ListenFailed from `start` when an address cannot be bound.
    """

    def __init__(self, config: HostConfig | None = None, **options: Unpack[HostOptions]) -> None:
        config = configured(config, options)
        self._parts = assemble(config)
        self._life = Life(self, self._parts, config.listen)

    def __repr__(self) -> str:
        return f"<Host {self.peer_id}>"

    # Life

    async def start(self) -> None:
        """Listen, then start the services. Returns when listening; a failure leaves nothing behind."""
        await self._life.start()

    async def close(self) -> None:
        """Close services, streams, connections and listeners, within two seconds or so. Idempotent."""
        await self._life.close()

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
        return self._parts.key.peer_id

    @property
    def private_key(self) -> PrivateKey:
        return self._parts.key

    @property
    def addresses(self) -> list[Multiaddr]:
        return self._parts.swarm.own_addresses.addresses

    @property
    def protocols(self) -> list[str]:
        return self._parts.handlers.protocols

    def protocols_on(self, connection: MuxedConnection) -> list[str]:
        return self._parts.handlers.protocols_on(connection)

    @property
    def peerstore(self) -> Peerstore:
        return self._parts.peerstore

    @property
    def runtime(self) -> Runtime:
        return self._parts.runtime

    def connections(self, peer: PeerId | None = None) -> list[MuxedConnection]:
        return list(self._parts.swarm.connections(peer))

    def service(self, kind: type[S]) -> S:
        """The service of this class. Raises ConfigError when the host runs none."""
        found = self._life.services.service(kind)
        if found is None:
            raise ConfigError(f"this host runs no {kind.__name__}; give it as Host(services=[{kind.__name__}(...)])")
        return found

    def statistics(self) -> HostStatistics:
        """Counters of this moment."""
        return count(self._parts, self._life.services)

    # Handlers, events, tasks

    def handler(
        self, protocol_id: str, match: Callable[[str], bool] | None = None, offered_on: OfferedOn | None = None
    ) -> Callable[[StreamHandler], StreamHandler]:
        """Decorator: serve a protocol with `async def f(stream)`, see `set_stream_handler`."""

        def register(handler: StreamHandler) -> StreamHandler:
            self.set_stream_handler(protocol_id, handler, match, offered_on)
            return handler

        return register

    def set_stream_handler(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        offered_on: OfferedOn | None = None,
    ) -> None:
        self._life.protocols.serve(protocol_id, handler, match, offered_on)

    def remove_stream_handler(self, protocol_id: str) -> None:
        self._life.protocols.remove(protocol_id)

    def emit(self, event: Event) -> None:
        self._parts.bus.emit(event)

    def events(self, *kinds: type[EventT]) -> AsyncIterator[EventT]:
        return self._parts.bus.subscribe(*kinds)

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run a task that ends with the host; an exception in it is logged once."""
        self._parts.swarm.tasks.spawn(coroutine, name)

    # Peers

    async def connect(self, target: Target, *, allow_limited: bool = False) -> MuxedConnection:
        self._life.require_running()
        if isinstance(target, PeerId) and (standing := self._parts.swarm.standing(target, allow_limited)) is not None:
            return standing  # every stream that is opened comes by here: nothing is looked up
        peer, addresses = locate(target, self._parts.peerstore)
        if peer == self.peer_id:
            raise ConfigError(f"{peer} is this host itself")
        if peer is not None and not addresses and self._parts.swarm.standing(peer, allow_limited) is None:
            routing = self._life.services.find(PeerRouting)
            addresses = [] if routing is None else list(await routing.find_peer(peer))
        return await self._parts.swarm.dial(DialRequest(peer, addresses, allow_limited=allow_limited))

    async def dial(self, request: DialRequest) -> MuxedConnection:
        self._life.require_running()
        return await self._parts.swarm.dial(request)

    async def disconnect(self, target: Target) -> None:
        """Close all connections to the target."""
        peer, addresses = locate(target, self._parts.peerstore)
        standing = self._parts.swarm.connections(peer)
        chosen = [one for one in standing if peer is not None or one.remote_address in addresses]
        await asyncio.gather(*(connection.close() for connection in chosen))

    async def new_stream(self, target: Target, *protocol_ids: str, allow_limited: bool = False) -> Stream:
        connection = await self.connect(target, allow_limited=allow_limited)
        return await self.new_stream_on(connection, *protocol_ids, allow_limited=allow_limited)

    async def new_stream_on(
        self, connection: MuxedConnection, *protocol_ids: str, allow_limited: bool = False
    ) -> Stream:
        self._life.require_running()
        if not protocol_ids:
            raise ConfigError("new_stream needs at least one protocol id")
        known = self._parts.peerstore.protocols(connection.remote_peer)
        spoken = [] if known is None else [protocol_id for protocol_id in protocol_ids if protocol_id in known]
        if spoken:
            return await connection.open_stream(spoken[:1], wait=False, allow_limited=allow_limited)
        # What identify told may be out of date, or name one id of a family: ask before saying no.
        wait = known is not None or len(protocol_ids) > 1
        return await connection.open_stream(protocol_ids, wait=wait, allow_limited=allow_limited)

    async def ping(self, target: Target) -> float:
        """One round trip, in seconds. Raises TimeoutExpired when no answer comes."""
        return await self._life.services.require(Pinger).ping(target)

    def pings(self, target: Target, count: int | None = None) -> AsyncIterator[float]:
        """Round trips in seconds, one after the other on one stream; `count` of them, or for ever."""
        return self._life.services.require(Pinger).pings(target, count)

    async def identify(self, target: Target) -> IdentifyResult:
        """Ask the peer who it is and what it speaks."""
        return await self._life.services.require(Identifier).identify(target)
