"""The runtime of a simulated node: virtual clocks that may be wrong, and random bits that come from a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from aiolibp2p.abc.runtime import Runtime

EPOCH_S = 1_767_225_600.0
"""The Unix time, in seconds, at which a simulation begins: the first second of 2026, UTC, so that dates look real."""


def seeded_random(seed: int, *names: str) -> random.Random:
    """Return a source of random numbers that seed and names decide alone: the same in every process."""
    material = "\0".join((str(seed), *names)).encode()
    return random.Random(int.from_bytes(hashlib.sha256(material).digest()))


class SimulatedRuntime(Runtime):
    """Clocks and random bits of one simulated node. `true_time` gives the loop's time, from which `skew` moves them."""

    def __init__(self, true_time: Callable[[], float], source: random.Random, epoch_s: float = EPOCH_S) -> None:
        self._source = source
        self._true_time = true_time
        self._epoch_s = epoch_s
        self._rate = 1.0
        self._base_true_s = self._base_s = true_time()
        self._wall_offset_s = 0.0

    def now(self) -> float:
        return self._base_s + (self._true_time() - self._base_true_s) * self._rate

    def wall(self) -> float:
        return self._epoch_s + self._wall_offset_s + self.now()

    def entropy(self, n: int) -> bytes:
        return self._source.randbytes(n)

    def skew(self, wall_offset_s: float = 0.0, rate: float = 1.0) -> None:
        """Set the wall clock off by `wall_offset_s` seconds, and run both clocks at `rate` of the true time.

        The monotonic clock goes on from where it is.
        """
        self._base_s, self._base_true_s = self.now(), self._true_time()
        self._rate, self._wall_offset_s = rate, wall_offset_s
