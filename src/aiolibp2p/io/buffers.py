"""Two buffers that all connections of a host share, so that an idle connection holds none."""

from __future__ import annotations

import functools

UNFINISHED_BYTES = 65_537
"""The longest unfinished frame a connection carries over: a Noise message and its length, less one byte."""

RECEIVE_BYTES = 256 * 1024
"""The most bytes that one read takes. More leaves the processor's cache before it is decrypted."""

SEND_BYTES = 66 * 1024
"""Bytes of the send buffer: one cipher frame, whole, of which Noise's is the longest (64 KiB and its length)."""

KEPT_BYTES = 8 * 1024 * 1024
"""Half of the bytes that glibc keeps for us between frames: in all 16 MiB, the largest window of yamux."""


class SharedBuffers:
    """One receive buffer and one send buffer per host; they belong to one event loop.

    Receiving: a loop never reads for a second connection between `get_buffer` and `buffer_updated` of the
    first, so all of them read into the same memory. Sending: a frame is sealed into the send buffer and handed
    to the transport; when the transport could not pass all of it on, it keeps the buffer and `replace_send`
    puts a fresh one in its place.
    """

    def __init__(self) -> None:
        _keep_freed_memory()
        self.receive = memoryview(bytearray(UNFINISHED_BYTES + RECEIVE_BYTES))
        self.send = memoryview(bytearray(SEND_BYTES))

    def replace_send(self) -> None:
        """Put a fresh send buffer in place of the one that the transport keeps."""
        self.send = memoryview(bytearray(SEND_BYTES))


@functools.cache
def _keep_freed_memory() -> None:
    # glibc hands freed memory back past 128 KiB, so that every received frame would be fresh page faults. Freeing
    # one large block (never touched, so it costs nothing) makes it keep twice as much. Elsewhere: no effect.
    bytes(KEPT_BYTES)
