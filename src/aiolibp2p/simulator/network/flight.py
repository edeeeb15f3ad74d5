"""What a stream socket has on its way, and what has come back. Pure; sizes in bytes, times in seconds."""

from __future__ import annotations

from collections import deque

from aiolibp2p.simulator.network.congestion import CongestionWindow


class Flight:
    """Counts bytes out, and in again once the peer's word for them is due."""

    def __init__(self) -> None:
        self.bytes = 0
        self.rtt_s: float | None = None
        """The smallest round trip seen."""
        self.window = CongestionWindow()
        self._due: deque[tuple[float, int]] = deque()

    def takes(self, size: int) -> bool:
        """Whether a segment may leave now; one always may."""
        return not self.bytes or self.bytes + size <= self.window.bytes

    @property
    def kernel_room(self) -> int:
        """What the simulated kernel takes from a writer: it holds two windows, on their way and before it."""
        return int(max(0.0, 2 * self.window.bytes - self.bytes))

    def note_rtt(self, rtt_s: float) -> None:
        """A round trip was seen."""
        self.rtt_s = rtt_s if self.rtt_s is None else min(self.rtt_s, rtt_s)

    def acknowledge(self, at: float, size: int) -> None:
        """The peer took so much, and its word will be here at that time."""
        self._due.append((at, size))

    def next_due(self) -> float | None:
        """When its next word comes, as far as it is on its way."""
        return self._due[0][0] if self._due else None

    def collect(self, now: float) -> None:
        """Count what has come back by now."""
        while self._due and self._due[0][0] <= now:
            _at, size = self._due.popleft()
            self.bytes -= size
            self.window.acknowledged(size)

    def clear(self) -> None:
        """Nothing comes back any more."""
        self._due.clear()
