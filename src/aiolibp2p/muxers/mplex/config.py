"""The limits of an mplex session, and which of them make sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiolibp2p.errors import ConfigError

LEAST: Mapping[str, float] = {
    "max_unread_stream_bytes": 1,
    "max_lingering_streams": 1,
    "max_dropped_bytes": 0,
    "max_owed_bytes": 1,
    "stall_timeout_s": 0,
    "linger_s": 0,
}
"""What the fields of `MplexConfig` must be at least."""


@dataclass(frozen=True)
class MplexConfig:
    """Limits of one session; sizes in bytes, times in seconds."""

    max_unread_stream_bytes: int = 1024 * 1024
    """Received and not yet read by one stream; past it the connection is read no further."""
    stall_timeout_s: float = 5.0
    """How long a reader may hold up the connection before its stream is reset, as in go."""
    max_lingering_streams: int = 1000
    """Streams that we are done with and the peer has not closed. Past it new ones of the peer's are refused: as many as
    go and js let it open at all. Those in use are limited by the connection's scope."""
    max_dropped_bytes: int = 256 * 1024
    """What may come for a stream that nobody reads any more before it is reset."""
    max_owed_bytes: int = 64 * 1024
    """Answers that wait for a peer that does not read; past it the connection ends."""
    linger_s: float = 60.0
    """How long a stream we closed waits for the peer's close before it is reset."""

    def __post_init__(self) -> None:
        """Raises ConfigError for a limit that makes no sense."""
        for name, least in LEAST.items():
            value = getattr(self, name)
            if not value >= least:
                raise ConfigError(f"MplexConfig: {name} must be at least {least}, not {value}")
