"""What the parts of the swarm are tested with: counts that are written down, carriers without bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.layers.carrier import Carrier
from aiolibp2p.abc.layers.muxer import MuxerSession
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.services.resources import ConnectionScope, StreamScope
from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.events import Event
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.multistream import HEADER, encode_message
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection, ConnectionConfig, ConnectionContext
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.gates import Gates

US, THEM, OTHER = (PrivateKey.generate("ed25519") for _ in range(3))
HERE, THERE = Multiaddr("/ip4/10.0.0.1/tcp/1"), Multiaddr("/ip4/10.0.0.2/tcp/2")
ECHO = "/echo/1.0.0"


class LoopRuntime:
    """The clock of the running loop, which may be a virtual one."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return self.now()

    def entropy(self, n: int) -> bytes:
        return bytes(range(n))


@dataclass
class Ledger:
    """A host's resources that write down every call, and refuse those they are told to."""

    calls: list[str] = field(default_factory=list)
    refuses: tuple[str, ...] = ()
    max_half_open: int | None = None
    """Connections from outside that may be open at once, as if none of them ever proved its peer."""
    opened: int = 0
    done: Counter[int] = field(default_factory=Counter)

    def open_connection(self, inbound: bool, remote: Multiaddr | None, uses_fd: bool = True) -> ConnectionScope:
        self.note(f"connection {'from' if inbound else 'to'} {remote}")
        if inbound and self.max_half_open is not None and self.held() >= self.max_half_open:
            raise LimitExceeded("too many are half open", "transient")
        return LedgerScope(self)

    def service_scope(self, name: str) -> ConnectionScope:
        raise NotImplementedError

    def note(self, call: str) -> None:
        self.calls.append(call)
        if any(call.startswith(refused) for refused in self.refuses):
            raise LimitExceeded(f"no more: {call}")

    @property
    def is_balanced(self) -> bool:
        """Every scope that was opened is done, once."""
        return list(self.done.values()) == [1] * self.opened

    def held(self) -> int:
        """Scopes that are not done."""
        return self.opened - len(self.done)


class LedgerScope:
    """A connection's or a stream's scope."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._number = ledger.opened
        ledger.opened += 1

    def reserve(self, n: int, priority: int = 255) -> None:
        self._ledger.note(f"reserve {n}")

    def release(self, n: int) -> None:
        self._ledger.note(f"release {n}")

    def done(self) -> None:
        self._ledger.done[self._number] += 1

    def set_peer(self, peer: PeerId) -> None:
        self._ledger.note(f"peer {peer}")

    def open_stream(self, inbound: bool) -> StreamScope:
        self._ledger.note(f"stream {'in' if inbound else 'out'}")
        return LedgerScope(self._ledger)

    def set_protocol(self, protocol_id: str) -> None:
        self._ledger.note(f"protocol {protocol_id}")

    def set_service(self, name: str) -> None:
        self._ledger.note(f"service {name}")


class FakeSession:
    """A muxer session, as much of it as connections and streams use; what they tell it is written down."""

    def __init__(self) -> None:
        self.closed = False
        self.rtt: float | None = None
        self.is_full = False
        self.sinks: dict[int, StreamSink] = {}
        self.written: dict[int, bytes] = {}
        self.resets: list[tuple[int, int]] = []
        self.aborted = ""
        self._next = 1

    @property
    def stream_count(self) -> int:
        return len(self.sinks)

    def open_stream(self, sink: StreamSink) -> int:
        if self.is_full:
            raise LimitExceeded("too many streams are unanswered")
        self._next += 2
        self.sinks[self._next] = sink
        return self._next

    def write(self, stream_id: int, data: bytes) -> int:
        self.written[stream_id] = self.written.get(stream_id, b"") + bytes(data)
        return len(data)

    def consumed(self, stream_id: int, n: int) -> None: ...

    def close_write(self, stream_id: int) -> None: ...

    def stop_reading(self, stream_id: int) -> None: ...

    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        self.resets.append((stream_id, code))
        self.sinks.pop(stream_id, None)

    def close(self, code: int = 0) -> None:
        self.closed = True

    def abort(self, reason: str) -> None:
        self.closed, self.aborted = True, reason
        sinks, self.sinks = self.sinks, {}
        for sink in sinks.values():
            sink.reset_received(0, reason)


class FakeCarrier(Carrier):
    """A carrier over nothing. `early` is called when it opens, as the peer's first bytes."""

    local_address, remote_address = HERE, THERE
    security, muxer, early_muxer = "/fake/1.0.0", "/fake/1.0.0", True
    rtt = None

    def __init__(self, key: PrivateKey = THEM, limits: ConnectionLimits | None = None, ends: bool = True) -> None:
        self.remote_key = key.public_key
        self.remote_peer = key.peer_id
        self.limits = limits
        self.session = FakeSession()
        self.flow = cast(Any, None)
        self.early: Callable[[StreamAcceptor], None] | None = None
        self.ended_by: BaseException | str | None = None
        self.is_open = False
        self._acceptor: StreamAcceptor
        self._on_lost: Callable[[BaseException], None] | None = None
        self._ends = ends

    def start(self, acceptor: StreamAcceptor, on_lost: Callable[[BaseException], None]) -> MuxerSession:
        self._acceptor, self._on_lost = acceptor, on_lost
        return cast(MuxerSession, self.session)

    def open(self) -> None:
        self.is_open = True
        if self.early is not None:
            self.early(self._acceptor)

    def close(self, reason: str) -> None:
        self._end(reason)

    def abort(self, error: BaseException) -> None:
        self._end(error)

    def _end(self, reason: BaseException | str) -> None:
        self.ended_by = reason
        if self._ends:
            self.lose(ConnectionError(str(reason)))

    def lose(self, error: BaseException) -> None:
        """The connection below is gone."""
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost(error)


