"""A stream: what its session pushes in, readers take out. Implements `abc.stream.Stream` and `StreamSink`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol

from aiolibp2p.abc.layers.carrier import Flow
from aiolibp2p.abc.layers.muxer import MuxerSession
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import (
    IncompleteRead,
    LimitExceeded,
    RemoteError,
    StreamBusy,
    StreamClosed,
    StreamReset,
    fresh,
)
from aiolibp2p.io.streams import open_asyncio_streams
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.stream.inbox import Inbox
from aiolibp2p.swarm.stream.negotiation import Negotiation
from aiolibp2p.swarm.stream.outlet import Outlet
from aiolibp2p.wire.framing import PREFIX_BYTES, parse_prefix

CHUNK_BYTES = 64 * 1024
"""What iterating over a stream reads at once, at most."""


class StreamOwner(MuxedConnection, Protocol):
    """What a stream needs of its connection."""

    session: MuxerSession
    max_read_bytes: int

    @property
    def flow(self) -> Flow:
        """Whether to write now."""
        ...

    def agreed(self, stream: Stream) -> None:
        """The protocol is settled."""
        ...

    def takes_early_fin(self) -> bool:
        """The peer is known to take a FIN before it has answered our proposal (js is not)."""
        ...

    def ended(self, stream: Stream) -> None:
        """The stream is dead before its protocol was settled."""
        ...

    def over(self, stream: Stream) -> None:
        """The stream is closed both ways, or dead, after its protocol was settled."""
        ...


class Stream:
    """See `abc.stream.Stream`. Its connection makes it; both directions negotiate by the same machine contract."""

    __slots__ = (
        "_eof",
        "_error",
        "_in_use",
        "_inbox",
        "_loop",
        "_negotiation",
        "_outlet",
        "_owner",
        "_reader",
        "_session",
        "inbound",
        "protocol_id",
        "stream_id",
    )

    def __init__(self, owner: StreamOwner, negotiation: Negotiation) -> None:
        self.inbound = negotiation.inbound
        self.protocol_id, self.stream_id = "", 0
        self._owner = owner
        self._session = owner.session
        self._loop = asyncio.get_running_loop()
        self._negotiation: Negotiation | None = negotiation
        self._inbox = Inbox()
        self._eof = self._in_use = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._outlet = Outlet(owner.session, owner.flow)

    def __repr__(self) -> str:
        state = "closed" if self._error else "open"
        return f"<Stream {self.stream_id} {self.protocol_id or 'unnegotiated'} with {self.remote_peer} ({state})>"

    @property
    def remote_peer(self) -> PeerId:
        """Who is at the other end."""
        return self._owner.remote_peer

    @property
    def connection(self) -> MuxedConnection:
        """The connection that carries it."""
        return self._owner

    # Negotiation

    def open(self, stream_id: int) -> None:
        """The session gave the stream its id."""
        self.stream_id = self._outlet.stream_id = stream_id

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
        """Bytes came."""
        if self._negotiation is not None and not (chunk := self._negotiate(self._negotiation, chunk)):
            return
        self._inbox.put(chunk)
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    def eof_received(self) -> None:
        """The peer will send no more."""
        if self._negotiation is not None:
            try:
                self._negotiation.receive_eof()
            except RemoteError as error:
                self.fail(error)
                return
        self._eof = True
        self._wake_reader()
        self._tell_if_over()

    def reset_received(self, code: int, reason: str) -> None:
        """The stream is dead."""
        self._end(StreamReset(reason, code))

    def credit_received(self) -> None:
        """The peer's window has room."""
        self._outlet.wake()

    def _end(self, error: Exception) -> None:
        if self._error is None:
            self._error = self._outlet.error = error
        if not self._eof:
            # With the peer's FIN in hand what it sent is complete, and stays readable.
            self._inbox.clear()
        negotiation, self._negotiation = self._negotiation, None
        if negotiation is not None:
            negotiation.end()
            self._owner.ended(self)
        self._wake_reader()
        self._outlet.wake()
        self._tell_if_over()

    def _tell_if_over(self) -> None:
        if self._in_use and (self._error is not None or (self._eof and self._outlet.closed)):
            self._in_use = False
            self._owner.over(self)

    def _wake_reader(self) -> None:
        reader = self._reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    # Reading

    async def read(self, n: int = -1) -> bytes:
        """At least one and at most `n` bytes, b"" at the end; without `n`, everything to the end."""
        if n < 0:
            return await self._read_to_end()
        if self._reader is not None:
            raise StreamBusy("another task is reading this stream")
        inbox = self._inbox
        while not inbox.available:
            if self._eof or not n:
                return b""
            await self._readable()
        taken = inbox.take(n)
        self._session.consumed(self.stream_id, inbox.settle(len(taken)))
        return taken

    async def read_exactly(self, n: int) -> bytes:
        """Exactly `n` bytes. Raises IncompleteRead when the peer closes before; cancelling loses nothing."""
        if not await self._available_up_to(n):
            raise IncompleteRead(self._take_all(self._inbox.available), n)
        return self._take_all(n)

    async def read_message(self, max_bytes: int = 4 * 1024 * 1024) -> bytes:
        """One varint length-delimited message of at most `max_bytes`; cancelling loses nothing."""
        wanted = 1
        while await self._available_up_to(wanted):
            bounds = parse_prefix(self._inbox.peek(PREFIX_BYTES), max_bytes)
            if bounds is None:
                wanted = self._inbox.available + 1
                continue
            start, wanted = bounds
            if self._inbox.available >= wanted:
                return self._take_all(wanted)[start:]
        raise IncompleteRead(self._take_all(self._inbox.available), wanted)

    async def _read_to_end(self) -> bytes:
        parts: list[bytes] = []
        limit = left = self._owner.max_read_bytes
        while chunk := await self.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise LimitExceeded(f"read() to the end passed max_read_bytes ({limit}); read in pieces or raise it")
            parts.append(chunk)
        return b"".join(parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks as they come, to the end."""
        while chunk := await self.read(CHUNK_BYTES):
            yield chunk

    async def _readable(self) -> None:
        if self._error is not None:
            raise fresh(self._error)
        reader = self._reader = self._loop.create_future()
        try:
            await reader
        finally:
            self._reader = None

    async def _available_up_to(self, n: int) -> bool:
        """Wait until `n` bytes are here; False when the peer's FIN came before."""
        if self._reader is not None:
            raise StreamBusy("another task is reading this stream")
        if n > self._owner.max_read_bytes:
            raise LimitExceeded(f"{n} bytes at once are more than max_read_bytes ({self._owner.max_read_bytes})")
        inbox = self._inbox
        while inbox.available < n:
            if self._eof:
                return False
            if n > CHUNK_BYTES:
                # Or a piece larger than the window would never arrive.
                self._session.consumed(self.stream_id, inbox.settle_early())
            await self._readable()
        return True

    def _take_all(self, n: int) -> bytes:
        taken = self._inbox.take_exactly(n)
        self._session.consumed(self.stream_id, self._inbox.settle(n))
        return taken

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
        """Send one varint length-delimited message."""
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
        self._tell_if_over()

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
        """Its handler failed."""
        self.reset()

    def fail(self, error: Exception, code: int = 0) -> None:
        """Reset the stream; whoever uses it gets `error`."""
        if self._error is None:
            self._session.reset_stream(self.stream_id, code)
        self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Nobody will read what is left; of a stream that was dead already the session still counts it."""
        if self._inbox.settle_early():
            self._session.stop_reading(self.stream_id)
        self._eof = False
        self._end(error)

    def as_asyncio(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A reader and writer for code written against asyncio's streams; do not use this object beside them."""
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
