"""Sockets for dnspython on plain loop calls; imported with the first question to a name server.

Its own open datagram endpoints, and uvloop never closes one whose opening was cancelled: the loop then does not end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from typing import Any, TypeVar

from dns.asyncbackend import Backend, DatagramSocket  # type: ignore[attr-defined] # documented, yet not marked so
from dns.exception import Timeout

T = TypeVar("T")


async def _within(timeout: float | None, action: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(timeout):
            return await action
    except TimeoutError:
        raise Timeout from None


class _Connected(DatagramSocket):
    """A connected socket, of datagrams or a stream."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.family, sock.type)
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    async def sendto(self, what: bytes, destination: object, timeout: float | None) -> int:
        """Send one datagram to where the socket is connected."""
        await self.sendall(what, timeout)
        return len(what)

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, Any]:
        """Return one datagram, and where it came from."""
        return await self.recv(size, timeout), self._sock.getpeername()

    async def sendall(self, what: bytes, timeout: float | None) -> None:
        """Send all of the bytes."""
        await _within(timeout, self._loop.sock_sendall(self._sock, what))

    async def recv(self, size: int, timeout: float | None) -> bytes:
        """Return what is there, `size` bytes at most."""
        return await _within(timeout, self._loop.sock_recv(self._sock, size))

    async def getpeername(self) -> Any:
        """Return the end that the socket is connected to."""
        return self._sock.getpeername()

    async def close(self) -> None:
        """Close the socket at once."""
        self._sock.close()


class SocketBackend(Backend):
    """Opens connected sockets; what a resolver over UDP and TCP asks of a backend, and no more."""

    def name(self) -> str:
        """Return the name of this backend in error messages."""
        return "aiolibp2p"

    def datagram_connection_required(self) -> bool:
        """Have `make_socket` told the destination; then only its answers come in."""
        return True

    async def make_socket(self, af: int, socktype: int, proto: int = 0, *rest: Any, **_: Any) -> _Connected:
        """Return a socket connected to its destination; `rest` is source (not bound), destination and timeout."""
        _source, destination, timeout = (*rest, None)[:3]
        sock = socket.socket(af, socktype, proto)
        try:
            sock.setblocking(False)
            await _within(timeout, asyncio.get_running_loop().sock_connect(sock, destination))
        except BaseException:
            sock.close()
            raise
        return _Connected(sock)

    async def sleep(self, interval: float) -> None:
        """Wait between two rounds over the servers, in seconds."""
        await asyncio.sleep(interval)
