"""The runtime of a simulated node: virtual clocks that may be wrong, and random bits that come from a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

EPOCH_S = 1_767_225_600.0
"""What the wall clock says when a simulation begins: the first second of 2026, UTC."""


def seeded_random(seed: int, *names: str) -> random.Random:
    """A source of random numbers of its own for whatever `names` name, the same in every process."""
    material = "\0".join((str(seed), *names)).encode()
    return random.Random(int.from_bytes(hashlib.sha256(material).digest()))


class SimulatedRuntime:
    """Implements `abc.runtime.Runtime`. `true_time` is the loop's; `skew` sets the node's own clocks apart from it."""

    def __init__(self, true_time: Callable[[], float], source: random.Random, epoch_s: float = EPOCH_S) -> None:
        self.entropy: Callable[[int], bytes] = source.randbytes
        self._true_time = true_time
        self._epoch_s = epoch_s
        self._rate = 1.0
        self._base_true_s = self._base_s = true_time()
        self._wall_offset_s = 0.0

    def now(self) -> float:
        """Monotonic seconds of this node's clock."""
        return self._base_s + (self._true_time() - self._base_true_s) * self._rate

    def wall(self) -> float:
        """Unix seconds of this node's clock."""
        return self._epoch_s + self._wall_offset_s + self.now()

    def skew(self, wall_offset_s: float = 0.0, rate: float = 1.0) -> None:
        """From now on the wall clock is off by so much, and both clocks run at `rate` of the true time.

        The monotonic clock goes on from where it is.
        """
        self._base_s, self._base_true_s = self.now(), self._true_time()
        self._rate, self._wall_offset_s = rate, wall_offset_s
