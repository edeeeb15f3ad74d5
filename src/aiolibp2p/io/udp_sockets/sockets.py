"""The UDP sockets of one host, made when they are asked for."""

from __future__ import annotations

import ipaddress
import socket

from aiolibp2p.abc.layers.datagrams import DatagramClaim, DatagramHandler, DatagramSocket, Endpoint, FirstBytes
from aiolibp2p.errors import ListenFailed
from aiolibp2p.io.udp_sockets.claims import first_byte_values
from aiolibp2p.io.udp_sockets.config import UdpConfig
from aiolibp2p.io.udp_sockets.endpoints import endpoint_of, family_of
from aiolibp2p.io.udp_sockets.kernel import open_socket, source_ip
from aiolibp2p.io.udp_sockets.receiving import READ_BYTES
from aiolibp2p.io.udp_sockets.socket_table import SocketTable, explain
from aiolibp2p.io.udp_sockets.udp_socket import UdpSocket
from aiolibp2p.multiformats.multiaddr import Multiaddr

ANY: dict[socket.AddressFamily, Endpoint] = {socket.AF_INET: ("0.0.0.0", 0), socket.AF_INET6: ("::", 0, 0, 0)}
"""The endpoint at which a socket is bound that is only dialled from: any address, a port that is free."""


class UdpSockets(SocketTable[UdpSocket]):
    """The sockets of one host, closed with it. None is opened before it is asked for."""

    def __init__(self, config: UdpConfig | None = None) -> None:
        super().__init__()
        self._config = config or UdpConfig()
        self._buffer: memoryview | None = None

    async def bind(self, address: Multiaddr, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        self._require_open()
        first_byte_values(takes)  # before a socket is made for what nobody can claim
        try:
            local = endpoint_of(address)
            found = self._sockets.get(_normal(local)) if local[1] else None
            bound = found or self._open(local)
        except OSError as error:  # a zone that is not there is one, too
            raise ListenFailed(f"cannot listen on {address}: {explain(error)}") from error
        return bound.listen(handler, takes)

    def for_dial(self, remote: Multiaddr, takes: FirstBytes) -> DatagramSocket:
        self._require_open()
        to = endpoint_of(remote)
        family = family_of(to)
        found = self._to_dial_from(self._listening_to(to), takes)
        return found or self._made_to_dial(family, remote, lambda: self._open(ANY[family]))

    def _listening_to(self, remote: Endpoint) -> list[UdpSocket]:
        """Return sockets that listen and can reach `remote`: at the address it is reached from, then at a wildcard."""
        found = [
            one for one in self._sockets.values() if one.is_listening and family_of(one.local) is family_of(remote)
        ]
        anywhere = [one for one in found if _ip(one.local).is_unspecified]
        if len(anywhere) == len(found):
            return anywhere
        source = source_ip(remote)
        return [one for one in found if _reaches(one.local, remote, source)] + anywhere

    def _open(self, local: Endpoint) -> UdpSocket:
        """Open and keep a socket at this endpoint. Raises OSError."""
        if self._buffer is None:
            self._buffer = memoryview(bytearray(READ_BYTES))
        sock = open_socket(local, self._config)
        try:
            made = UdpSocket(sock, self._buffer, self._config)
        except BaseException:
            sock.close()
            raise
        return self._keep(made)


def _reaches(local: Endpoint, remote: Endpoint, source: str | None) -> bool:
    """Return whether a socket bound to one address of this machine can send to `remote`.

    It can from the address that the routing table names, and within the machine from any loopback address.
    """
    bound = _ip(local)
    if bound.is_unspecified:
        return False  # a wildcard comes later
    return local[0] == source or (bound.is_loopback and _ip(remote).is_loopback)


def _ip(endpoint: Endpoint) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(endpoint[0].partition("%")[0])


def _normal(endpoint: Endpoint) -> Endpoint:
    """Return the endpoint as the kernel writes it, so that one address is one key."""
    return str(_ip(endpoint)), *endpoint[1:]
