"""What all scopes of a host hold at one moment: plain numbers, and a text to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from aiolibp2p.resource_manager.lean_stream import LeanStream
from aiolibp2p.resource_manager.limits import TreeLimits
from aiolibp2p.resource_manager.scopes import CountedConnection, CountedService, CountedStream
from aiolibp2p.wire.printable import printable

MAX_ROWS = 20
"""Scopes of one kind that a report shows, the fullest first: a screen holds them all."""

MAX_NAME_LENGTH = 160
"""The longest name in a report, in characters: room for an address and a peer id; a protocol id from a peer is cut."""


@dataclass(frozen=True)
class Usage:
    """What one scope and those below it hold: bytes of memory, and counts of the rest."""

    memory: int = 0
    inbound_streams: int = 0
    outbound_streams: int = 0
    handlers: int = 0
    inbound_connections: int = 0
    outbound_connections: int = 0
    descriptors: int = 0


@dataclass(frozen=True)
class ResourceStatistics:
    """What a host holds at one moment, by scope. Only scopes that hold something are named."""

    system: Usage = Usage()
    """The whole host."""
    transient: Usage = Usage()
    """Connections whose peer is not proven yet, and streams whose protocol is not settled yet."""
    peers: Mapping[str, Usage] = field(default_factory=dict)
    """What each peer holds, by its id as text: connections and all on them."""
    connections: Mapping[str, Usage] = field(default_factory=dict)
    """What each connection and its streams hold, by number, address and peer."""
    protocols: Mapping[str, Usage] = field(default_factory=dict)
    """What each protocol holds, by its id: streams of all peers."""
    services: Mapping[str, Usage] = field(default_factory=dict)
    """What each service holds, by its name: streams of all peers, and what it reserved for itself."""


def gather(connections: Iterable[CountedConnection], services: Iterable[CountedService]) -> ResourceStatistics:
    """Add up what these scopes and the streams of the connections hold."""
    system, transient = _Sum(), _Sum()
    of_peers: dict[str, _Sum] = {}
    of_connections: dict[str, _Sum] = {}
    of_protocols: dict[str, _Sum] = {}
    of_services: dict[str, _Sum] = {}
    for connection in connections:
        peer = connection.name.peer
        above = [system, of_connections.setdefault(str(connection.name), _Sum())]
        above.append(transient if peer is None else of_peers.setdefault(str(peer), _Sum()))
        for total in above if not connection.is_done else ():
            total.connection(connection)
        for stream in connection.streams:
            sums = list(above)
            if stream.protocol_id is None:
                sums.append(transient)
            else:
                sums.append(of_protocols.setdefault(stream.protocol_id, _Sum()))
            if stream.service is not None:
                sums.append(of_services.setdefault(stream.service, _Sum()))
            for total in sums:
                total.stream(stream)
    for service in services:
        for total in (system, of_services.setdefault(service.name, _Sum())):
            total.memory += service.held
    return ResourceStatistics(
        system.usage(),
        transient.usage(),
        *[
            {name: total.usage() for name, total in sums.items()}
            for sums in (of_peers, of_connections, of_protocols, of_services)
        ],
    )


class _Sum:
    """Numbers of a `Usage` while they are added up."""

    def __init__(self) -> None:
        self.memory = 0
        self._streams = [0, 0]
        self._connections = [0, 0]
        self._handlers = 0
        self._descriptors = 0

    def connection(self, connection: CountedConnection) -> None:
        self.memory += connection.held
        self._connections[connection.inbound] += 1
        self._descriptors += connection.uses_fd

    def stream(self, stream: CountedStream | LeanStream) -> None:
        self.memory += stream.held
        self._streams[stream.inbound] += 1
        self._handlers += stream.inbound and stream.protocol_id is not None

    def usage(self) -> Usage:
        return Usage(
            self.memory,
            self._streams[True],
            self._streams[False],
            self._handlers,
            self._connections[True],
            self._connections[False],
            self._descriptors,
        )


def as_text(statistics: ResourceStatistics, limits: TreeLimits) -> str:
    """A report: the limits of each kind of scope, then a line for each scope, the fullest first."""
    lines = [f"limits of {field.name}: {text}" for field in fields(limits) if (text := _limits(limits, field.name))]
    lines += [f"{name}: {_text(getattr(statistics, name))}" for name in ("system", "transient")]
    for kind in ("peers", "connections", "protocols", "services"):
        held: Mapping[str, Usage] = getattr(statistics, kind)
        if not held:
            continue
        lines.append(f"{kind}:")
        fullest = sorted(held.items(), key=lambda item: (-item[1].memory, -_count(item[1]), item[0]))
        lines += [f"  {printable(name, MAX_NAME_LENGTH)}: {_text(usage)}" for name, usage in fullest[:MAX_ROWS]]
        if len(held) > MAX_ROWS:
            lines.append(f"  and {len(held) - MAX_ROWS} more")
    return "\n".join(lines)


def _limits(limits: TreeLimits, kind: str) -> str:
    scope = getattr(limits, kind)
    named = [(field.name, getattr(scope, field.name)) for field in fields(scope) if field.name != "options"]
    return ", ".join(f"{most} {_words(name)}" for name, most in named if most is not None)


def _text(usage: Usage) -> str:
    held = [(field.name, getattr(usage, field.name)) for field in fields(usage)]
    return ", ".join(f"{n} {_words(name)}" for name, n in held if n) or "nothing"


def _words(name: str) -> str:
    return "bytes of memory" if name == "memory" else name.replace("_", " ")


def _count(usage: Usage) -> int:
    return usage.inbound_streams + usage.outbound_streams + usage.inbound_connections + usage.outbound_connections
