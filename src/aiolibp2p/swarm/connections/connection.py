"""A connection that stands: one driver, one muxer session, and the streams between them and the handlers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.streams import StreamSession
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import NULL_SCOPE, ConnectionScope
from aiolibp2p.errors import ConnectionLost, LimitedConnection, LimitExceeded, StreamCode
from aiolibp2p.events import Event, StreamEnded, StreamOpened
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multistream import Initiator, Responder
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.connections.negotiations import Negotiations
from aiolibp2p.swarm.connections.serving import Serving
from aiolibp2p.swarm.stream import Negotiation, Stream

EARLY_STREAMS = 10
"""Streams of ours before the peer's first answer on a new connection: js-libp2p ends one with more, since they reach it
before whoever serves them has been told of the connection (`maxEarlyStreams`)."""


@dataclass(frozen=True)
class ConnectionConfig:
    """Limits of one connection; sizes in bytes, times in seconds."""

    negotiation_timeout_s: float = 10.0
    """Seconds that a stream has to settle its protocol, as in go."""
    max_read_bytes: int = 64 * 1024 * 1024
    """Bytes that one `read` to the end, `read_exactly` or message may gather: four times yamux's largest window."""


@dataclass(frozen=True)
class ConnectionContext:
    """The parts that all connections of a swarm share."""

    config: ConnectionConfig
    runtime: Runtime
    tasks: Tasks
    handlers: StreamHandlers
    local_peer: PeerId
    identified: Callable[[PeerId], bool]
    """Answers whether identify has told us what a peer speaks."""
    closed: Callable[[Connection, str], None]
    """Called when a connection is gone, with the reason in words."""
    emit: Callable[[Event], None]
    wants: Callable[[type[Event]], bool]
    """Answers whether anybody listens to such events."""


