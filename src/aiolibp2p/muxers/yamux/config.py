"""The limits of a yamux session, and which of them make sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiolibp2p.errors import ConfigError
from aiolibp2p.muxers.yamux import frames
from aiolibp2p.muxers.yamux.window import MAX_WINDOW_BYTES

LEAST: Mapping[str, float] = {
    "max_window_bytes": frames.INITIAL_WINDOW_BYTES,
    "max_unacknowledged": 1,
    "max_lingering_streams": 1,
    "max_owed_bytes": frames.HEADER_BYTES,
    "max_owed_pongs": 1,
    "keep_alive_s": 0.001,
    "pong_timeout_s": 0.001,
    "linger_s": 0,
}
"""What the fields of `YamuxConfig` must be at least: a smaller window would break a promise of the spec."""


@dataclass(frozen=True)
class YamuxConfig:
    """Limits of one session; sizes in bytes, times in seconds."""

    max_window_bytes: int = MAX_WINDOW_BYTES
    """The most that a peer may send on one stream before it is read."""
    max_unacknowledged: int = 256
    """Streams we opened that the peer has not answered yet (the spec's ACK backlog)."""
    max_lingering_streams: int = 1000
    """Streams that we are done with and the peer has not ended. Past it new ones of the peer's are refused: as many as
    go and js let it open at all. Those in use are limited by the connection's scope."""
    max_owed_bytes: int = 64 * 1024
    """Answers that wait for a peer that does not read: thousands of frames. Past it the connection ends."""
    max_owed_pongs: int = 32
    """Answers to pings that wait for a peer that does not read, as in go; past it the connection ends."""
    keep_alive_s: float = 30.0
    """Seconds of silence after which the peer is pinged, as in go."""
    pong_timeout_s: float = 10.0
    """Seconds that a pinged peer has to say anything, as go gives a write; past it the connection is lost."""
    linger_s: float = 60.0
    """How long a stream that nobody reads any more waits for the peer's FIN before it is reset."""

    def __post_init__(self) -> None:
        """Raises ConfigError for a limit that makes no sense."""
        for name, least in LEAST.items():
            value = getattr(self, name)
            if not value >= least:
                raise ConfigError(f"YamuxConfig: {name} must be at least {least}, not {value}")
        if self.max_window_bytes > frames.MAX_U32:
            raise ConfigError(f"YamuxConfig: max_window_bytes must be at most {frames.MAX_U32}: it travels in 32 bits")
