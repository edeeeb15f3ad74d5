"""How much a stream socket may have on its way: slow start, then one segment more a round trip; half after a loss."""

from __future__ import annotations

SEGMENT_BYTES = 1460
INITIAL_WINDOW_BYTES = 10 * SEGMENT_BYTES
RECEIVE_WINDOW_BYTES = 6 * 1024 * 1024
"""What the other side takes before somebody reads it, as Linux grows it."""


class CongestionWindow:
    """Pure; sizes in bytes, times in seconds."""

    def __init__(self) -> None:
        self.bytes = float(INITIAL_WINDOW_BYTES)
        self._threshold = float(RECEIVE_WINDOW_BYTES)
        self._reduced_at = -1.0

    def acknowledged(self, n: int) -> None:
        """So many bytes arrived."""
        grown = n if self.bytes < self._threshold else SEGMENT_BYTES * n / self.bytes
        self.bytes = min(self.bytes + grown, float(RECEIVE_WINDOW_BYTES))

    def lost(self, now: float, rtt_s: float) -> None:
        """A segment was lost; several in one round trip count once."""
        if now - self._reduced_at < rtt_s:
            return
        self._reduced_at = now
        self._threshold = max(self.bytes / 2, 2.0 * SEGMENT_BYTES)
        self.bytes = self._threshold

    def collapse(self) -> None:
        """Nothing got through for a while: begin again."""
        self._threshold = max(self.bytes / 2, 2.0 * SEGMENT_BYTES)
        self.bytes = float(INITIAL_WINDOW_BYTES)
