"""The sending half of a stream: it waits for the peer's window, for the transport, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiolibp2p.abc.layers.carrier import Flow
from aiolibp2p.abc.layers.streams import StreamSession
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import StreamBusy, StreamClosed, fresh

BATCH_BYTES = 64 * 1024
"""Bytes written between two looks at whether the transport is full: one frame of Noise."""

YIELD_BYTES = 256 * 1024
"""Bytes after which a writer that never had to wait lets others run: yamux's first window."""


class Outlet:
    """The writing side of one stream, for one writer at a time. `error`, once set, is what every write raises."""

    __slots__ = ("_budget", "_busy", "_flow", "_session", "_waiter", "closed", "error", "is_torn", "stream_id")

    def __init__(self, session: StreamSession, flow: Flow) -> None:
        self.stream_id = 0
        self.closed = False
        self.error: Exception | None = None
        self.is_torn = False
        """Whether a write was cancelled before all had left: the peer would take what follows for the rest of it."""
        self._session = session
        self._flow = flow
        self._busy = False
        self._waiter: asyncio.Future[None] | None = None
        self._budget = YIELD_BYTES

    async def write(self, data: ByteString) -> None:
        """Send all of `data`. Raises what ended the stream; cancelled after a part has left, `is_torn` is set."""
        if self._busy:
            raise StreamBusy("another task is writing to this stream")
        if self.error is not None:
            raise fresh(self.error)
        if self.closed:
            raise StreamClosed("the stream is closed for writing")
        n = len(data)
        sent = 0
        if n <= BATCH_BYTES and not self._flow.full and type(data) is not memoryview:
            sent = self._session.write(self.stream_id, data) if n else 0
            self._budget -= n
            if sent == n and self._budget > 0:
                return
        self._busy = True
        try:
            await self._write_on(memoryview(data).cast("B"), sent)
        finally:
            self._busy = False

    async def _write_on(self, data: memoryview, sent: int) -> None:
        try:
            while sent < len(data):
                sent += await self._write_some(data[sent : sent + BATCH_BYTES])
        except asyncio.CancelledError:
            self.is_torn = True
            raise
        if self._budget <= 0:
            self._budget = YIELD_BYTES
            await asyncio.sleep(0)

    async def _write_some(self, data: memoryview) -> int:
        """Wait once, or send at least one byte, and return how many."""
        if self.error is not None:
            raise fresh(self.error)
        if self._flow.full:
            await self._woken(self._flow.drain)
            return 0
        if self._budget <= 0:
            self._budget = YIELD_BYTES
            await asyncio.sleep(0)
            return 0
        taken = self._session.write(self.stream_id, data)
        self._budget -= taken
        if not taken:
            await self._woken(_credit)
        return taken

    async def _woken(self, wait: Callable[[asyncio.Future[None]], Awaitable[None]]) -> None:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await wait(waiter)
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Let the writer look again: there is credit, or an error to raise, which waits for no transport."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    @property
    def is_busy(self) -> bool:
        """Whether somebody is writing."""
        return self._busy


async def _credit(waiter: asyncio.Future[None]) -> None:
    await waiter
