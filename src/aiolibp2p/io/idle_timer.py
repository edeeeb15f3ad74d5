"""The deadline of a stream on which nothing happens."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

from aiolibp2p.errors import StreamClosed

if TYPE_CHECKING:
    from aiolibp2p.abc.runtime import Runtime
    from aiolibp2p.abc.stream import Stream


class IdleTimer:
    """Resets a stream on which nothing happened for `timeout_s` seconds. One timer, set anew only when it fires early.

    `with IdleTimer(...) as idle:` watches for as long as the block runs, and ends a block that its reset has ended
    without an error.
    """

    def __init__(self, stream: Stream, runtime: Runtime, timeout_s: float) -> None:
        self.expired = False
        self._stream = stream
        self._now = runtime.now
        self._timeout_s = timeout_s
        self._touched_at = self._now()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(timeout_s, self._fire)

    def __enter__(self) -> IdleTimer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.cancel()
        return self.expired and isinstance(error, StreamClosed)

    def touch(self) -> None:
        """Count the time from now: something happened on the stream."""
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