@dataclass
class Bench:
    """A connection's surroundings, and what it told them."""

    handlers: StreamHandlers = field(default_factory=StreamHandlers)
    tasks: Tasks = field(default_factory=Tasks)
    gater: Gater = field(default_factory=Gater)
    config: ConnectionConfig = field(default_factory=ConnectionConfig)
    ledger: Ledger = field(default_factory=Ledger)
    events: list[Event] = field(default_factory=list)
    ended: list[tuple[Connection, str]] = field(default_factory=list)

    @property
    def gates(self) -> Gates:
        return Gates(self.gater)

    def context(self) -> ConnectionContext:
        return ConnectionContext(
            config=self.config,
            runtime=LoopRuntime(),
            tasks=self.tasks,
            handlers=self.handlers,
            local_peer=US.peer_id,
            identified=lambda peer: False,
            closed=lambda connection, reason: self.ended.append((connection, reason)),
            emit=self.events.append,
            wants=lambda kind: True,
        )

    def connection(
        self, carrier: FakeCarrier | None = None, is_outbound: bool = True, scope: ConnectionScope | None = None
    ) -> Connection:
        """Make a connection that stands, on this scope or one of the ledger."""
        scope = scope or self.ledger.open_connection(not is_outbound, THERE)
        connection = Connection(self.context(), carrier or FakeCarrier(), is_outbound, scope)
        connection.start()
        connection.open()
        return connection


def proposal(protocol_id: str = ECHO) -> bytes:
    """What an initiator of a stream says first."""
    return HEADER + encode_message(protocol_id)


def accept(connection: Connection, protocol_id: str | None = ECHO, stream_id: int = 2) -> StreamSink | None:
    """The peer opens a stream, and proposes a protocol on it."""
    sink = connection.accept(stream_id)
    if sink is not None:
        cast(FakeSession, connection.session).sinks[stream_id] = sink
        if protocol_id is not None:
            sink.data_received(proposal(protocol_id))
    return sink


async def turns(count: int = 10) -> None:
    """Let everybody else run for a while."""
    for _ in range(count):
        await asyncio.sleep(0)
