"""A socket that does as it is told, in place of a kernel's."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from aiolibp2p.abc.layers.datagrams import Endpoint

REMOTE: Endpoint = ("192.0.2.1", 4001)


class FakeKernel:
    """Sends into `sent`, after raising what stands in `errors`; reads from `incoming`, errors included."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.calls: list[int] = []
        """How many datagrams each call carried."""
        self.errors: deque[OSError | None] = deque()
        self.run_error: OSError | None = None
        """What every run of several datagrams raises."""
        self.incoming: deque[tuple[bytes, int] | OSError] = deque()
        """Bytes of a read, and how long each datagram in it is, 0 for one."""

    # Sending

    def sendto(self, data: Any, remote: Endpoint) -> int:
        self._raise_next()
        self.calls.append(1)
        self.sent.append(bytes(data))
        return len(data)

    def sendmsg(
        self, buffers: Iterable[Any], ancillary: Sequence[tuple[int, int, bytes]], flags: int, remote: Endpoint
    ) -> int:
        if self.run_error is not None:
            raise self.run_error
        self._raise_next()
        [(_level, _option, packed)] = ancillary
        size = struct.unpack("=H", packed)[0]
        whole = b"".join(bytes(one) for one in buffers)
        cut = [whole[at : at + size] for at in range(0, len(whole), size)]
        self.calls.append(len(cut))
        self.sent += cut
        return len(whole)

    def _raise_next(self) -> None:
        error = self.errors.popleft() if self.errors else None
        if error is not None:
            raise error

    # Reading

    def recvfrom_into(self, buffer: memoryview) -> tuple[int, Endpoint]:
        n, _ancillary, _flags, remote = self.recvmsg_into([buffer], 64)
        return n, remote

    def recvmsg_into(self, buffers: Sequence[memoryview], room: int) -> tuple[int, list[Any], int, Endpoint]:
        if not self.incoming:
            raise BlockingIOError
        next_one = self.incoming.popleft()
        if isinstance(next_one, OSError):
            raise next_one
        data, size = next_one
        buffers[0][: len(data)] = data
        return len(data), [(17, 104, struct.pack("=i", size))] if size else [], 0, REMOTE

    # What the loop asks

    def fileno(self) -> int:
        raise AssertionError("the loop watches a fake")
