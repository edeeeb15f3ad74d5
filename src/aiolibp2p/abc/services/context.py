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
    """The most streams of one protocol that are served at once; past it a stream is reset with "limit exceeded"."""

    total: int | None = None
    """The most streams of all peers together; None for no limit."""
    per_peer: int | None = None
    """The most streams of one peer; None for no limit."""


class Handle(Protocol):
    """Something that a context made and that can be ended before its service is."""

    def close(self) -> None:
        """End what the handle stands for. Idempotent."""
        ...


class ServiceContext(Protocol):
    """The host as one service may use it. Handlers, watchers, tasks and timers made through it end with the service.

    After that none is made any more: nothing is served, told, run or called, and the handle is a closed one.
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
        """The scope from which the service reserves memory of its own."""
        ...

    @property
    def meter(self) -> Meter:
        """The meter on which the service counts its decisions."""
        ...

    @property
    def tags(self) -> Tags:
        """The worth that the service gives to peers, for whoever trims connections."""
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
        """Run a task; closing the handle cancels it. An exception in it is logged once.

        Raises LimitExceeded past 10,000 tasks of one service.
        """
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        """Call `callback` once at `when`, in `Runtime.now` seconds."""
        ...

    def find(self, contract: Callable[..., ContractT]) -> ContractT | None:
        """Return the first service that provides `contract`, a class such as `PeerRouting`; None when there is none."""
        ...

    def identified(self, connection: MuxedConnection, told: PeerIdentified, observed: Multiaddr | None = None) -> None:
        """Tell watchers (see `Watcher.peer_identified`) and then subscribers that a peer has said who it is."""
        ...
