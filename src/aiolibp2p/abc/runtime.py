"""Time and randomness: the only two things the package takes from the world unasked."""

from __future__ import annotations

from typing import Protocol


class Runtime(Protocol):
    """One per host, from `HostConfig.runtime`. Timers, records and ids use nothing else."""

    def now(self) -> float:
        """Monotonic seconds, from an arbitrary start."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def entropy(self, n: int) -> bytes:
        """`n` bytes fit for keys."""
        ...
