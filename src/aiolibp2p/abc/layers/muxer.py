"""Muxers: protocols that put many streams on one secured connection (yamux, mplex)."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSession
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope


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
        """The transport has caught up: what we owed the peer is with it."""
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

    def start(self, role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope = NULL_SCOPE) -> MuxerSession:
        """A session over a secured connection; the initiator of the connection takes the odd ids.

        The session reserves what its sinks hold unread on `scope`, before it hands it over, and releases what was read
        or dropped. Bytes that the scope refuses are dropped, and their stream is reset, both ways, with
        StreamCode.LIMIT_EXCEEDED. How many streams a peer may have is the acceptor's to say.
        """
        ...
