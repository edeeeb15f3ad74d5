"""One TCP connection: asyncio's transport, bare."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import cast

from aiolibp2p.abc.layers.raw import RawConnection, RawReceiver
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats.multiaddr import Multiaddr

EARLY_BYTES = 4096
"""Bytes that one read may take before `start`: a dialer's first messages take some hundred (measured with noise)."""

# Linux: tcpi_min_rtt in struct tcp_info, microseconds.
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_MIN_RTT = struct.Struct("=I")
_MIN_RTT_AT = 148
_MIN_RTT_END = _MIN_RTT_AT + _MIN_RTT.size


class TcpConnection(asyncio.BufferedProtocol, RawConnection):
    """One TCP connection, dialled or accepted, over asyncio's transport.

    `on_made` is called as soon as the addresses are known. One read that comes before `start` is kept.
    """

    def __init__(self, high_water_bytes: int, on_made: Callable[[TcpConnection], None] | None = None) -> None:
        self.local_address: Multiaddr
        self.remote_address: Multiaddr
        self._high_water_bytes = high_water_bytes
        self._on_made = on_made
        self._transport: asyncio.Transport
        self._receiver: RawReceiver | None = None
        self._early = memoryview(b"")
        self._early_eof = False
        self._error: BaseException | None = None
        self._lost = False
        self._is_made = False

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take asyncio's transport: the socket is connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._high_water_bytes)
        sockname, peername = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not sockname or not peername:
            # The peer has reset it already; nobody has heard of this connection, and nobody will.
            self._transport.abort()
            return
        self._is_made = True
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.local_address = _multiaddr(sockname)
        self.remote_address = _multiaddr(peername)
        if self._on_made is not None:
            self._on_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer that asyncio reads to: the receiver's, or before `start` one of our own."""
        if self._receiver is not None:
            return self._receiver.get_buffer(sizehint)
        self._early = memoryview(bytearray(EARLY_BYTES))
        return self._early

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what was read, or keep it until `start`."""
        if self._receiver is not None:
            self._receiver.buffer_updated(nbytes)
        else:
            # Pausing any sooner has no effect on uvloop.
            self._early = self._early[:nbytes]
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the write side: the receiver closes when it has said what it has to say."""
        if self._receiver is not None:
            self._receiver.eof_received()
        else:
            self._early_eof = True
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the receiver that the socket is closed."""
        self._lost = True
        # Its traceback leads through a write of ours back to this connection.
        self._error = exc.with_traceback(None) if exc is not None else None
        if self._receiver is not None:
            self._part_from(self._receiver)

    def pause_writing(self) -> None:
        """Tell the receiver that more than `high_water_bytes` are unsent."""
        if self._receiver is not None:
            self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """Tell the receiver that enough of what was unsent has left."""
        if self._receiver is not None:
            self._receiver.resume_writing()

    @property
    def is_made(self) -> bool:
        """Whether the peer was still there when asyncio handed over the connected socket."""
        return self._is_made

    # RawConnection

    def start(self, receiver: RawReceiver) -> None:
        self._receiver = receiver
        # The hot calls go straight through.
        self.get_buffer = receiver.get_buffer  # type: ignore[method-assign]
        self.buffer_updated = receiver.buffer_updated  # type: ignore[method-assign]
        self.write = self._transport.write  # type: ignore[method-assign]
        early, self._early = self._early, memoryview(b"")
        if early or self._early_eof or self._lost:
            # After this call: who starts us may have something to say first.
            asyncio.get_running_loop().call_soon(self._catch_up, receiver, early)

    def _catch_up(self, receiver: RawReceiver, early: memoryview) -> None:
        if early:
            receiver.data_received(early)
            self._transport.resume_reading()
        if self._early_eof:
            receiver.eof_received()
        if self._lost and self._receiver is not None:
            self._part_from(receiver)

    def _part_from(self, receiver: RawReceiver) -> None:
        """Let go of the receiver. The two refer to each other: parted, both are freed at once."""
        self._receiver = None
        del self.get_buffer, self.buffer_updated, self.write
        receiver.connection_lost(self._error)

    def write(self, data: ByteString) -> None:
        self._transport.write(data)

    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def rtt(self) -> float | None:
        """Return the kernel's smallest round trip in seconds, which no queue of ours adds to; None but on Linux."""
        if _TCP_INFO is None or self._lost:
            return None
        sock = self._transport.get_extra_info("socket")
        try:
            info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _MIN_RTT_END)
        except OSError:
            return None
        return _MIN_RTT.unpack_from(info, _MIN_RTT_AT)[0] / 1e6 if len(info) == _MIN_RTT_END else None

    def pause_reading(self) -> None:
        if not self._lost:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._lost:
            self._transport.resume_reading()

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


def _multiaddr(sockname: tuple[str, int] | tuple[str, int, int, int]) -> Multiaddr:
    ip = sockname[0]
    if ip.startswith("::ffff:") and "." in ip:
        ip = ip.removeprefix("::ffff:")
    return Multiaddr.from_ip_port(ip, "tcp", sockname[1])
