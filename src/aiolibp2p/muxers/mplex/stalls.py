"""Streams of one mplex session that are given up after a while. Pure."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import MuxerWire
from aiolibp2p.muxers.mplex.config import MplexConfig


class Stalls:
    """Readers that hold up the connection, and streams that nobody reads any more. Times in `Runtime.now` seconds."""

    __slots__ = ("_config", "_wire", "lingering", "stalled")

    def __init__(self, wire: MuxerWire, config: MplexConfig) -> None:
        self._wire = wire
        self._config = config
        self.stalled: dict[int, float] = {}
        """Streams that hold up the connection: when each is given up, soonest first."""
        self.lingering: dict[int, float] = {}
        """Streams nobody reads any more, which wait for the peer's close: when each is given up, soonest first."""

    def stall(self, stream_id: int, now: float) -> None:
        """Read nothing from the wire until the reader of this stream has caught up."""
        if stream_id in self.stalled:
            return
        if not self.stalled:
            self._wire.pause_reading()
        self.stalled[stream_id] = now + self._config.stall_timeout_s
        self._wire.timeout_changed()

    def go_on(self, stream_id: int) -> None:
        """Hold up nobody for this stream any more."""
        if self.stalled.pop(stream_id, None) is not None and not self.stalled:
            self._wire.resume_reading()

    def linger(self, stream_id: int, now: float) -> None:
        """Wait for the peer's close of a stream that nobody reads."""
        self.lingering[stream_id] = now + self._config.linger_s
        self._wire.timeout_changed()

    def next_timeout(self) -> float | None:
        """Return when the first stream is given up; None when none waits."""
        due = [deadline for registry in (self.stalled, self.lingering) for deadline in list(registry.values())[:1]]
        return min(due, default=None)

    def clear(self) -> None:
        """Forget all streams."""
        self.stalled.clear()
        self.lingering.clear()


def expired(deadlines: dict[int, float], now: float) -> list[int]:
    """Return the streams whose deadline has come."""
    return [stream_id for stream_id, deadline in deadlines.items() if deadline <= now]
