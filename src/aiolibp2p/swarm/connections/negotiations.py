"""Deadlines by which the streams of a connection have to settle their protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiolibp2p.errors import NegotiationFailed
from aiolibp2p.swarm.stream import Stream


class Negotiations:
    """The streams of one connection whose protocol is not settled; those that take too long are reset.

    All have the same time, so they end in the order in which they began: one timer serves them all.
    """

    def __init__(self, now: Callable[[], float], timeout_s: float) -> None:
        self._now = now
        self._timeout_s = timeout_s
        self._deadlines: dict[Stream, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: Stream) -> None:
        """Start the time of a stream."""
        self._deadlines[stream] = self._now() + self._timeout_s
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._end_slow_ones)

    def remove(self, stream: Stream) -> None:
        """Forget a stream whose negotiation is over. Idempotent."""
        self._deadlines.pop(stream, None)

    def _end_slow_ones(self) -> None:
        self._timer = None
        now = self._now()
        for stream, deadline in list(self._deadlines.items()):
            if deadline > now:
                self._timer = asyncio.get_running_loop().call_later(deadline - now, self._end_slow_ones)
                return
            self._deadlines.pop(stream, None)
            stream.fail(NegotiationFailed(f"no protocol was agreed upon within {self._timeout_s:g} s"))

    def close(self) -> None:
        """Stop the timer: the connection is gone, and its streams with it."""
        if self._timer is not None:
            self._timer.cancel()
