"""Streams of a secured connection, between the session that moves their bytes and whoever uses them.

The session owns windows and ids. The sink at its other end (`swarm.stream.Stream`) owns the received chunks and whoever
waits for them. Everything between them is a direct, synchronous call.
"""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.machine import ByteString


class StreamSink(Protocol):
    """The receiving end of one stream: a session tells it what the peer did."""

    def data_received(self, chunk: ByteString) -> None:
        """Take bytes. The sink owns the chunk, and calls `MuxerSession.consumed` once a reader has taken them."""
        ...

    def eof_received(self) -> None:
        """Hear that the peer will send no more on this stream."""
        ...

    def reset_received(self, code: int, reason: str) -> None:
        """Hear that the stream is dead both ways: the peer reset it, or its connection ended (`reason`, in words)."""
        ...

    def credit_received(self) -> None:
        """Hear that `MuxerSession.write` may take bytes again, after it took fewer than it was given."""
        ...


class StreamAcceptor(Protocol):
    """The connection that a session serves: it takes the peer's streams, and hears how the session fares."""

    def accept(self, stream_id: int) -> StreamSink | None:
        """The peer opened a stream. None refuses it: the session resets it with StreamCode.LIMIT_EXCEEDED."""
        ...

    def room_for_streams(self) -> None:
        """`open_stream` would not raise LimitExceeded any more (or the session has ended)."""
        ...

    def goodbye_received(self, code: int) -> None:
        """The peer takes no new streams and will open none; live ones may finish."""
        ...

    def idle(self) -> None:
        """Hear that the last stream is gone."""
        ...


class StreamSession(Protocol):
    """The streams of one carrier: whoever put the streams on it opens, writes, reads and ends them here."""

    @property
    def closed(self) -> bool:
        """No stream can be opened any more: closed by us, by the peer (GoAway), or by an error."""
        ...

    @property
    def stream_count(self) -> int:
        """Streams open at the moment, both directions."""
        ...

    def open_stream(self, sink: StreamSink) -> int:
        """Open a stream; its id. Nothing is sent before its first bytes.

        Raises LimitExceeded while too many of our streams are unanswered, ConnectionLost when closed.
        """
        ...

    def write(self, stream_id: int, data: ByteString) -> int:
        """Take as many bytes as the peer's window allows; how many were taken."""
        ...

    def consumed(self, stream_id: int, n: int) -> None:
        """A reader took `n` bytes: the peer may send as many more."""
        ...

    def close_write(self, stream_id: int) -> None:
        """Send FIN: no more bytes from us. Idempotent."""
        ...

    def stop_reading(self, stream_id: int) -> None:
        """Nobody will read any more: drop what comes, up to a window, then reset the stream."""
        ...

    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        """Send RST, forget the stream. Its sink is not told. Idempotent."""
        ...

    def close(self, code: int = 0) -> None:
        """Say goodbye (GoAway): no new streams either way; live ones may finish."""
        ...

    def abort(self, reason: str) -> None:
        """The connection is gone: reset every stream, with this reason."""
        ...
