"""The context of a service: all that it may use of its host, and what ends with the service by itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from aiolibp2p.abc.host import Host, OfferedOn
from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.meter import Meter
from aiolibp2p.abc.services.resources import Scope
from aiolibp2p.abc.services.tags import Tags
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.abc.stream import MuxedConnection, StreamHandler
from aiolibp2p.events import PeerIdentified
from aiolibp2p.multiformats.multiaddr import Multiaddr

ContractT = TypeVar("ContractT")


@dataclass(frozen=True)
class StreamLimits:
    """How many streams of one protocol are served at once; past it a stream is reset with "limit exceeded"."""

    total: int | None = None
    """Of all peers together; None for no limit."""
    per_peer: int | None = None
    """Of one peer; None for no limit."""


class Handle(Protocol):
    """Something that a context made and that can be ended before its service is."""

    def close(self) -> None:
        """End it. Idempotent."""
        ...


class ServiceContext(Protocol):
    """What a service is started with. Handlers, watchers, tasks and timers made through it end with the service.

    What is asked for after that is not made: nothing is served, told, run or called, and the handle is a closed one.
    """

    @property
    def host(self) -> Host:
        """The host that runs the service."""
        ...

    @property
    def runtime(self) -> Runtime:
        """The host's clock and randomness."""
        ...

    @property
    def peerstore(self) -> Peerstore:
        """What the host remembers of peers."""
        ...

    @property
    def scope(self) -> Scope:
        """Where the service reserves memory of its own."""
        ...

    @property
    def meter(self) -> Meter:
        """Where the service counts its decisions."""
        ...

    @property
    def tags(self) -> Tags:
        """What the service thinks of peers, for whoever trims connections."""
        ...

    def handle(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        offered_on: OfferedOn | None = None,
        limits: StreamLimits | None = None,
    ) -> Handle:
        """Serve a protocol, as `Host.set_stream_handler` does, within `limits`. Raises ConfigError for a bad id."""
        ...

    def watch(self, watcher: Watcher) -> Handle:
        """Tell the watcher of connections, those that stand first, and of all that follows."""
        ...

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> Handle:
        """Run a task; closing the handle cancels it. An exception in it is logged once. Raises LimitExceeded past
        10,000 tasks of one service."""
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        """Call `callback` once at `when`, in `Runtime.now` seconds."""
        ...

    def find(self, contract: Callable[..., ContractT]) -> ContractT | None:
        """The first service that provides `contract`, a class such as `PeerRouting`; None when the host runs none."""
        ...

    def identified(self, connection: MuxedConnection, told: PeerIdentified, observed: Multiaddr | None = None) -> None:
        """Tell watchers (see `Watcher.peer_identified`) and then subscribers that a peer has said who it is."""
        ...
