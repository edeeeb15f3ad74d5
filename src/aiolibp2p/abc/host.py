"""What a service sees of its host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.stream import MuxedConnection, Stream, StreamHandler
from aiolibp2p.events import Event
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId

Target: TypeAlias = PeerId | Multiaddr | str | Sequence[Multiaddr | str]
"""A peer id, a multiaddr, either as text, or several addresses of one peer."""

Scope: TypeAlias = Callable[[MuxedConnection], bool]
"""Whether a protocol is offered on a connection. Quick, without side effects: it is asked for each stream."""

EventT = TypeVar("EventT", bound=Event)


class Host(Protocol):
    """The part of `aiolibp2p.Host` that services may rely on."""

    @property
    def peer_id(self) -> PeerId: ...

    @property
    def private_key(self) -> PrivateKey: ...

    @property
    def addresses(self) -> list[Multiaddr]:
        """Dialable addresses, wildcards expanded, each ending in /p2p/<our id>; those peers see us at come last."""
        ...

    @property
    def protocols(self) -> list[str]:
        """Protocol ids that have a handler, sorted; on whichever connections they are offered."""
        ...

    def protocols_on(self, connection: MuxedConnection) -> list[str]:
        """Those offered on this connection, sorted."""
        ...

    @property
    def peerstore(self) -> Peerstore: ...

    @property
    def runtime(self) -> Runtime: ...

    def connections(self, peer: PeerId | None = None) -> list[MuxedConnection]:
        """Live connections, oldest first; of one peer, or of all."""
        ...

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run a task that ends with the host; an exception in it is logged once."""
        ...

    def set_stream_handler(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        scope: Scope | None = None,
    ) -> None: ...

    def remove_stream_handler(self, protocol_id: str) -> None: ...

    def emit(self, event: Event) -> None:
        """Announce to every subscriber; never waits."""
        ...

    def events(self, *kinds: type[EventT]) -> AsyncIterator[EventT]:
        """Subscribe (at the call) to these kinds of events."""
        ...

    async def connect(self, target: Target) -> MuxedConnection: ...

    async def new_stream(self, target: Target, *protocol_ids: str) -> Stream: ...

    async def new_stream_on(self, connection: MuxedConnection, *protocol_ids: str) -> Stream:
        """As `new_stream`, on this very connection."""
        ...
