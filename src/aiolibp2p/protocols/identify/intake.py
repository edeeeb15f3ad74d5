"""The intake of pushes: a bounded number at once, and not too often; the rest is refused with a reason."""

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
        """Return None when one more push from this IP address is taken, else the code to refuse it with.

        Call `done` after each that was taken. One past the limit of pushes at once costs its network no token.
        """
        if self._under_way >= self._at_once:
            return StreamCode.LIMIT_EXCEEDED
        if not self._limiter.allow(ip, now):
            return StreamCode.RATE_LIMITED
        self._under_way += 1
        return None

    def done(self) -> None:
        """Note that a push which was taken has been read, or has failed."""
        self._under_way -= 1
