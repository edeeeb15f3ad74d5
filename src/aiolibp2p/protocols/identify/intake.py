"""Which pushes are taken in: so many at once, and not too often; the rest is refused with a reason."""

from __future__ import annotations

from aiolibp2p.errors import StreamCode
from aiolibp2p.limits.push_rates import PushLimiter, PushRates


class PushIntake:
    """Pushes being read: at most `at_once`, and no more often than the rates say."""

    def __init__(self, at_once: int, rates: PushRates) -> None:
        self._at_once = at_once
        self._limiter = PushLimiter(rates)
        self._under_way = 0

    def admit(self, ip: str | None, now: float) -> StreamCode | None:
        """None when one more from this IP address is taken (say `done` after it), else the code to refuse it with.

        One too many costs its network no token.
        """
        if self._under_way >= self._at_once:
            return StreamCode.LIMIT_EXCEEDED
        if not self._limiter.allow(ip, now):
            return StreamCode.RATE_LIMITED
        self._under_way += 1
        return None

    def done(self) -> None:
        """One that was taken has been read, or has failed."""
        self._under_way -= 1
