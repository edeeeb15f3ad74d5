"""Hosts, connections and streams in memory, just enough of each for services to run on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.abc.services.meter import NULL_METER
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.services.tags import NULL_TAGS
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.errors import IncompleteRead, ProtocolNotSupported, StreamClosed, StreamCode, StreamReset
from aiolibp2p.events import Event, PeerDisconnected, PeerIdentified
from aiolibp2p.io.event_bus import EventBus, Subscription
from aiolibp2p.limits.peer_quota import PeerQuota
from aiolibp2p.multiformats import varint
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peerstore import MemoryPeerstore
from aiolibp2p.wire.framing import parse_prefix


class FakeRuntime:
    """A clock that the test moves, and random bits that repeat."""

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        self.time = 100.0
        self.wall_time = wall
        self.draws = 0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.wall_time

    def entropy(self, n: int) -> bytes:
        self.draws += 1
        return hashlib.shake_256(str(self.draws).encode()).digest(n)


class FakeStream:
    """One end of a stream in memory. What is written is at the other end at once, `piece` bytes a read at most."""

    def __init__(self, connection: FakeConnection, protocol_id: str) -> None:
        self.connection = connection
        self.protocol_id = protocol_id
        self.remote_peer = connection.remote_peer
        self.piece = 1 << 30
        self.sent = bytearray()
        self.write_closed = False
        self.closed = False
        self.reset_code: int | None = None
        self.other: FakeStream
        self._inbox = bytearray()
        self._eof = False
        self._error: Exception | None = None
        self._news = asyncio.Event()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    async def read(self, n: int = -1) -> bytes:
        if n < 0:
            parts = []
            while part := await self.read(1 << 16):
                parts.append(part)
            return b"".join(parts)
        while not self._inbox:
            self._check()
            if self._eof:
                return b""
            self._news.clear()
            await self._news.wait()
        taken = bytes(self._inbox[: min(n, self.piece)])
        del self._inbox[: len(taken)]
        return taken

    async def read_exactly(self, n: int) -> bytes:
        taken = b""
        while len(taken) < n:
            part = await self.read(n - len(taken))
            if not part:
                raise IncompleteRead(taken, n)
            taken += part
        return taken

    async def read_message(self, max_bytes: int = 4 * 1024 * 1024) -> bytes:
        start = b""
        while (found := parse_prefix(start, max_bytes)) is None:
            start += await self.read_exactly(1)
        return await self.read_exactly(found[1] - found[0])

    async def write_message(self, message: bytes) -> None:
        await self.write(varint.encode(len(message)) + message)

    async def write(self, data: bytes) -> None:
        self._check()
        if self.write_closed:
            raise StreamClosed("closed for writing")
        self.sent += data
        if not self.other.closed:
            self.other._inbox += data
            self.other._news.set()

    async def close_write(self) -> None:
        self.write_closed = True
        self.other._eof = True
        self.other._news.set()

    async def close(self) -> None:
        self.closed = True
        await self.close_write()

    def reset(self, code: int = 0) -> None:
        if self._error is not None or (self.closed and self._eof):
            return
        self.reset_code = code
        self._end(StreamClosed("reset on our side"))
        self.other._end(StreamReset("the peer reset the stream", code))

    def _end(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
            self._inbox.clear()
            self._news.set()

    @property
    def is_reset(self) -> bool:
        """Either side has reset it."""
        return self._error is not None


class FakeConnection:
    """One end of a connection in memory."""

    def __init__(self, owner: FakeHost, peer: FakeHost, local: Multiaddr, remote: Multiaddr) -> None:
        self.owner = owner
        self.peer = peer
        self.local_address = local
        self.remote_address = remote
        self.local_peer = owner.peer_id
        self.remote_peer = peer.peer_id
        self.is_outbound = True
        self.is_closed = False
        self.other: FakeConnection

    def stream_pair(self, protocol_id: str) -> tuple[FakeStream, FakeStream]:
        ours, theirs = FakeStream(self, protocol_id), FakeStream(self.other, protocol_id)
        ours.other, theirs.other = theirs, ours
        return ours, theirs

    def drop(self) -> None:
        """End the connection, and say so on both sides."""
        for end in (self, self.other):
            end.is_closed = True
            end.owner.live.remove(end)
            for watcher in list(end.owner.watchers):
                watcher.connection_closed(end, "dropped")
            if not end.owner.connections(end.remote_peer):
                end.owner.emit(PeerDisconnected(end.remote_peer))


class FakeHandle:
    """Undoes something once."""

    def __init__(self, undo: Callable[[], object]) -> None:
        self._undo: Callable[[], object] | None = undo

    def close(self) -> None:
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()


class FakeContext:
    """A service's context over a fake host. Limits are left to the real one."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.peerstore = host.peerstore
        self.scope, self.meter, self.tags = NULL_SCOPE, NULL_METER, NULL_TAGS
        self.made: list[FakeHandle] = []

    @property
    def runtime(self) -> FakeRuntime:
        return self.host.runtime

    def handle(
        self,
        protocol_id: str,
        handler: Callable[[FakeStream], Awaitable[None]],
        match: object = None,
        offered_on: Callable[[FakeConnection], bool] | None = None,
        limits: StreamLimits | None = None,
    ) -> FakeHandle:
        self.host.set_stream_handler(protocol_id, _within(handler, limits), match, offered_on)
        return self._made(lambda: self.host.remove_stream_handler(protocol_id))

    def watch(self, watcher: Watcher) -> FakeHandle:
        self.host.watchers.append(watcher)
        for connection in self.host.live:
            watcher.connection_opened(connection)
        return self._made(lambda: self.host.watchers.remove(watcher))

    def spawn(self, coroutine: Awaitable[None], name: str) -> FakeHandle:
        return FakeHandle(self.host.spawn(coroutine, name).cancel)

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeHandle:
        timer = asyncio.get_running_loop().call_later(max(0.0, when - self.runtime.now()), callback)
        return self._made(timer.cancel)

    def _made(self, undo: Callable[[], object]) -> FakeHandle:
        self.made.append(FakeHandle(undo))
        return self.made[-1]

    def find(self, contract: object) -> None:
        return None

    def identified(self, connection: FakeConnection, told: PeerIdentified, observed: Multiaddr | None = None) -> None:
        for watcher in list(self.host.watchers):
            watcher.peer_identified(connection, told, observed)
        self.host.emit(told)

    async def stop(self, service: Service) -> None:
        """End a service and all that it made here, as a host does."""
        await service.close()
        for made in self.made:
            made.close()