class Connection:
    """A connection that stands: a `MuxedConnection` for its users, the `StreamAcceptor` of its session."""

    def __init__(
        self,
        context: ConnectionContext,
        carrier: Carrier,
        is_outbound: bool,
        scope: ConnectionScope = NULL_SCOPE,
    ) -> None:
        self.local_address = carrier.local_address
        self.remote_address = carrier.remote_address
        self.local_peer = context.local_peer
        self.remote_peer = carrier.remote_peer
        self.remote_key = carrier.remote_key
        self.is_outbound = is_outbound
        self.is_closed = False
        self.limits = carrier.limits
        self.flow = carrier.flow
        self.max_read_bytes = context.config.max_read_bytes
        self.session: StreamSession
        self.idle_since: float | None = context.runtime.now()
        """When the last stream ended, in `Runtime.now` seconds; None while there is one."""
        self._context = context
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self._scope = scope
        self._serving = Serving(context.handlers, context.tasks)
        self._negotiations = Negotiations(context.runtime.now, context.config.negotiation_timeout_s)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._early_streams = EARLY_STREAMS
        """Streams that may still be opened before the peer's first answer."""
        self._is_answered = False
        self._goodbye = False
        self._gone: asyncio.Future[None] = self._loop.create_future()

    def __repr__(self) -> str:
        direction = "to" if self.is_outbound else "from"
        return f"<Connection {direction} {self.remote_peer} at {self.remote_address}>"

    def start(self) -> None:
        """Begin a session, which has an end from now on: `lost` is called once. Nothing comes before `open`."""
        self.session = self._carrier.start(self, self.lost)

    def open(self) -> None:
        """Let streams flow from now on. Raises what the first bytes break, those that came behind the upgrade."""
        self._carrier.open()

    @property
    def security(self) -> str:
        """The protocol id of the security in use."""
        return self._carrier.security

    @property
    def muxer(self) -> str:
        """The protocol id of the muxer in use."""
        return self._carrier.muxer

    @property
    def early_muxer(self) -> bool:
        """Whether the muxer was agreed inside the security handshake."""
        return self._carrier.early_muxer

    @property
    def rtt(self) -> float | None:
        """The smallest round trip seen, in seconds; None before the first."""
        return self._carrier.rtt

    @property
    def stream_count(self) -> int:
        """The number of streams that are open at the moment."""
        return self.session.stream_count

    @property
    def takes_streams(self) -> bool:
        """Whether a new stream may be opened: neither side has said goodbye."""
        return not self.is_closed and not self.session.closed

    # Streams of ours

    async def open_stream(self, protocols: Sequence[str], wait: bool = True, allow_limited: bool = False) -> Stream:
        """Open a stream for the first of `protocols` that the peer takes, as `MuxedConnection` describes it."""
        if self.limits is not None and not allow_limited:
            raise LimitedConnection(f"{self!r} is limited in bytes or time; allow_limited opens a stream all the same")
        stream = Stream(self, Negotiation(Initiator(protocols), inbound=False), self._scope.open_stream(False))
        try:
            stream_id = await self._reserve_id(stream)
        except BaseException:
            stream.scope.done()
            raise
        self.idle_since = None
        self._negotiations.add(stream)
        stream.propose(stream_id, protocols[0])
        if wait:
            try:
                await stream.negotiated()
            except BaseException:
                stream.reset()
                raise
        return stream

    async def _reserve_id(self, stream: Stream) -> int:
        while True:
            if self.is_closed:
                raise ConnectionLost(f"the connection to {self.remote_peer} is closed")
            stream_id = self._try_to_open(stream)
            if stream_id is not None:
                return stream_id
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(waiter)
            await waiter

    def _try_to_open(self, stream: Stream) -> int | None:
        """Return the stream's id, or None while it has to wait for room."""
        if not self._is_answered and not self._early_streams:
            return None
        try:
            stream_id = self.session.open_stream(stream)
        except LimitExceeded:
            return None
        if not self._is_answered:
            self._early_streams -= 1
        return stream_id

    def takes_early_fin(self) -> bool:
        """Return whether a FIN may precede the peer's answer to our proposal."""
        return self._context.identified(self.remote_peer)

    # Streams of theirs

    def accept(self, stream_id: int) -> Stream | None:
        """The peer opened a stream; None when there is no room for it."""
        try:
            scope = self._scope.open_stream(True)
        except LimitExceeded:
            return None
        stream = Stream(self, Negotiation(Responder(self._supports), inbound=True), scope)
        stream.open(stream_id)
        self._answered()
        self.idle_since = None
        self._negotiations.add(stream)
        return stream

    def _supports(self, protocol_id: str) -> bool:
        return self._context.handlers.supports(protocol_id, self)

    # What streams say

    def agreed(self, stream: Stream) -> None:
        """Serve a stream whose protocol is settled, if it is theirs."""
        self._negotiations.remove(stream)
        self._answered()
        self._announce(StreamOpened, stream)
        try:
            stream.scope.set_protocol(stream.protocol_id)
        except LimitExceeded as error:
            stream.fail(error, StreamCode.LIMIT_EXCEEDED)
            return
        if stream.inbound:
            self._serving.serve(stream, self)

    def negotiation_failed(self, stream: Stream) -> None:
        """Forget a stream that died before its protocol was settled."""
        self._negotiations.remove(stream)
        self._answered()
        stream.scope.done()

    def stream_finished(self, stream: Stream) -> None:
        """Forget a stream whose protocol had been settled: it is closed both ways, or dead."""
        self._announce(StreamEnded, stream)
        if not self._serving.serves(stream):
            stream.scope.done()

    def _answered(self) -> None:
        """Let those open streams who wait for a sign that the peer is ready for them."""
        if not self._is_answered:
            self._is_answered = True
            self.room_for_streams()

    def _announce(self, kind: type[StreamOpened] | type[StreamEnded], stream: Stream) -> None:
        if self._context.wants(kind):
            self._context.emit(kind(self.remote_peer, stream.protocol_id, not stream.inbound))

    # What the session says

    def room_for_streams(self) -> None:
        """Another stream may be opened."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def goodbye_received(self, code: int) -> None:
        """The peer takes no more streams."""
        self._goodbye = True
        if self.session.stream_count == 0:
            self._carrier.close("the peer said goodbye" if not code else f"the peer ended the session (code {code})")

    def idle(self) -> None:
        """No stream is open any more."""
        self.idle_since = self._context.runtime.now()
        if self._goodbye:
            self._carrier.close("the peer said goodbye")

    # Ends

    def refuse(self, error: BaseException) -> None:
        """End a connection before its first stream: it has a session and is not wanted. Nobody hears of its end."""
        self.is_closed = True
        self.session.abort(str(error))
        self._scope.done()
        self._gone.set_result(None)

    def lost(self, error: BaseException) -> None:
        """End all that is on the connection: what carried it is gone."""
        if self.is_closed:
            return
        self.is_closed = True
        self._negotiations.close()
        self.session.abort(str(error))
        self._scope.done()
        if not self._gone.done():
            self._gone.set_result(None)
        self._context.closed(self, str(error))

    async def close(self, reason: str = "closed on our side") -> None:
        """Say goodbye, end all streams, and wait until the connection is gone, a second at most."""
        if not self.is_closed:
            self.session.close()
            self._carrier.close(reason)
        await asyncio.shield(self._gone)

    def abort(self, error: BaseException) -> None:
        """End the connection at once; nothing more is sent."""
        self._carrier.abort(error)
