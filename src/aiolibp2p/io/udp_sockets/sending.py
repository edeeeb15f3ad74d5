"""A sender of datagrams that never waits, and sends runs by one system call where the kernel cuts them itself."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence

from aiolibp2p.abc.layers.datagrams import Endpoint
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.io.udp_sockets.config import UdpConfig
from aiolibp2p.io.udp_sockets.kernel import SOL_UDP, UDP_SEGMENT

MAX_RUN_DATAGRAMS = 64
"""The most datagrams that a kernel cuts at once: UDP_MAX_SEGMENTS of Linux before 6.9, which takes twice as many."""

MAX_RUN_BYTES = 65_507
"""The most bytes of one packet before it is cut: 65,535 less the headers of IPv4 and UDP."""

NO_CUTTING = (errno.EIO, errno.EINVAL, errno.EOPNOTSUPP)
"""The errors by which a kernel, or the driver of a network card without checksums, refuses to cut."""

SEGMENT_SIZE = struct.Struct("=H")


class Sender:
    """Sends on one socket. `is_cut`: the kernel takes runs; it is false from the first one it refuses."""

    def __init__(self, sock: socket.socket, config: UdpConfig, is_cut: bool) -> None:
        self.is_cut = is_cut
        self.datagrams = self.bytes = self.dropped = self.errors = 0
        self._sock = sock
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._pending: deque[tuple[bytes, Endpoint]] = deque()
        self._pending_bytes = 0

    def send(self, data: ByteString, remote: Endpoint) -> None:
        """Send one datagram, or keep it until the kernel has room again, or drop it."""
        if self._pending or not self._leaves(data, remote):
            self._keep((data,), remote)

    def send_batch(self, datagrams: Sequence[ByteString], remote: Endpoint) -> None:
        """Send several datagrams to one remote, in order."""
        for run in _runs(datagrams) if self.is_cut else [(one,) for one in datagrams]:
            if self._pending or not self._run_leaves(run, remote):
                self._keep(run, remote)

    def _leaves(self, data: ByteString, remote: Endpoint) -> bool:
        """Send, and return False when the kernel has no room for the datagram."""
        try:
            self._sock.sendto(data, remote)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.errors += 1
        else:
            self.datagrams += 1
            self.bytes += len(data)
        return True

    def _run_leaves(self, run: Sequence[ByteString], remote: Endpoint) -> bool:
        """Send a run, and return False when the kernel has no room for it."""
        if len(run) == 1 or not self.is_cut:
            return self._each_leaves(run, remote)
        size = SEGMENT_SIZE.pack(len(run[0]))
        try:
            sent = self._sock.sendmsg(run, [(SOL_UDP, UDP_SEGMENT, size)], 0, remote)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            return self._leaves_uncut(run, remote, error)
        self.datagrams += len(run)
        self.bytes += sent
        return True

    def _leaves_uncut(self, run: Sequence[ByteString], remote: Endpoint, error: OSError) -> bool:
        """Send a refused run one by one. Only if these leave was it the cutting: a bad remote turns nothing off."""
        errors, sent = self.errors, self.datagrams
        has_left = self._each_leaves(run, remote)
        if error.errno in NO_CUTTING and self.errors == errors and self.datagrams > sent:
            self.is_cut = False
        return has_left

    def _each_leaves(self, run: Sequence[ByteString], remote: Endpoint) -> bool:
        """False when the kernel has no room for the first; what it has none for later is kept here."""
        for at, data in enumerate(run):
            if self._leaves(data, remote):
                continue
            if at:
                self._keep(run[at:], remote)
            return at > 0
        return True

    # What the kernel has no room for

    def _keep(self, run: Sequence[ByteString], remote: Endpoint) -> None:
        for data in run:
            if not self._has_place(len(data)):
                self.dropped += 1
                continue
            if not self._pending and not self._watches():
                self.dropped += 1
                continue
            self._pending.append((bytes(data), remote))
            self._pending_bytes += len(data)

    def _watches(self) -> bool:
        """Have the loop say when there is room. The one of Windows cannot: what finds none is lost there."""
        try:
            self._loop.add_writer(self._sock, self._send_pending)
        except NotImplementedError:
            return False
        return True

    def _has_place(self, size: int) -> bool:
        config = self._config
        return (
            len(self._pending) < config.max_pending_datagrams and self._pending_bytes + size <= config.max_pending_bytes
        )

    def _send_pending(self) -> None:
        pending = self._pending
        while pending:
            data, remote = pending[0]
            if not self._leaves(data, remote):
                return
            pending.popleft()
            self._pending_bytes -= len(data)
        self._loop.remove_writer(self._sock)

    def close(self) -> None:
        """Drop what is pending."""
        if self._pending:
            self._loop.remove_writer(self._sock)
            self.dropped += len(self._pending)
            self._pending.clear()
            self._pending_bytes = 0


def _runs(datagrams: Sequence[ByteString]) -> Iterator[Sequence[ByteString]]:
    """Parts that a kernel takes whole: datagrams of one size, the last of which may be shorter."""
    at, count = 0, len(datagrams)
    while at < count:
        size = len(datagrams[at])
        end = at + 1
        last = min(count, at + min(MAX_RUN_DATAGRAMS, MAX_RUN_BYTES // size)) if size else end
        while end < last and len(datagrams[end]) == size:
            end += 1
        if end < last and 0 < len(datagrams[end]) < size:
            end += 1
        yield datagrams[at:end]
        at = end
