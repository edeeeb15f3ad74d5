"""One bound UDP port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

from aiolibp2p.abc.layers.datagrams import (
    DatagramClaim,
    DatagramHandler,
    DatagramSocket,
    DatagramStatistics,
    Endpoint,
    FirstBytes,
)
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import HostNotRunning
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.io.udp_sockets.claims import Claims
from aiolibp2p.io.udp_sockets.config import UdpConfig
from aiolibp2p.io.udp_sockets.endpoints import address_of, endpoint_of
from aiolibp2p.io.udp_sockets.kernel import buffer_bytes, cuts_sent, joins_received
from aiolibp2p.io.udp_sockets.receiving import READ_BYTES, BatchReader, JoinedBatchReader
from aiolibp2p.io.udp_sockets.sending import Sender
from aiolibp2p.multiformats.multiaddr import Multiaddr


class UdpSocket(DatagramSocket):
    """One bound UDP socket, which reads from now on, into a `buffer` that all sockets of a host share.

    It closes itself when the last hold on it is given up; `on_closed` is called once.
    """

    def __init__(
        self, sock: socket.socket, buffer: memoryview, config: UdpConfig, on_closed: Callable[[UdpSocket], None]
    ) -> None:
        self.local: Endpoint = sock.getsockname()
        self.local_address = address_of(self.local)
        self.receive_buffer_bytes = buffer_bytes(sock, socket.SO_RCVBUF)
        self.send_buffer_bytes = buffer_bytes(sock, socket.SO_SNDBUF)
        self._sock = sock
        self._on_closed: Callable[[UdpSocket], None] | None = on_closed
        self._loop = asyncio.get_running_loop()
        self._sender = Sender(sock, config, cuts_sent(sock))
        self._claims = Claims(self.close)
        self._reading: asyncio.Task[None] | None = None
        """The task that reads where the loop cannot tell of a socket that has something to read; None elsewhere."""
        # What the kernel joins only our own reads can part.
        is_joined = self._is_watched() and joins_received(sock)
        self._reader = (JoinedBatchReader if is_joined else BatchReader)(sock, buffer, config)

    @property
    def is_listening(self) -> bool:
        return self._claims.listeners > 0

    @property
    def is_closed(self) -> bool:
        """Whether nobody holds the socket any more, or all sockets of the host were closed."""
        return self._on_closed is None

    def claim(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        return self._claim(handler, takes, is_listening=False)

    def listen(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        """Claim first bytes as `claim` does, for a handler that wants to be reached here."""
        return self._claim(handler, takes, is_listening=True)

    def _claim(self, handler: DatagramHandler, takes: FirstBytes, is_listening: bool) -> DatagramClaim:
        if self.is_closed:
            raise HostNotRunning(f"the socket {self.local_address} is closed")
        return self._claims.claim(self, handler, takes, is_listening)

    def claimed_by(self, first_byte: int) -> DatagramHandler | None:
        return self._claims.claimed_by(first_byte)

    def are_claimed(self, takes: FirstBytes) -> bool:
        """Return whether one handler gets all datagrams that begin with one of these bytes."""
        return self._claims.are_claimed(takes)

    def endpoint(self, address: Multiaddr) -> Endpoint:
        return endpoint_of(address)

    def address(self, endpoint: Endpoint) -> Multiaddr:
        return address_of(endpoint)

    def send(self, data: ByteString, remote: Endpoint) -> None:
        self._sender.send(data, remote)

    def send_batch(self, datagrams: Sequence[ByteString], remote: Endpoint) -> None:
        self._sender.send_batch(datagrams, remote)

    def _is_watched(self) -> bool:
        try:
            self._loop.add_reader(self._sock, self._read)
        except NotImplementedError:
            self._reading = Tasks(limit=1).spawn(self._read_in_turns(), f"reading {self.local_address}")
        return self._reading is None

    def _read(self) -> None:
        if batch := self._reader.read():
            self._claims.deliver(self, batch)

    async def _read_in_turns(self) -> None:
        """Read as the loop of Windows can: it takes one datagram, and what else there is follows at once."""
        while not self.is_closed:
            try:
                first = await self._loop.sock_recvfrom(self._sock, READ_BYTES)
            except OSError:
                self._reader.errors += 1
                continue
            self._claims.deliver(self, self._reader.read(first))

    def _unwatch(self) -> None:
        if self._reading is None:
            self._loop.remove_reader(self._sock)
        else:
            self._reading.cancel()

    def statistics(self) -> DatagramStatistics:
        """Return what the socket did so far."""
        reader, sender = self._reader, self._sender
        return DatagramStatistics(
            sockets=int(not self.is_closed),
            reads=reader.reads,
            received_datagrams=reader.datagrams,
            received_bytes=reader.bytes,
            unclaimed_datagrams=self._claims.unclaimed,
            sent_datagrams=sender.datagrams,
            sent_bytes=sender.bytes,
            dropped_datagrams=sender.dropped,
            send_errors=sender.errors,
            receive_errors=reader.errors,
            receive_buffer_bytes=self.receive_buffer_bytes,
            send_buffer_bytes=self.send_buffer_bytes,
        )

    def close(self) -> None:
        """Read and send no more. Idempotent."""
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is None:
            return
        self._unwatch()
        self._sender.close()
        self._claims.close()
        self._sock.close()
        on_closed(self)
