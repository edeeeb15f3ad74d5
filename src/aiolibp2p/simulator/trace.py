"""The trace of a run, as a running hash: two runs are the same when their traces are."""

from __future__ import annotations

import hashlib
from collections import deque

KEPT_EVENTS = 200
"""The last events that are kept as text, which a failure prints."""


class Trace:
    """Every event of a run in order, hashed; the last of them kept as text."""

    def __init__(self, kept: int = KEPT_EVENTS) -> None:
        self.count = 0
        self._hash = hashlib.sha256()
        self._last: deque[str] = deque(maxlen=kept)

    def record(self, at_s: float, what: str) -> None:
        """Add an event at this virtual time. `what` is one line, the same in every run of the seed."""
        line = f"{at_s!r} {what}"
        self.count += 1
        self._hash.update(line.encode())
        self._hash.update(b"\n")
        self._last.append(line)

    @property
    def sha256(self) -> str:
        """Return the hash of all events so far, in hex."""
        return self._hash.hexdigest()

    @property
    def last(self) -> list[str]:
        """Return the last events, oldest first."""
        return list(self._last)
