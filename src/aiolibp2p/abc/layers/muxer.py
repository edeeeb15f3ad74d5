"""Muxers: protocols that put many streams on one secured connection (yamux, mplex)."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.machine import ByteString


class MuxerWire(Protocol):
    """Where a session's bytes go: the sending half of the driver."""

    @property
    def full(self) -> bool:
        """The transport holds more than it wants to; nothing of a stream should be written now."""
        ...

    def request_flush(self) -> None:
        """Call `MuxerSession.flush` once, at the end of this tick."""
        ...

    def send(self, plaintext: ByteString) -> None:
        """Seal these bytes and hand them to the transport now. They are not kept."""
        ...

    def send_with_header(self, header: bytes, payload: memoryview) -> None:
        """The same for `header` followed by `payload`, without joining them first."""
        ...

    def pause_reading(self) -> None:
        """Read nothing for a while: for muxers without windows. What was read already still comes."""
        ...

    def resume_reading(self) -> None:
        """Read on."""
        ...

    def rtt(self) -> float | None:
        """The smallest round trip of the path itself, in seconds, whatever waits in queues; None when unknown."""
        ...


class MuxerSession(Protocol):
    """One connection's streams. Pure: bytes in by `receive_data`, bytes out through its `MuxerWire`."""

    @property
    def closed(self) -> bool:
        """No stream can be opened any more: closed by us, by the peer (GoAway), or by an error."""
        ...

    @property
    def stream_count(self) -> int:
        """Streams open at the moment, both directions."""
        ...

    @property
    def rtt(self) -> float | None:
        """The smallest round trip measured, in seconds; None before the first."""
        ...

    def receive_data(self, data: bytes) -> None:
        """Take plaintext, cut anywhere; sinks are told synchronously.

        Raises ProtocolViolation when the peer broke the protocol: the farewell is queued, every stream
        is reset, and the connection must end after a flush.
        """
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

    def flush(self) -> None:
        """Hand all pending bytes to the wire."""
        ...

    def drained(self) -> None:
        """The transport has caught up: what we owed the peer is with it."""
        ...

    def close(self, code: int = 0) -> None:
        """Say goodbye (GoAway): no new streams either way; live ones may finish."""
        ...

    def abort(self, reason: str) -> None:
        """The connection is gone: reset every stream, with this reason."""
        ...

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout` next, in `Runtime.now` seconds; None for never."""
        ...

    def handle_timeout(self, now: float) -> None:
        """Keep-alive and lingering streams. Raises ConnectionLost when the peer stopped answering."""
        ...


class Muxer(Protocol):
    """One muxer protocol; stateless, shared by all connections of a host."""

    protocol_id: str

    def start(self, role: Role, acceptor: StreamAcceptor, wire: MuxerWire) -> MuxerSession:
        """A session over a secured connection; the initiator of the connection takes the odd ids."""
        ...
