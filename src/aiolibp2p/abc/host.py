"""The host as a service sees it, and what names the target of a dial."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.stream import MuxedConnection, Stream, StreamHandler
from aiolibp2p.events import Event
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId

Target: TypeAlias = PeerId | Multiaddr | str | Sequence[Multiaddr | str]
"""A peer id, a multiaddr, either as text, or several addresses of one peer."""

OfferedOn: TypeAlias = Callable[[MuxedConnection], bool]
"""Answers whether a protocol is offered on a connection. Quick, without side effects: it is asked for each stream."""

EventT = TypeVar("EventT", bound=Event)


class Host(Protocol):
    """The part of `aiolibp2p.Host` that services may rely on."""

    @property
    def peer_id(self) -> PeerId:
        """The id that the host's key stands for."""
        ...

    @property
    def private_key(self) -> PrivateKey:
        """The host's identity."""
        ...

    @property
    def addresses(self) -> list[Multiaddr]:
        """Dialable addresses, wildcards expanded, each ending in /p2p/<our id>; those peers see us at come last."""
        ...

    @property
    def protocols(self) -> list[str]:
        """Protocol ids that have a handler, sorted; on whichever connections they are offered."""
        ...

    def protocols_on(self, connection: MuxedConnection) -> list[str]:
        """Return the protocol ids that are offered on this connection, sorted."""
        ...

    @property
    def peerstore(self) -> Peerstore:
        """What the host remembers of other peers."""
        ...

    @property
    def runtime(self) -> Runtime:
        """The clock and the randomness in use."""
        ...

    def connections(self, peer: PeerId | None = None) -> list[MuxedConnection]:
        """Return the live connections to one peer, or to all, oldest first."""
        ...

    def set_stream_handler(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        offered_on: OfferedOn | None = None,
    ) -> None:
        """Serve `protocol_id`, and every id that `match` says yes to, with `handler`.

        With `offered_on` only on the connections it says yes to; elsewhere the protocol is refused, and identify does
        not list it. It is asked for each stream; when its answers change, set the handler again with a new one, and
        peers are told. A `match` or `offered_on` that raises is logged and costs that stream alone.

        An exception in the handler resets that stream, is logged once, and touches nothing else; when it returns,
        its stream is closed. Raises ConfigError for an unusable id.
        """
        ...

    def remove_stream_handler(self, protocol_id: str) -> None:
        """Stop serving the protocol. Streams that run go on."""
        ...

    def emit(self, event: Event) -> None:
        """Announce an event to every subscriber; never waits."""
        ...

    def events(self, *kinds: type[EventT]) -> AsyncIterator[EventT]:
        """Subscribe to these kinds of events (all, without any), from this call on.

        A subscriber's queue holds 256 events; past that the oldest go, and `MissedEvents` says how many went.
        """
        ...

    async def connect(self, target: Target, *, allow_limited: bool = False) -> MuxedConnection:
        """Return a connection to the target: one that stands, or a new one.

        One that a relay limits in bytes or time counts as none, unless the caller does `allow_limited`. An address
        without /p2p takes whoever answers. A peer of which no address is known is looked for, if a service provides
        `PeerRouting`. Raises DialFailed naming each address and its reason, FormatError for text that is no address
        or peer id.
        """
        ...

    async def dial(self, request: DialRequest) -> MuxedConnection:
        """Return a connection as the request describes it. Raises DialFailed naming each address and its reason."""
        ...

    async def new_stream(self, target: Target, *protocol_ids: str, allow_limited: bool = False) -> Stream:
        """Open a stream for the first of `protocol_ids` that the peer speaks; connects first if need be.

        One id is proposed along with the first bytes written, without waiting; a refusal then raises
        ProtocolNotSupported at the first read. Several ids are negotiated before this returns, unless identify
        has told what the peer speaks. Over a connection that is limited in bytes or time only with `allow_limited`.
        """
        ...

    async def new_stream_on(
        self, connection: MuxedConnection, *protocol_ids: str, allow_limited: bool = False
    ) -> Stream:
        """Open a stream as `new_stream` does, on this very connection.

        Raises LimitedConnection when the connection has `limits` and the caller does not `allow_limited`.
        """
        ...
