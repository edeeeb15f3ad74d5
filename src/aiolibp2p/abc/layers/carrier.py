"""Carriers: connections that are secured and muxed, with their peer proven, ready to carry streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSession
from aiolibp2p.abc.services.resources import NULL_SCOPE, ConnectionScope
from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId

if TYPE_CHECKING:
    import asyncio


class Flow(Protocol):
    """Backpressure of one connection: whether it takes bytes of streams, and how to wait until it does."""

    full: bool
    """Whether the connection holds more unsent bytes than it wants to: nothing of a stream should be written now."""

    async def drain(self, waiter: asyncio.Future[None]) -> None:
        """Wait until `full` is false, or until somebody else sets `waiter`.

        Raises ConnectionLost when the connection has ended.
        """
        ...


class Carrier(ABC):
    """A connection that is secured and muxed, its peer proven: an upgraded raw one, or what QUIC and its like yield.

    The swarm puts streams and their negotiation on it. The carrier owns whatever timer its streams need. It is a base
    class, so that the swarm can tell it from a raw connection.
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
    """Whether the muxer was agreed inside the security handshake, or comes with the transport."""
    flow: Flow
    scope: ConnectionScope = NULL_SCOPE
    """Where the connection's streams and bytes are counted; its transport got it with the dial or the ticket."""
    limits: ConnectionLimits | None = None
    """What a relayed connection may carry in all; None for a connection without limits."""

    @property
    @abstractmethod
    def rtt(self) -> float | None:
        """The smallest round trip seen, in seconds; None before the first."""

    @abstractmethod
    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> StreamSession:
        """A session for its streams; nothing came before. `on_lost` is called once, last, with the reason."""

    @abstractmethod
    def open(self) -> None:
        """Deliver what the peer sends from now on; the acceptor has been told its session by then."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """End the connection in peace, after what is pending has left."""

    @abstractmethod
    def abort(self, error: BaseException) -> None:
        """End at once; what is pending is dropped.

        A carrier over datagrams sends one last packet that says so: its peer would not notice for a long time.
        """
