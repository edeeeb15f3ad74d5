"""The deadline of a stream on which nothing happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiolibp2p.abc.runtime import Runtime
    from aiolibp2p.abc.stream import Stream


class IdleTimer:
    """Resets a stream on which nothing happened for a while. One timer, armed anew only when it fires too early."""

    def __init__(self, stream: Stream, runtime: Runtime, timeout_s: float) -> None:
        self.expired = False
        self._stream = stream
        self._now = runtime.now
        self._timeout_s = timeout_s
        self._touched_at = self._now()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(timeout_s, self._fire)

    def touch(self) -> None:
        """Something happened."""
        self._touched_at = self._now()

    def cancel(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    def _fire(self) -> None:
        left = self._touched_at + self._timeout_s - self._now()
        if left > 0:
            self._timer = self._loop.call_later(left, self._fire)
            return
        self.expired = True
        self._stream.reset()