class FakeHost:
    """Implements what services need of `abc.host.Host`; its peers are other fake hosts."""

    def __init__(self, key: PrivateKey, runtime: FakeRuntime | None = None) -> None:
        self.private_key = key
        self.peer_id = key.peer_id
        self.runtime = runtime or FakeRuntime()
        self.addresses: list[Multiaddr] = []
        self.bus = EventBus()
        self.peerstore = MemoryPeerstore(self.runtime)
        self.live: list[FakeConnection] = []
        self.handlers: dict[str, Callable[[FakeStream], Awaitable[None]]] = {}
        self.offered_on: dict[str, Callable[[FakeConnection], bool]] = {}
        self.opened: list[FakeStream] = []
        self.proposed: list[tuple[PeerId, str]] = []
        """The peers that a stream was proposed to, and for what, taken or not."""
        self.served: list[FakeStream] = []
        self.failures: list[BaseException] = []
        self.tasks: dict[asyncio.Task[None], None] = {}
        self.watchers: list[Watcher] = []
        self.context = FakeContext(self)

    @property
    def protocols(self) -> list[str]:
        return sorted(self.handlers)

    def protocols_on(self, connection: FakeConnection) -> list[str]:
        return [one for one in self.protocols if one not in self.offered_on or self.offered_on[one](connection)]

    def connections(self, peer: PeerId | None = None) -> list[FakeConnection]:
        return [connection for connection in self.live if peer is None or connection.remote_peer == peer]

    def spawn(self, coroutine: Awaitable[None], name: str) -> asyncio.Task[None]:
        async def supervise() -> None:
            try:
                await coroutine
            except Exception as error:
                self.failures.append(error)

        task = asyncio.get_running_loop().create_task(supervise(), name=name)
        self.tasks[task] = None
        task.add_done_callback(lambda done: self.tasks.pop(done, None))
        return task

    async def idle(self) -> None:
        """Wait until no task makes progress any more; those that wait for a peer or a timer may be left."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def close(self) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def set_stream_handler(
        self,
        protocol_id: str,
        handler: Callable[[FakeStream], Awaitable[None]],
        match: object = None,
        offered_on: Callable[[FakeConnection], bool] | None = None,
    ) -> None:
        self.handlers[protocol_id] = handler
        before = self.offered_on.pop(protocol_id, None)
        if offered_on is not None:
            self.offered_on[protocol_id] = offered_on
        self._protocols_changed(offered_on is not before)

    def remove_stream_handler(self, protocol_id: str) -> None:
        self.handlers.pop(protocol_id, None)
        self._protocols_changed(self.offered_on.pop(protocol_id, None) is not None)

    def _protocols_changed(self, offered_elsewhere: bool) -> None:
        for watcher in list(self.watchers):
            watcher.protocols_changed(offered_elsewhere)

    def addresses_changed(self) -> None:
        """Tell the watchers that `addresses` are others than before."""
        for watcher in list(self.watchers):
            watcher.addresses_changed()

    def emit(self, event: Event) -> None:
        self.bus.emit(event)

    def events(self, *kinds: type[Event]) -> Subscription[Event]:
        return self.bus.subscribe(*kinds)

    async def connect(self, target: object, *, allow_limited: bool = False) -> FakeConnection:
        return next(connection for connection in self.live if connection.remote_peer == target)

    async def new_stream(self, target: object, *protocol_ids: str) -> FakeStream:
        return await self.new_stream_on(await self.connect(target), *protocol_ids)

    async def new_stream_on(
        self, connection: FakeConnection, *protocol_ids: str, allow_limited: bool = False
    ) -> FakeStream:
        self.proposed.append((connection.remote_peer, protocol_ids[0]))
        if protocol_ids[0] not in connection.peer.protocols_on(connection.other):
            raise ProtocolNotSupported(protocol_ids)
        ours, theirs = connection.stream_pair(protocol_ids[0])
        self.opened.append(ours)
        connection.peer.serve(theirs)
        return ours

    def serve(self, stream: FakeStream) -> None:
        """Run the handler as a host does: an exception resets the stream, returning closes it."""
        self.served.append(stream)

        async def run() -> None:
            try:
                await self.handlers[stream.protocol_id](stream)
            except Exception:
                stream.reset()
                raise
            await stream.close()

        self.spawn(run(), f"handle {stream.protocol_id}")


def _within(
    handler: Callable[[FakeStream], Awaitable[None]], limits: StreamLimits | None
) -> Callable[[FakeStream], Awaitable[None]]:
    """The handler, within the limits, as `host.protocols` has it."""
    if limits is None:
        return handler
    quota = PeerQuota(limits.per_peer, limits.total)

    async def serve(stream: FakeStream) -> None:
        if not quota.take(stream.remote_peer):
            stream.reset(StreamCode.LIMIT_EXCEEDED)
            return
        try:
            await handler(stream)
        finally:
            quota.give_back(stream.remote_peer)

    return serve


def join(
    a: FakeHost,
    b: FakeHost,
    a_address: str = "/ip4/192.168.1.10/tcp/4001",
    b_address: str = "/ip4/192.168.1.20/tcp/4001",
) -> FakeConnection:
    """Connect two hosts, each seen at the address given; a's end."""
    ours = FakeConnection(a, b, Multiaddr(a_address), Multiaddr(b_address))
    theirs = FakeConnection(b, a, Multiaddr(b_address), Multiaddr(a_address))
    theirs.is_outbound = False
    ours.other, theirs.other = theirs, ours
    for end in (ours, theirs):
        end.owner.live.append(end)
        for watcher in list(end.owner.watchers):
            watcher.connection_opened(end)
    return ours


async def collect(items: AsyncIterator[object], count: int) -> list[object]:
    """The first `count` items."""
    found = []
    async for item in items:
        found.append(item)
        if len(found) == count:
            break
    return found


class ServicePair:
    """Two connected hosts in memory: `client` runs the service that asks, `server` the one that answers."""

    def __init__(self, asking: Service, answering: Service) -> None:
        keys = [PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (1, 2)]
        self.client, self.server = FakeHost(keys[0]), FakeHost(keys[1])
        self.connection = join(self.client, self.server)
        self.asking, self.answering = asking, answering

    async def start(self) -> None:
        await self.asking.start(self.client.context)
        await self.answering.start(self.server.context)
