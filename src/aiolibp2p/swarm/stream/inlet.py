"""The reading side of a stream: its one reader, and what is told to the session once bytes are taken."""

from __future__ import annotations

import asyncio

from aiolibp2p.abc.layers.streams import StreamSession
from aiolibp2p.errors import IncompleteRead, LimitExceeded, StreamBusy, fresh
from aiolibp2p.swarm.stream.inbox import Inbox
from aiolibp2p.wire.framing import PREFIX_BYTES, parse_prefix

CHUNK_BYTES = 64 * 1024
"""What iterating over a stream reads at once, at most, and reading to the end: a quarter of the window that yamux
begins with, so that the peer is granted more while we are at it."""


class Inlet:
    """One stream's inbox, and its one reader. The stream puts chunks into `inbox` and wakes the `reader` itself."""

    __slots__ = ("_loop", "_max_read_bytes", "_session", "eof", "error", "inbox", "reader", "stream_id")

    def __init__(self, session: StreamSession, max_read_bytes: int) -> None:
        self.stream_id = 0
        self.inbox = Inbox()
        self.reader: asyncio.Future[None] | None = None
        """The future that a task waits on for bytes; None while none does."""
        self.eof = False
        """Whether the peer will send no more."""
        self.error: Exception | None = None
        """What readers get when the inbox is empty; a kept error, so they get a copy of it."""
        self._session = session
        self._max_read_bytes = max_read_bytes
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Let the reader that waits look again."""
        reader = self.reader
        if reader is not None and not reader.done():
            reader.set_result(None)

    async def read(self, n: int) -> bytes:
        """Return at least one and at most `n` bytes, b"" at the end; for a negative `n` everything to the end."""
        if n < 0:
            return await self._read_to_end()
        if self.reader is not None:
            raise StreamBusy("another task is reading this stream")
        inbox = self.inbox
        while not inbox.available:
            if self.eof or not n:
                return b""
            await self._readable()
        taken = inbox.take(n)
        self._session.consumed(self.stream_id, inbox.settle(len(taken)))
        return taken

    async def read_exactly(self, n: int) -> bytes:
        """Return exactly `n` bytes. Raises IncompleteRead when the peer closes before; cancelling loses nothing."""
        if not await self._available_up_to(n):
            raise IncompleteRead(self._take_all(self.inbox.available), n)
        return self._take_all(n)

    async def read_message(self, max_bytes: int) -> bytes:
        """Return one message that comes behind its length, of at most `max_bytes`; cancelling loses nothing."""
        wanted = 1
        while await self._available_up_to(wanted):
            bounds = parse_prefix(self.inbox.peek(PREFIX_BYTES), max_bytes)
            if bounds is None:
                wanted = self.inbox.available + 1
                continue
            start, wanted = bounds
            if self.inbox.available >= wanted:
                return self._take_all(wanted)[start:]
        raise IncompleteRead(self._take_all(self.inbox.available), wanted)

    async def _read_to_end(self) -> bytes:
        parts: list[bytes] = []
        limit = left = self._max_read_bytes
        while chunk := await self.read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                raise LimitExceeded(f"read() to the end passed max_read_bytes ({limit}); read in pieces or raise it")
            parts.append(chunk)
        return b"".join(parts)

    async def _readable(self) -> None:
        if self.error is not None:
            raise fresh(self.error)
        reader = self.reader = self._loop.create_future()
        try:
            await reader
        finally:
            self.reader = None

    async def _available_up_to(self, n: int) -> bool:
        """Wait until `n` bytes are here, and return False when the peer's FIN came before."""
        if self.reader is not None:
            raise StreamBusy("another task is reading this stream")
        if n > self._max_read_bytes:
            raise LimitExceeded(f"{n} bytes at once are more than max_read_bytes ({self._max_read_bytes})")
        inbox = self.inbox
        while inbox.available < n:
            if self.eof:
                return False
            if n > CHUNK_BYTES:
                # Or a piece larger than the window would never arrive.
                self._session.consumed(self.stream_id, inbox.settle_early())
            await self._readable()
        return True

    def _take_all(self, n: int) -> bytes:
        taken = self.inbox.take_exactly(n)
        self._session.consumed(self.stream_id, self.inbox.settle(n))
        return taken
