"""Streams, which a handler gets and `new_stream` returns, and the connections that carry them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

if TYPE_CHECKING:
    import asyncio


class Stream(Protocol):
    """A reliable, ordered, bidirectional byte stream with backpressure; one reader and one writer at a time.

    Reading and writing raise StreamReset when the peer reset it or the connection ended, StreamClosed after
    our own `reset`, StreamBusy for a second reader or writer. On a stream whose protocol the peer has not
    confirmed yet, the first read raises ProtocolNotSupported if it refuses.
    """

    @property
    def protocol_id(self) -> str:
        """The protocol id that both sides agreed on, or that we proposed, until the peer's answer is read."""
        ...

    @property
    def remote_peer(self) -> PeerId:
        """The peer at the other end."""
        ...

    @property
    def connection(self) -> MuxedConnection:
        """The connection that carries the stream."""
        ...

    async def read(self, n: int = -1) -> bytes:
        """Return at least one and at most `n` bytes; b"" at the end. Without `n`: everything to the end.

        Raises LimitExceeded when reading to the end passes `ConnectionConfig.max_read_bytes`.
        """
        ...

    async def read_exactly(self, n: int) -> bytes:
        """Return exactly `n` bytes. Raises IncompleteRead when the peer closes before."""
        ...

    async def read_message(self, max_bytes: int = 4 * 1024 * 1024) -> bytes:
        """Return one message of at most `max_bytes`, which comes behind its length as a varint.

        Raises IncompleteRead at the end of the stream, ProtocolViolation for a longer message.
        """
        ...

    async def write(self, data: ByteString) -> None:
        """Send all of `data`; waits for the peer's window (backpressure). The buffer may be reused afterwards."""
        ...

    async def write_message(self, message: ByteString) -> None:
        """Send one message behind its length as a varint."""
        ...

    async def close_write(self) -> None:
        """Tell the peer that no more will come from us; reading goes on. Idempotent."""
        ...

    async def close(self) -> None:
        """Close both ways: what was written still arrives, what comes is dropped. Idempotent."""
        ...

    def reset(self, code: int = 0) -> None:
        """Abandon the stream at once, both ways. Idempotent."""
        ...

    def as_asyncio(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a reader and writer for code written against asyncio's streams; do not use this object beside them."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield chunks of bytes as they come, to the end."""
        ...

    async def __aenter__(self) -> Stream: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True)
class ConnectionLimits:
    """The bytes and seconds that a connection may carry and last before its relay ends it."""

    max_bytes: int | None = None
    """Bytes in each direction; None for no limit."""
    max_s: float | None = None
    """Seconds from the beginning of the connection; None for no limit."""


class MuxedConnection(Protocol):
    """A connection as hosts and services see it: streams are opened on it by protocol."""

    local_address: Multiaddr
    remote_address: Multiaddr
    local_peer: PeerId
    remote_peer: PeerId
    is_outbound: bool
    """Whether we are the initiator: we dialled, unless both sides did and it was settled otherwise."""
    is_closed: bool
    limits: ConnectionLimits | None
    """What a relayed connection may carry in all; None for a connection without limits."""

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
        """Whether the muxer was agreed inside the security handshake."""
        ...

    @property
    def rtt(self) -> float | None:
        """The smallest round trip seen, in seconds; None before the first."""
        ...

    @property
    def stream_count(self) -> int:
        """The number of streams that are open at the moment."""
        ...

    async def open_stream(self, protocols: Sequence[str], wait: bool = True, allow_limited: bool = False) -> Stream:
        """Open a stream for the first of `protocols` that the peer takes.

        Without `wait` this returns at once: the proposal leaves with the first bytes written, and a refusal
        raises ProtocolNotSupported at the first read. Raises ProtocolNotSupported, ConnectionLost; LimitedConnection
        when the connection has `limits` and the caller does not `allow_limited`; LimitExceeded past a host's limit.
        """
        ...

    async def close(self, reason: str = "closed") -> None:
        """Say goodbye, end all streams, and wait until the connection is gone, which takes a second or two at most."""
        ...


StreamHandler: TypeAlias = Callable[[Stream], Awaitable[None]]
"""A coroutine function that serves a protocol. When it raises, the stream is reset and the exception logged once;
when it returns, the stream is closed."""
