"""What the streams of one connection hold unread, and what of it is reserved on the connection's scope. Pure."""

from __future__ import annotations

from aiolibp2p.abc.services.resources import Scope
from aiolibp2p.errors import LimitExceeded

STEP_BYTES = 64 * 1024
"""Reserved at once, so that neither a frame nor a read costs a call of the scope: as much as a cipher frame holds, and
a quarter of what go's yamux reserves for each stream before a byte has come."""

SPARE_BYTES = 2 * STEP_BYTES
"""So much more than is unread may stay reserved: what comes in steps and is read at once must not call the scope for
each step."""


class UnreadBytes:
    """`total` bytes are unread, and at least as many are `reserved`.

    On the way of a byte a session does the sums itself, to spare a call: it adds to `total` what came, and calls
    `reserve` when that passes `reserved`; it takes away what was read, and calls `shrink` when that leaves less than
    `least`.
    """

    __slots__ = ("_scope", "least", "reserved", "total")

    def __init__(self, scope: Scope) -> None:
        self.total = 0
        self.reserved = 0
        self.least = -SPARE_BYTES
        """While fewer bytes are unread, too many are reserved."""
        self._scope = scope

    def reserve(self) -> LimitExceeded | None:
        """Reserve for what came. The scope's refusal if it has no room: then what came must be dropped."""
        missing = self.total - self.reserved
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
        self._keep(self.reserved + n)
        return None

    def shrink(self) -> None:
        """Give back what is reserved for more than one step from now."""
        spare = self.reserved - self.total - STEP_BYTES
        if spare > 0:
            self._keep(self.reserved - spare)
            self._scope.release(spare)

    def release(self, n: int) -> None:
        """`n` unread bytes were dropped or read."""
        self.total -= n
        if self.total < self.least:
            self.shrink()

    def release_all(self) -> None:
        """Nothing is held any more: no stream is open."""
        self.total = 0
        reserved = self.reserved
        if reserved:
            self._keep(0)
            self._scope.release(reserved)

    def _keep(self, reserved: int) -> None:
        self.reserved = reserved
        self.least = reserved - SPARE_BYTES
