"""How much each scope may hold: the options that users set, and the table of all scopes they are turned into. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from aiolibp2p.errors import ConfigError


@dataclass(frozen=True)
class ScopeLimits:
    """The most that one scope may hold; None for no limit."""

    memory: int | None = None
    """Bytes reserved in the scope and all below it."""
    inbound_streams: int | None = None
    """Streams that peers opened."""
    outbound_streams: int | None = None
    """Streams that this host opened."""
    streams: int | None = None
    """Streams of both directions together."""
    handlers: int | None = None
    """Inbound streams whose protocol is settled: each of them keeps a handler running."""
    inbound_connections: int | None = None
    """Connections that peers opened."""
    outbound_connections: int | None = None
    """Connections that this host dialled."""
    connections: int | None = None
    """Connections of both directions together."""
    descriptors: int | None = None
    """File descriptors that connections have to themselves."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The option of `ResourceLimits` that sets a limit, by the limit's name, for the text of a refusal."""


NO_LIMITS = ScopeLimits()
"""The limits of a scope that is only reported, never refused anything."""


@dataclass(frozen=True)
class TreeLimits:
    """The limits of every scope of a host, by kind. A scope without limits costs nothing while bytes flow."""

    system: ScopeLimits = NO_LIMITS
    """The whole host."""
    transient: ScopeLimits = NO_LIMITS
    """Connections whose peer is not proven yet, and streams whose protocol is not settled yet, all together."""
    peer: ScopeLimits = NO_LIMITS
    """Each peer: its connections and all on them."""
    connection: ScopeLimits = NO_LIMITS
    """Each connection and the streams on it."""
    stream: ScopeLimits = NO_LIMITS
    """Each stream, and the bytes that wait in it."""
    protocol: ScopeLimits = NO_LIMITS
    """Each protocol: its streams with all peers."""
    protocol_peer: ScopeLimits = NO_LIMITS
    """Each protocol with each single peer."""
    service: ScopeLimits = NO_LIMITS
    """Each service: its streams with all peers, and what it reserves for itself."""
    service_peer: ScopeLimits = NO_LIMITS
    """Each service with each single peer."""


@dataclass(frozen=True)
class ResourceLimits:
    """What a host lets its connections hold; sizes in bytes."""

    half_open_inbound_connections: int = 128
    """Inbound connections at once whose peer has not proven who it is. A stranger pays one packet for each, we a
    handshake; 128 is what rust negotiates at once, and at 10 s a handshake it still admits 12 silent ones a second."""
    inbound_streams_per_connection: int = 1000
    """Streams a peer has open at once on one connection: what go's and js's yamux allow. A stream costs us a few
    kilobytes, so that one connection cannot hold more than some megabytes by streams alone."""
    handlers_per_connection: int = 1000
    """Handlers that run at once for one connection. As many as it may have streams: a smaller number would refuse
    streams after their negotiation was paid for. They are counted until they return, even when the peer has long
    reset the stream, so that opening and resetting piles up no tasks."""
    unread_bytes_per_connection: int = 16 * 1024 * 1024
    """Received and not yet read, all streams of a connection together: the largest window of one yamux stream in go
    and js, so that a single fast stream is never refused, and a thousand windows do not add up."""
    outbound_streams_per_connection: int | None = None
    """Streams we have open at once on one connection; None for no limit. Our own code opens them, and the peer's
    backlog of unanswered ones (256 in yamux) already makes it wait."""

    def __post_init__(self) -> None:
        """Raises ConfigError for a limit that is no whole number, or below zero."""
        for option in fields(self):
            value = getattr(self, option.name)
            if value is None and option.default is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ConfigError(f"ResourceLimits: {option.name} must be a whole number of at least 0, not {value!r}")

    def tree(self) -> TreeLimits:
        """The limits of each kind of scope that these options stand for."""
        return TreeLimits(
            transient=ScopeLimits(
                inbound_connections=self.half_open_inbound_connections,
                options={"inbound_connections": "half_open_inbound_connections"},
            ),
            connection=ScopeLimits(
                memory=self.unread_bytes_per_connection,
                inbound_streams=self.inbound_streams_per_connection,
                outbound_streams=self.outbound_streams_per_connection,
                handlers=self.handlers_per_connection,
                options={
                    "memory": "unread_bytes_per_connection",
                    "inbound_streams": "inbound_streams_per_connection",
                    "outbound_streams": "outbound_streams_per_connection",
                    "handlers": "handlers_per_connection",
                },
            ),
        )
