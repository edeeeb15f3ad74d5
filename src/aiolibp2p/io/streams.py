"""asyncio's StreamReader and StreamWriter over one of our streams, for code written against them."""

from __future__ import annotations

import asyncio
from typing import Any

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import Libp2pError
from aiolibp2p.io.tasks import Tasks

HIGH_WATER_BYTES = 64 * 1024
"""Bytes queued past which a writer waits, and unread past which reading pauses: asyncio's own defaults."""


def open_asyncio_streams(stream: Stream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return asyncio streams whose transport is `stream`. Closing the writer closes it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=HIGH_WATER_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = StreamTransport(stream, protocol)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class StreamTransport(asyncio.Transport):
    """An asyncio transport over a stream: one task reads, one writes, each with backpressure."""

    def __init__(self, stream: Stream, protocol: asyncio.StreamReaderProtocol) -> None:
        super().__init__({"peername": str(stream.remote_peer), "stream": stream})
        self._stream = stream
        self._protocol = protocol
        self._tasks = Tasks()
        self._unsent = bytearray()
        self._eof = False
        self._closing = False
        self._wanted = asyncio.Event()
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._full = False
        protocol.connection_made(self)
        self._tasks.spawn(self._read(), f"reading {stream!r}", self._failed)
        self._tasks.spawn(self._write(), f"writing {stream!r}", self._failed)

    async def _read(self) -> None:
        async for chunk in self._stream:
            await self._resumed.wait()
            self._protocol.data_received(chunk)
        self._protocol.eof_received()

    async def _write(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._unsent:
                chunk, self._unsent = self._unsent, bytearray()
                await self._stream.write(chunk)
                self._resume_writer()
            if self._closing:
                await self._stream.close()
                self._end(None)
                return
            if self._eof:
                await self._stream.close_write()

    def _resume_writer(self) -> None:
        if self._full and len(self._unsent) <= HIGH_WATER_BYTES:
            self._full = False
            self._protocol.resume_writing()

    def _failed(self, error: BaseException) -> None:
        self._stream.reset()
        self._end(error if isinstance(error, Libp2pError) else ConnectionAbortedError(str(error)))

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)

    def write(self, data: ByteString) -> None:
        """Queue bytes; `StreamWriter.drain` waits while too many are queued."""
        if self._closing or self._eof:
            return
        self._unsent += data
        self._wanted.set()
        if not self._full and len(self._unsent) > HIGH_WATER_BYTES:
            self._full = True
            self._protocol.pause_writing()

    def write_eof(self) -> None:
        """Close the sending side once the queue is empty."""
        self._eof = True
        self._wanted.set()

    def can_write_eof(self) -> bool:
        """Return that streams can half-close."""
        return True

    def close(self) -> None:
        """Send what is queued, then close the stream."""
        self._closing = True
        self._wanted.set()

    def abort(self) -> None:
        """Reset the stream."""
        self._stream.reset()
        self._end(None)

    def is_closing(self) -> bool:
        """Return whether `close` or `abort` was called."""
        return self._closing

    def pause_reading(self) -> None:
        """Deliver nothing: the reader has enough."""
        self._resumed.clear()

    def resume_reading(self) -> None:
        """Deliver again: the reader wants more."""
        self._resumed.set()

    def is_reading(self) -> bool:
        """Return whether the reader wants more."""
        return self._resumed.is_set()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes are queued and not yet written to the stream."""
        return len(self._unsent)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername` (the peer id) or `stream`."""
        return super().get_extra_info(name, default)
