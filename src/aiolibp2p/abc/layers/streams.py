"""Streams of a secured connection, between the session that moves their bytes and whoever uses them.

The session owns windows and ids. The sink at its other end (`swarm.stream.Stream`) owns the received chunks and whoever
waits for them. Everything between them is a direct, synchronous call.
"""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.machine import ByteString


class StreamSink(Protocol):
    """What a session tells one stream."""

    def data_received(self, chunk: ByteString) -> None:
        """Bytes came. The sink owns the chunk; it says `consumed` once a reader has taken them."""
        ...

    def eof_received(self) -> None:
        """The peer will send no more on this stream."""
        ...

    def reset_received(self, code: int, reason: str) -> None:
        """The stream is dead both ways: the peer reset it, or its connection ended (`reason`, in words)."""
        ...

    def credit_received(self) -> None:
        """`write` may accept bytes again."""
        ...


class StreamAcceptor(Protocol):
    """What a session tells the connection it serves."""

    def accept(self, stream_id: int) -> StreamSink | None:
        """The peer opened a stream; None refuses it, and the session resets it."""
        ...

    def capacity(self) -> None:
        """`open_stream` would not raise LimitExceeded any more (or the session has ended)."""
        ...

    def said_goodbye(self, code: int) -> None:
        """The peer takes no new streams and will open none; live ones may finish."""
        ...

    def idle(self) -> None:
        """The last stream is gone."""
        ...

    def timeout_changed(self) -> None:
        """`next_timeout` has come nearer."""
        ...
