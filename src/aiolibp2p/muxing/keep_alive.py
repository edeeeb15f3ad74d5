"""Pings of one session: is the peer still there, and how far away? Pure."""

from __future__ import annotations

from aiolibp2p.errors import ConnectionLost


class KeepAlive:
    """Decides when to ping.

    The first ping rides with the first stream, while the path is idle: later the
    answer would wait in queues, and the round trip would measure them.
    """

    __slots__ = ("_interval_s", "_opaque", "_pong_timeout_s", "_sent_at", "due_at", "heard", "rtt")

    def __init__(self, interval_s: float, pong_timeout_s: float, now: float) -> None:
        self.rtt: float | None = None
        self.heard = True
        """`heard`: bytes came since the last `check`."""
        self.due_at = now + interval_s
        self._interval_s = interval_s
        self._pong_timeout_s = pong_timeout_s
        self._opaque = 0
        self._sent_at: float | None = None

    @property
    def has_pinged(self) -> bool:
        """Whether a ping was ever sent."""
        return self._opaque > 0

    def ping(self, now: float) -> int:
        """Note that a ping leaves now; return the opaque value it carries."""
        self._opaque += 1
        self._sent_at = now
        return self._opaque

    def pong(self, opaque: int, now: float) -> None:
        """Take the answer to a ping; one we did not ask for is ignored."""
        if opaque == self._opaque and self._sent_at is not None:
            rtt = now - self._sent_at
            self._sent_at = None
            self.rtt = rtt if self.rtt is None else min(rtt, self.rtt)

    def check(self, now: float) -> bool:
        """Return whether to ping now. Raises ConnectionLost when the last ping was not answered and nothing came."""
        if now < self.due_at:
            return False
        if self.heard:
            self.heard = False
            self.due_at = now + self._interval_s
            return False
        if self._sent_at is not None:
            raise ConnectionLost(f"the peer fell silent: no answer to a ping within {self._pong_timeout_s:g} s")
        self.due_at = now + self._pong_timeout_s
        return True
