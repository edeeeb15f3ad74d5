"""What the streams of one connection hold unread, and what of it is reserved on the connection's scope. Pure."""

from __future__ import annotations

from aiolibp2p.abc.services.resources import Scope
from aiolibp2p.errors import LimitExceeded

STEP_BYTES = 64 * 1024
"""Bytes that are reserved at once, so that neither a frame nor a read costs a call of the scope: as much as a cipher
frame holds, and a quarter of what go's yamux reserves for each stream before a byte has come."""

SPARE_BYTES = 2 * STEP_BYTES
"""Bytes that may stay reserved beyond what is unread: what comes in steps and is read at once must not call the scope
for each step."""


class UnreadBytes:
    """Unread bytes of one session: `reserved` covers them, with `spare` bytes to spare.

    On the way of a byte a session does the sums itself, to save a call: it takes from `spare` what came, and calls
    `reserve` when that leaves less than nothing; it adds what was read, and calls `shrink` when that makes more than
    SPARE_BYTES.
    """

    __slots__ = ("_scope", "reserved", "spare")

    def __init__(self, scope: Scope) -> None:
        self.reserved = 0
        """`reserved`: bytes reserved on the scope."""
        self.spare = 0
        """`spare`: bytes reserved and not needed; below zero, those that came and are not reserved yet."""
        self._scope = scope

    @property
    def total(self) -> int:
        """Bytes that came and nobody has read."""
        return self.reserved - self.spare

    def reserve(self) -> LimitExceeded | None:
        """Reserve for what came; return the scope's refusal if it has no room, and then what came must be dropped."""
        missing = -self.spare
        n = max(STEP_BYTES, missing)
        try:
            self._scope.reserve(n)
        except LimitExceeded as error:
            if missing == n:
                return error.with_traceback(None)
            # There is no room for a whole step: the last bytes below the limit are had one by one.
            try:
                self._scope.reserve(n := missing)
            except LimitExceeded as refusal:
                return refusal.with_traceback(None)
        self.reserved += n
        self.spare += n
        return None

    def shrink(self) -> None:
        """Give back what is reserved for more than one step from now."""
        n = self.spare - STEP_BYTES
        if n > 0:
            self.reserved -= n
            self.spare = STEP_BYTES
            self._scope.release(n)

    def release(self, n: int) -> None:
        """Count `n` unread bytes as dropped or read."""
        self.spare += n
        if self.spare > SPARE_BYTES:
            self.shrink()

    def release_all(self) -> None:
        """Give all back: no stream is open any more."""
        reserved = self.reserved
        self.reserved = self.spare = 0
        if reserved:
            self._scope.release(reserved)
