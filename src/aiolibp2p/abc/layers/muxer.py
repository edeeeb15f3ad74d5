"""Muxers: protocols that put many streams on one secured connection (yamux, mplex)."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSession
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope


class MuxerWire(Protocol):
    """The way on which a session's bytes leave: the sending half of the driver."""

    full: bool
    """Whether the transport holds more than it wants to: nothing of a stream should be written now."""

    def request_flush(self) -> None:
        """Have `MuxerSession.flush` called once, at the end of this turn of the event loop."""
        ...

    def send(self, plaintext: ByteString) -> None:
        """Seal these bytes and hand them to the transport now. They are not kept."""
        ...

    def send_with_header(self, header: bytes, payload: memoryview) -> None:
        """Seal `header` followed by `payload`, without joining them first, and hand them to the transport now."""
        ...

    def pause_reading(self) -> None:
        """Have nothing more read from the peer: for muxers without windows. What was read already still comes."""
        ...

    def resume_reading(self) -> None:
        """Have what the peer sends read again."""
        ...

    def rtt(self) -> float | None:
        """Return the smallest round trip of the path itself, in seconds, without any queue; None when unknown."""
        ...

    def timeout_changed(self) -> None:
        """`MuxerSession.next_timeout` has come nearer."""
        ...


class MuxerSession(StreamSession, Protocol):
    """The streams of one upgraded connection. Pure: bytes in by `receive_data`, bytes out through its `MuxerWire`."""

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

    def flush(self) -> None:
        """Hand all pending bytes to the wire."""
        ...

    def drained(self) -> None:
        """Say that the transport has caught up: whatever was written before is with the peer."""
        ...

    def next_timeout(self) -> float | None:
        """Return when to call `handle_timeout` next, in `Runtime.now` seconds; None for never."""
        ...

    def handle_timeout(self, now: float) -> None:
        """Keep the connection alive, end streams that linger. Raises ConnectionLost when the peer stopped answering."""
        ...


class Muxer(Protocol):
    """One muxer protocol, without state, shared by all connections of a host."""

    protocol_id: str

    def start(self, role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope = NULL_SCOPE) -> MuxerSession:
        """A session over a secured connection; the initiator of the connection takes the odd ids.

        The session reserves what its sinks hold unread on `scope`, before it hands it over, and releases what was read
        or dropped. Bytes that the scope refuses are dropped, and their stream is reset, both ways, with
        StreamCode.LIMIT_EXCEEDED. How many streams a peer may have is the acceptor's to say.
        """
        ...
