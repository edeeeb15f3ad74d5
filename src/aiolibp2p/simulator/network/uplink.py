"""The sending side of an interface: sockets take turns, so that none fills the queue for the others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from aiolibp2p.simulator.network.link import Serializer

HIGH_S, LOW_S = 0.004, 0.002
"""A socket waits while more than the first is queued, until no more than the second is."""


class Uplink(Serializer):
    """Whoever finds it busy waits for its turn; one is woken at a time."""

    def __init__(self, bits_per_s: float, queue_bytes: int) -> None:
        super().__init__(bits_per_s, queue_bytes)
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def is_busy(self) -> bool:
        """It has enough to send for the moment."""
        return not self.is_instant and self.backlog_s(self._loop.time()) > HIGH_S

    @property
    def has_waiting(self) -> bool:
        """Somebody waits for a turn."""
        return bool(self._waiting)

    def wait(self, wake: Callable[[], None]) -> None:
        """Call `wake` once, when it is somebody's turn and all who came before had theirs."""
        self._waiting.append(wake)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is None and self._waiting:
            delay_s = max(0.0, self.backlog_s(self._loop.time()) - LOW_S)
            self._timer = self._loop.call_later(delay_s, self._next)

    def _next(self) -> None:
        self._timer = None
        if self._waiting and not self.is_busy():
            self._waiting.popleft()()
        self._set_timer()
