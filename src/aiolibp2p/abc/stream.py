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
        """The protocol both sides agreed on (or that we proposed, until the peer's answer is read)."""
        ...

    @property
    def remote_peer(self) -> PeerId:
        """Who is at the other end."""
        ...

    @property
    def connection(self) -> MuxedConnection:
        """The connection that carries it."""
        ...

    async def read(self, n: int = -1) -> bytes:
        """At least one and at most `n` bytes; b"" at the end. Without `n`: everything to the end.

        Raises LimitExceeded when reading to the end passes `ConnectionConfig.max_read_bytes`.
        """
        ...

    async def read_exactly(self, n: int) -> bytes:
        """Exactly `n` bytes. Raises IncompleteRead when the peer closes before."""
        ...

    async def read_message(self, max_bytes: int = 4 * 1024 * 1024) -> bytes:
        """One varint length-delimited message. Raises IncompleteRead at the end, ProtocolViolation past the limit."""
        ...

    async def write(self, data: ByteString) -> None:
        """Send all of `data`; waits for the peer's window (backpressure). The buffer may be reused afterwards."""
        ...

    async def write_message(self, message: ByteString) -> None:
        """Send one varint length-delimited message."""
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
        """A reader and writer for code written against asyncio's streams."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks as they come, to the end."""
        ...

    async def __aenter__(self) -> Stream: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True)
class ConnectionLimits:
    """What a connection may carry before whoever relays it ends it."""

    max_bytes: int | None = None
    """Bytes in each direction; None for no limit."""
    max_s: float | None = None
    """Seconds from its beginning; None for no limit."""


class MuxedConnection(Protocol):
    """A connection as hosts and services see it: streams are opened on it by protocol."""

    local_address: Multiaddr
    remote_address: Multiaddr
    local_peer: PeerId
    remote_peer: PeerId
    is_outbound: bool
    """We are its initiator: we dialled it, unless both sides did and it was settled otherwise."""
    is_closed: bool
    limits: ConnectionLimits | None
    """What it may carry in all, if it is relayed; None for no limits."""

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

    async def open_stream(self, protocols: Sequence[str], wait: bool = True, allow_limited: bool = False) -> Stream:
        """Open a stream for the first of `protocols` the peer takes.

        Without `wait` this returns at once: the proposal leaves with the first bytes written, and a refusal
        raises ProtocolNotSupported at the first read. Raises ProtocolNotSupported, ConnectionLost; LimitedConnection
        when the connection has `limits` and the caller does not `allow_limited`; LimitExceeded past a host's limit.
        """
        ...

    async def close(self, reason: str = "closed") -> None:
        """Say goodbye, end all streams, wait until it is gone (bounded)."""
        ...


StreamHandler: TypeAlias = Callable[[Stream], Awaitable[None]]
"""What serves a protocol. An exception resets the stream and is logged once; returning closes it."""
