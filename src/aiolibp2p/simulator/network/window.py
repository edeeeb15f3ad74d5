"""The window of a sender: slow start, then half after a loss and a segment more each round trip."""

from __future__ import annotations

from collections import deque

INITIAL_BYTES = 14_600
"""The window at the start, in bytes: ten segments (RFC 6928)."""
LEAST_BYTES = 2 * 1460
"""The smallest window after a loss, in bytes: two segments (RFC 5681)."""
SEGMENT_BYTES = 1460
"""The bytes that the window grows by each round trip: one segment of an Ethernet."""
RECEIVE_WINDOW_BYTES = 6 << 20
"""The receive window, in bytes: the largest that Linux grows to by default (tcp_rmem)."""


class SendWindow:
    """How much a stream may have in flight. Positions are bytes since the stream began."""

    def __init__(self) -> None:
        self.size: float = INITIAL_BYTES
        self.acked = 0
        """The position up to which all has been received, as far as the sender has heard."""
        self._sent = 0
        self._unread = 0
        self._threshold: float = RECEIVE_WINDOW_BYTES
        self._acks: deque[tuple[float, int, int]] = deque()
        self._shrunk_s = -1.0

    @property
    def in_flight(self) -> int:
        """The bytes that are sent and not acknowledged."""
        return self._sent - self.acked

    @property
    def is_open(self) -> bool:
        """Whether another segment may leave."""
        in_flight = self._sent - self.acked
        return in_flight < self.size and in_flight + self._unread < RECEIVE_WINDOW_BYTES

    @property
    def next_ack_s(self) -> float | None:
        """The time at which the next acknowledgement is heard."""
        return self._acks[0][0] if self._acks else None

    def sent(self, end: int) -> None:
        """Note that all up to `end` has been sent."""
        self._sent = max(self._sent, end)

    def note_ack(self, at_s: float, end: int, unread: int) -> None:
        """Note that an acknowledgement is on its way."""
        if self._acks and self._acks[-1][0] > at_s:
            at_s = self._acks[-1][0]
        self._acks.append((at_s, end, unread))

    def take_acks(self, now: float) -> bool:
        """Hear the acknowledgements that have come by now; return whether any of them was new."""
        acks, before = self._acks, self.acked
        while acks and acks[0][0] <= now:
            _, end, self._unread = acks.popleft()
            if end > self.acked:
                self._grow(end - self.acked)
                self.acked = end
        if self._sent < self.acked:
            self._sent = self.acked
        return self.acked > before

    def _grow(self, newly: int) -> None:
        if self._sent - self.acked < self.size / 2:
            return  # Not the window held it back.
        if self.size < self._threshold:
            self.size = min(self.size + newly, 2.0 * RECEIVE_WINDOW_BYTES)
        else:
            self.size += SEGMENT_BYTES * newly / self.size

    def shrink(self, now: float, rtt_s: float | None) -> None:
        """Halve the window after a loss, at most once a round trip."""
        if now < self._shrunk_s:
            return
        self._shrunk_s = now + (rtt_s or 0.0)
        self.size = self._threshold = max(LEAST_BYTES, self.size / 2)

    def start_over(self, sent: int | None) -> None:
        """Start slowly again after a silence, up to half of the last window; all from `sent` on is sent again."""
        self._threshold = max(LEAST_BYTES, self.size / 2)
        self.size = INITIAL_BYTES
        if sent is not None:
            self._sent = max(sent, self.acked)
