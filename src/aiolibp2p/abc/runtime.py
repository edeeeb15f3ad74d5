"""Time and randomness: the only two things the package takes from the world unasked."""

from __future__ import annotations

from typing import Protocol


class Runtime(Protocol):
    """The clock and the random bits of one host (`HostConfig.runtime`). Timers, records and ids use nothing else."""

    def now(self) -> float:
        """Return the seconds since an arbitrary start, which never go back."""
        ...

    def wall(self) -> float:
        """Return the seconds since the Unix epoch."""
        ...

    def entropy(self, n: int) -> bytes:
        """Return `n` random bytes that are fit for keys."""
        ...
