"""Readers of a socket that take all there is, up to a budget, in one batch."""

from __future__ import annotations

import socket
import sys

from aiolibp2p.abc.layers.datagrams import Datagram
from aiolibp2p.io.udp_sockets.config import UdpConfig

READ_BYTES = 64 * 1024
"""Bytes of the read buffer: no datagram is larger, nor are several that the kernel joined."""

ANCILLARY_BYTES = 64
"""Bytes for what the kernel says of a read: one number, 24 bytes with its header."""


class BatchReader:
    """Reads one socket, into a buffer of `READ_BYTES` that all sockets of its host share."""

    def __init__(self, sock: socket.socket, buffer: memoryview, config: UdpConfig) -> None:
        self.reads = self.datagrams = self.bytes = self.errors = 0
        self._sock = sock
        self._buffer = buffer
        self._max_datagrams = config.max_batch_datagrams
        self._max_bytes = config.max_batch_bytes

    def read(self, first: Datagram | None = None) -> list[Datagram]:
        """Return what there is, in order, behind `first` that was read already; empty when there was only an error."""
        batch = [] if first is None else [first]
        left = self._max_bytes - (0 if first is None else len(first[0]))
        try:
            while left > 0 and len(batch) < self._max_datagrams:
                left -= self._read_into(batch)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.errors += 1  # of something sent before; to read it is to clear it
        if batch:
            self.reads += 1
            self.datagrams += len(batch)
            self.bytes += self._max_bytes - left
        return batch

    def _read_into(self, batch: list[Datagram]) -> int:
        """Read once, and return how many bytes came. Raises OSError."""
        n, remote = self._sock.recvfrom_into(self._buffer)
        batch.append((bytes(self._buffer[:n]), remote))
        return n


class JoinedBatchReader(BatchReader):
    """Takes several datagrams of one sender at a time, which the kernel has joined, and parts them again."""

    def _read_into(self, batch: list[Datagram]) -> int:
        buffer = self._buffer
        n, ancillary, _flags, remote = self._sock.recvmsg_into((buffer,), ANCILLARY_BYTES)
        size = int.from_bytes(ancillary[0][2], sys.byteorder) if ancillary else n
        if size >= n:
            batch.append((bytes(buffer[:n]), remote))
        else:
            batch += [(bytes(buffer[at : min(at + size, n)]), remote) for at in range(0, n, size)]
        return n
