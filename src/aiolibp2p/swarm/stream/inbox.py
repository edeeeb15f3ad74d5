"""The bytes that a stream received and nobody has read yet. Pure."""

from __future__ import annotations

from collections import deque

from aiolibp2p.abc.machine import ByteString

JOIN_BELOW_BYTES = 32 * 1024
"""Bytes from which a chunk is handed out alone: joining would only copy it once more."""

CRUMB_BYTES = 512
"""Bytes below which a chunk costs more than it holds, so that it joins the one before it."""

GATHERED_BYTES = 4096
"""Bytes up to which crumbs join: copying more would cost a sender of crumbs too little, and us too much."""


class Inbox:
    """Chunks in order, and how many of their bytes the muxer was already told are read."""

    __slots__ = ("_chunks", "_settled", "available")

    def __init__(self) -> None:
        self.available = 0
        self._chunks: deque[ByteString] = deque()
        self._settled = 0

    def put(self, chunk: ByteString) -> None:
        """Keep a chunk behind the others."""
        chunks = self._chunks
        n = len(chunk)
        if chunks and n < CRUMB_BYTES and len(chunks[-1]) + n <= GATHERED_BYTES:
            chunks[-1] = b"".join((chunks[-1], chunk))
        else:
            chunks.append(chunk)
        self.available += n

    def clear(self) -> None:
        """Drop all bytes that are here."""
        self._chunks.clear()
        self.available = self._settled = 0

    def take(self, n: int) -> bytes:
        """Return at least one and at most `n` bytes, without a needless copy. There must be some."""
        chunks = self._chunks
        chunk = chunks[0]
        k = len(chunk)
        if k > n or (k < JOIN_BELOW_BYTES and len(chunks) > 1):
            return self.take_exactly(min(n, self.available))
        chunks.popleft()
        self.available -= k
        return chunk if type(chunk) is bytes else bytes(chunk)

    def take_exactly(self, n: int) -> bytes:
        """Return exactly `n` bytes; they must be here."""
        chunks = self._chunks
        if chunks and type(whole := chunks[0]) is bytes and len(whole) == n:
            chunks.popleft()
            self.available -= n
            return whole
        parts: list[ByteString] = []
        left = n
        while left:
            chunk = chunks.popleft()
            if len(chunk) > left:
                view = memoryview(chunk)
                chunks.appendleft(view[left:])
                chunk = view[:left]
            parts.append(chunk)
            left -= len(chunk)
        self.available -= n
        return b"".join(parts)

    def peek(self, n: int) -> bytes:
        """Return the first `n` bytes, or as many as are here; they stay."""
        start = b""
        for chunk in self._chunks:
            start += bytes(chunk[: n - len(start)])
            if len(start) == n:
                break
        return start

    def settle(self, n: int) -> int:
        """Return how many of `n` bytes that were taken the muxer has not been told of yet."""
        settled = self._settled
        if settled:
            paid = min(n, settled)
            self._settled = settled - paid
            n -= paid
        return n

    def settle_early(self) -> int:
        """Count all that is here as read, though it stays, and return the bytes to tell the muxer of."""
        n = self.available - self._settled
        self._settled = self.available
        return n
