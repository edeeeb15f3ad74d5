"""A stream: what its session pushes in, readers take out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Protocol

from aiolibp2p.abc.layers.carrier import Flow
from aiolibp2p.abc.layers.streams import StreamSession
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import NULL_SCOPE, StreamScope
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import RemoteError, StreamBusy, StreamClosed, StreamReset, fresh
from aiolibp2p.io.streams import open_asyncio_streams
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.stream.inlet import CHUNK_BYTES, Inlet
from aiolibp2p.swarm.stream.negotiation import Negotiation
from aiolibp2p.swarm.stream.outlet import Outlet


class StreamOwner(MuxedConnection, Protocol):
    """A connection as its streams need it."""

    session: StreamSession
    max_read_bytes: int

    @property
    def flow(self) -> Flow:
        """The backpressure of the connection, asked before each write."""
        ...

    def agreed(self, stream: Stream) -> None:
        """Hear that the protocol of a stream is settled."""
        ...

    def takes_early_fin(self) -> bool:
        """Return whether the peer is known to take a FIN before it has answered our proposal (js is not)."""
        ...

    def negotiation_failed(self, stream: Stream) -> None:
        """Hear that a stream is dead before its protocol was settled."""
        ...

    def stream_finished(self, stream: Stream) -> None:
        """Hear that a stream is closed both ways, or dead, after its protocol was settled."""
        ...


class Stream:
    """One stream: `abc.stream.Stream` for its users, a `StreamSink` for its session. Its connection makes it."""

    __slots__ = (
        "_error",
        "_in_use",
        "_inlet",
        "_negotiation",
        "_outlet",
        "_owner",
        "_session",
        "inbound",
        "protocol_id",
        "scope",
        "stream_id",
    )

    def __init__(self, owner: StreamOwner, negotiation: Negotiation, scope: StreamScope = NULL_SCOPE) -> None:
        self.scope = scope
        self.inbound = negotiation.inbound
        self.protocol_id, self.stream_id = "", 0
        self._owner = owner
        self._session = owner.session
        self._negotiation: Negotiation | None = negotiation
        self._in_use = False
        """Whether the protocol is settled and the stream not finished: `stream_finished` is still to be called."""
        self._error: Exception | None = None
        self._inlet = Inlet(owner.session, owner.max_read_bytes)
        self._outlet = Outlet(owner.session, owner.flow)

    def __repr__(self) -> str:
        state = "closed" if self._error else "open"
        return f"<Stream {self.stream_id} {self.protocol_id or 'unnegotiated'} with {self.remote_peer} ({state})>"

    @property
    def remote_peer(self) -> PeerId:
        """The peer at the other end."""
        return self._owner.remote_peer

    @property
    def connection(self) -> MuxedConnection:
        """The connection that carries the stream."""
        return self._owner

    # Negotiation

    def open(self, stream_id: int) -> None:
        """Take the id that the session gave the stream."""
        self.stream_id = self._inlet.stream_id = self._outlet.stream_id = stream_id

    def propose(self, stream_id: int, protocol_id: str) -> None:
        """Send the initiator's proposal; it leaves with what is written in the same tick."""
        self.open(stream_id)
        self.protocol_id = protocol_id
        if self._negotiation is not None:
            self._session.write(stream_id, self._negotiation.propose())

    async def negotiated(self) -> None:
        """Wait until the protocol is settled. Raises ProtocolNotSupported, StreamReset, NegotiationFailed."""
        if self._negotiation is not None:
            await self._negotiation.wait()
        if self._error is not None:
            raise fresh(self._error)

    def _negotiate(self, negotiation: Negotiation, chunk: ByteString) -> ByteString:
        session, stream_id = self._session, self.stream_id
        try:
            output = negotiation.receive_data(chunk)
        except RemoteError as error:
            self.fail(error)
            return b""
        if output.to_send:
            session.write(stream_id, output.to_send)
        rest = output.trailing
        session.consumed(stream_id, len(chunk) - len(rest))
        if output.events:
            self.protocol_id = output.events[0].protocol_id
            self._negotiation, self._in_use = None, True
            negotiation.end()
            self._owner.agreed(self)
        return rest

    # The muxer's side

    def data_received(self, chunk: ByteString) -> None:
        """Take bytes, in a chunk that is ours now."""
        if self._negotiation is not None and not (chunk := self._negotiate(self._negotiation, chunk)):
            return
        inlet = self._inlet
        inlet.inbox.put(chunk)
        reader = inlet.reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    def eof_received(self) -> None:
        """Hear that the peer will send no more."""
        if self._negotiation is not None:
            try:
                self._negotiation.receive_eof()
            except RemoteError as error:
                self.fail(error)
                return
        self._inlet.eof = True
        self._inlet.wake()
        self._tell_if_finished()

    def reset_received(self, code: int, reason: str) -> None:
        """Hear that the stream is dead both ways."""
        self._end(StreamReset(reason, code))

    def credit_received(self) -> None:
        """Hear that the peer's window has room."""
        self._outlet.wake()

    def _end(self, error: Exception) -> None:
        """End a stream that is dead: by a reset, by our own close, with its connection. All of these come by here.

        A stream that finishes in peace, with a FIN each way, comes by `_tell_if_finished` alone, and may still come
        here when it is closed afterwards. Its owner is told once: `negotiation_failed` or `stream_finished`.
        """
        inlet = self._inlet
        if self._error is None:
            self._error = inlet.error = self._outlet.error = error
        if not inlet.eof:
            # With the peer's FIN in hand what it sent is complete, and stays readable.
            inlet.inbox.clear()
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.end()
            self._owner.negotiation_failed(self)
        inlet.wake()
        self._outlet.wake()
        self._tell_if_finished()

    def _tell_if_finished(self) -> None:
        if self._in_use and (self._error is not None or (self._inlet.eof and self._outlet.closed)):
            self._in_use = False
            self._owner.stream_finished(self)

    # Reading

    # Coroutines handed on, not awaited here: that would cost each read one more frame.

    def read(self, n: int = -1) -> Coroutine[Any, Any, bytes]:
        """Return at least one and at most `n` bytes, b"" at the end; without `n`, everything to the end."""
        return self._inlet.read(n)

    def read_exactly(self, n: int) -> Coroutine[Any, Any, bytes]:
        """Return exactly `n` bytes. Raises IncompleteRead when the peer closes before; cancelling loses nothing."""
        return self._inlet.read_exactly(n)

    def read_message(self, max_bytes: int = 4 * 1024 * 1024) -> Coroutine[Any, Any, bytes]:
        """Return one message that comes behind its length, of at most `max_bytes`; cancelling loses nothing."""
        return self._inlet.read_message(max_bytes)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield chunks of bytes as they come, to the end."""
        while chunk := await self._inlet.read(CHUNK_BYTES):
            yield chunk

    # Writing

    async def write(self, data: ByteString) -> None:
        """Send all of `data`; waits while the peer's window or the transport is full."""
        try:
            await self._outlet.write(data)
        except asyncio.CancelledError:
            if self._outlet.is_torn:
                self.reset()
            raise

    async def write_message(self, message: ByteString) -> None:
        """Send one message behind its length as a varint."""
        await self.write(varint.encode(len(message)) + message)

    # Ends

    async def close_write(self) -> None:
        """Tell the peer that no more will come from us. Idempotent."""
        if self._outlet.closed or self._error is not None:
            return
        if self._outlet.is_busy:
            raise StreamBusy("another task is writing to this stream")
        self._outlet.closed = True
        if self._negotiation is not None and not self.inbound and not self._owner.takes_early_fin():
            try:
                await self.negotiated()
            except asyncio.CancelledError:
                self._outlet.closed = False
                raise
        self._session.close_write(self.stream_id)
        self._tell_if_finished()

    async def close(self) -> None:
        """Close both ways: what was written still arrives, what comes is dropped. Idempotent."""
        with suppress(RemoteError, StreamClosed):
            await self.close_write()
        if self._error is None:
            self._session.stop_reading(self.stream_id)
        self._give_up(StreamClosed("the stream was closed on our side"))

    def reset(self, code: int = 0) -> None:
        """Abandon the stream at once, both ways. Idempotent."""
        self.fail(StreamClosed("the stream was reset on our side"), code)

    def abandon(self, error: BaseException) -> None:
        """Reset the stream because its handler has failed."""
        self.reset()

    def fail(self, error: Exception, code: int = 0) -> None:
        """Reset the stream; whoever uses it gets `error`."""
        if self._error is None:
            self._session.reset_stream(self.stream_id, code)
        self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """End the stream and drop what nobody will read; the session still counts it, even of a dead stream."""
        if self._inlet.inbox.settle_early():
            self._session.stop_reading(self.stream_id)
        self._inlet.eof = False
        self._end(error)

    def as_asyncio(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a reader and writer for code written against asyncio's streams; do not use this object beside them."""
        return open_asyncio_streams(self)

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.reset()
            return
        try:
            await self.close()
        except BaseException:
            self.reset()
            raise
