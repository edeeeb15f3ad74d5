"""Connections: raw ones carry bytes, capable ones are secured and muxed, muxed ones have streams by protocol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

if TYPE_CHECKING:
    import asyncio

    from aiolibp2p.abc.muxer import MuxerSession, StreamAcceptor
    from aiolibp2p.abc.stream import Stream
    from aiolibp2p.peer.keys import PublicKey


class RawReceiver(Protocol):
    """Whoever takes a raw connection's bytes: the driver. Never raises for what a peer sent."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go; `buffer_updated` follows before anybody else asks for a buffer."""
        ...

    def buffer_updated(self, nbytes: int) -> None:
        """`nbytes` bytes were written into the buffer."""
        ...

    def data_received(self, data: ByteString) -> None:
        """Bytes that came in a buffer of their own; not kept after the call."""
        ...

    def eof_received(self) -> None:
        """The peer will send no more."""
        ...

    def connection_lost(self, error: BaseException | None) -> None:
        """The connection is gone; called exactly once, last."""
        ...

    def pause_writing(self) -> None:
        """The transport holds more unsent bytes than it wants to."""
        ...

    def resume_writing(self) -> None:
        """It has caught up."""
        ...


class RawConnection(Protocol):
    """A reliable stream of bytes, neither secured nor muxed: what TCP and its like yield."""

    local_address: Multiaddr
    remote_address: Multiaddr

    def start(self, receiver: RawReceiver) -> None:
        """Deliver to `receiver` from now on."""
        ...

    def write(self, data: ByteString) -> None:
        """Send without waiting. The connection owns the buffer from now on, and says when it has too many."""
        ...

    def unsent(self) -> int:
        """Bytes that were written and not yet taken by the operating system. At 0 it holds no buffer of ours."""
        ...

    def rtt(self) -> float | None:
        """The smallest round trip that the operating system has seen on it, in seconds; None when it does not say."""
        ...

    def pause_reading(self) -> None:
        """Deliver nothing for a while; what was read already still comes. Idempotent."""
        ...

    def resume_reading(self) -> None:
        """Go on delivering. Idempotent."""
        ...

    def close(self) -> None:
        """Send what is left, then end. `connection_lost` follows."""
        ...

    def abort(self) -> None:
        """End at once. `connection_lost` follows."""
        ...


class Flow(Protocol):
    """A connection's side of backpressure."""

    @property
    def full(self) -> bool:
        """It holds more than it wants to: nothing of a stream should be written now."""
        ...

    async def drain(self, waiter: asyncio.Future[None]) -> None:
        """Wait until it is not full, or until somebody else sets `waiter`. Raises ConnectionLost when it has ended."""
        ...


class CapableConnection(ABC):
    """Secured, muxed, its peer proven: an upgraded raw connection, or what QUIC and its like yield.

    The swarm puts streams and their negotiation on it. A base class, so that the swarm can tell it from a raw one.
    """

    local_address: Multiaddr
    remote_address: Multiaddr
    remote_peer: PeerId
    remote_key: PublicKey
    security: str
    """Protocol id of the security in use."""
    muxer: str
    """Protocol id of the muxer in use."""
    early_muxer: bool
    """The muxer was agreed inside the security handshake, or comes with the transport."""
    flow: Flow

    @abstractmethod
    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> MuxerSession:
        """A session for its streams; nothing came before. `on_lost` is called once, last, with the reason."""

    @abstractmethod
    def open(self) -> None:
        """Deliver from now on: the acceptor knows its session."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """End in peace, after what is pending has left."""

    @abstractmethod
    def abort(self, error: BaseException) -> None:
        """End at once; nothing more is sent."""


class MuxedConnection(Protocol):
    """A connection as hosts and services see it: streams are opened on it by protocol."""

    local_address: Multiaddr
    remote_address: Multiaddr
    local_peer: PeerId
    remote_peer: PeerId
    is_outbound: bool
    """We are its initiator: we dialled it, unless both sides did and it was settled otherwise."""
    is_closed: bool

    @property
    def security(self) -> str:
        """Protocol id of the security in use."""
        ...

    @property
    def muxer(self) -> str:
        """Protocol id of the muxer in use."""
        ...

    @property
    def early_muxer(self) -> bool:
        """The muxer was agreed inside the security handshake."""
        ...

    @property
    def rtt(self) -> float | None:
        """Smallest round trip seen, in seconds; None before the first."""
        ...

    @property
    def stream_count(self) -> int:
        """Streams open at the moment."""
        ...

    async def open_stream(self, protocols: Sequence[str], wait: bool = True) -> Stream:
        """Open a stream for the first of `protocols` the peer takes.

        Without `wait` this returns at once: the proposal leaves with the first bytes written, and a refusal
        raises ProtocolNotSupported at the first read. Raises ProtocolNotSupported, ConnectionLost.
        """
        ...

    async def close(self, reason: str = "closed") -> None:
        """Say goodbye, end all streams, wait until it is gone (bounded)."""
        ...
