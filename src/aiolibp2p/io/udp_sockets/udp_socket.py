"""One bound UDP port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from aiolibp2p.abc.layers.datagrams import DatagramStatistics, Endpoint
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.io.udp_sockets.claimed_socket import ClaimedSocket
from aiolibp2p.io.udp_sockets.config import UdpConfig
from aiolibp2p.io.udp_sockets.endpoints import address_of, endpoint_of
from aiolibp2p.io.udp_sockets.kernel import buffer_bytes, cuts_sent, joins_received
from aiolibp2p.io.udp_sockets.receiving import READ_BYTES, BatchReader, JoinedBatchReader
from aiolibp2p.io.udp_sockets.sending import Sender
from aiolibp2p.multiformats.multiaddr import Multiaddr


class UdpSocket(ClaimedSocket):
    """One bound UDP socket, which reads from now on, into a `buffer` that all sockets of a host share."""

    def __init__(self, sock: socket.socket, buffer: memoryview, config: UdpConfig) -> None:
        local: Endpoint = sock.getsockname()
        super().__init__(local, address_of(local))
        self.receive_buffer_bytes = buffer_bytes(sock, socket.SO_RCVBUF)
        self.send_buffer_bytes = buffer_bytes(sock, socket.SO_SNDBUF)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._sender = Sender(sock, config, cuts_sent(sock))
        self._reading = self._watch()
        """The task that reads on loops without `add_reader` (that of Windows); None on all others."""
        # The kernel joins datagrams only if our own reads, and not the loop's, part them again.
        is_joined = self._reading is None and joins_received(sock)
        self._reader = (JoinedBatchReader if is_joined else BatchReader)(sock, buffer, config)

    def endpoint(self, address: Multiaddr) -> Endpoint:
        return endpoint_of(address)

    def address(self, endpoint: Endpoint) -> Multiaddr:
        return address_of(endpoint)

    def send(self, data: ByteString, remote: Endpoint) -> None:
        self._sender.send(data, remote)

    def send_batch(self, datagrams: Sequence[ByteString], remote: Endpoint) -> None:
        self._sender.send_batch(datagrams, remote)

    def _watch(self) -> asyncio.Task[None] | None:
        try:
            self._loop.add_reader(self._sock, self._read)
        except NotImplementedError:
            return Tasks(limit=1).spawn(self._read_in_turns(), f"reading {self.local_address}")
        return None

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

    def _release(self) -> None:
        self._unwatch()
        self._sender.close()
        self._sock.close()
