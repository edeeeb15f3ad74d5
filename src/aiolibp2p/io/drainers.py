"""Writers that wait until a connection takes bytes again."""

from __future__ import annotations

import asyncio


class Drainers:
    """Those who wait, in the order they came."""

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], None] = {}

    async def wait(self, waiter: asyncio.Future[None]) -> None:
        """Until `wake`, or until somebody else sets `waiter`."""
        self._waiters[waiter] = None
        try:
            await waiter
        finally:
            self._waiters.pop(waiter, None)

    def wake(self) -> None:
        """Let them all look again."""
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
