"""Dial and listen on TCP."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from aiolibp2p.abc.layers.admission import Admission
from aiolibp2p.abc.layers.transport import DialRequest, Listener, NewConnection, Transport
from aiolibp2p.abc.services.resources import ConnectionScope
from aiolibp2p.errors import ListenFailed, TimeoutExpired, Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.transports.tcp.connection import TcpConnection


@dataclass(frozen=True)
class TcpConfig:
    """Limits of the TCP transport."""

    connect_timeout_s: float = 5.0
    """Seconds that a TCP handshake may take, as in go: a lost SYN is sent again after 1 s and after 3 s."""
    backlog: int = 128
    """Connections that the operating system keeps until they are accepted: the usual size, asyncio's default is 100."""
    high_water_bytes: int = 64 * 1024
    """Unsent bytes of a connection past which its streams wait: asyncio's own default, one frame of Noise."""


class TcpListener(Listener):
    """A bound TCP socket that accepts connections."""

    def __init__(self, server: asyncio.Server, addresses: Sequence[Multiaddr]) -> None:
        self.addresses = addresses
        self._server = server

    async def close(self) -> None:
        # Not wait_closed: on some Pythons it waits for the accepted connections, too.
        self._server.close()


class TcpTransport(Transport):
    """The transport for addresses of an ip4 or ip6 (a zone before it), then tcp, then nothing."""

    name = "tcp"
    secures = False

    def __init__(self, config: TcpConfig | None = None) -> None:
        self._config = config or TcpConfig()

    def can_dial(self, address: Multiaddr) -> bool:
        return _endpoint(address) is not None

    def can_listen(self, address: Multiaddr) -> bool:
        return _endpoint(address) is not None

    async def dial(self, address: Multiaddr, request: DialRequest, scope: ConnectionScope) -> NewConnection:
        """Connect to the address. Raises Unreachable or TimeoutExpired with the reason."""
        host, port, _family = _require_endpoint(address)
        timeout_s = self._config.connect_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                _transport, connection = await asyncio.get_running_loop().create_connection(
                    lambda: TcpConnection(self._config.high_water_bytes), host, port
                )
        except TimeoutError as error:
            raise TimeoutExpired(f"no answer within {timeout_s:g} s") from error
        except OSError as error:
            raise Unreachable(_explain(error)) from error
        if not connection.is_made:
            raise Unreachable("the peer reset the connection at once")
        return connection

    async def listen(self, address: Multiaddr, admission: Admission) -> TcpListener:
        host, port, family = _require_endpoint(address)
        accepted = partial(_admit, admission)
        try:
            sock = _bind(family, host, port, self._config.backlog)
        except OSError as error:
            raise ListenFailed(f"cannot listen on {address}: {_explain(error)}") from error
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: TcpConnection(self._config.high_water_bytes, accepted), sock=sock, backlog=self._config.backlog
            )
        except BaseException:
            sock.close()
            raise
        return TcpListener(server, [Multiaddr.from_ip_port(host, "tcp", sock.getsockname()[1])])


def _admit(admission: Admission, connection: TcpConnection) -> None:
    ticket = admission.admit(connection.remote_address)
    if ticket is None:
        connection.abort()
    else:
        ticket.settle(connection)


def _bind(family: socket.AddressFamily, host: str, port: int, backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0][4])
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _endpoint(address: Multiaddr) -> tuple[str, int, socket.AddressFamily] | None:
    parts = address.components()
    zone = ""
    if parts and parts[0].name == "ip6zone":
        zone = f"%{parts[0].value}"
        parts = parts[1:]
    if len(parts) != 2 or parts[1].name != "tcp":
        return None
    host, port = parts[0].value, int(parts[1].value or 0)
    if parts[0].name == "ip6" and host is not None:
        return host + zone, port, socket.AF_INET6
    if parts[0].name == "ip4" and host is not None and not zone:
        return host, port, socket.AF_INET
    return None


def _require_endpoint(address: Multiaddr) -> tuple[str, int, socket.AddressFamily]:
    endpoint = _endpoint(address)
    if endpoint is None:
        raise UnsupportedAddress(f"{address} is no TCP address")
    return endpoint


def _explain(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return error.strerror or "no such address"
    return os.strerror(error.errno).lower() if error.errno else str(error)
