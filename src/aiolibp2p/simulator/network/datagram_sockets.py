"""The datagram sockets of a simulated host. Implements `abc.layers.datagrams` over its interface."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from aiolibp2p.abc.layers.datagrams import (
    Datagram,
    DatagramClaim,
    DatagramHandler,
    DatagramSocket,
    DatagramStatistics,
    Endpoint,
    FirstBytes,
)
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ListenFailed, Unreachable
from aiolibp2p.io.udp_sockets.claimed_socket import ClaimedSocket
from aiolibp2p.io.udp_sockets.claims import first_byte_values
from aiolibp2p.io.udp_sockets.endpoints import endpoint_of
from aiolibp2p.io.udp_sockets.socket_table import SocketTable, explain
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.simulator.network.interface import Interface

MAX_BATCH = 128
"""Datagrams that arrive at one moment and are delivered together, as many as real sockets read in one wake-up."""

MAX_DATAGRAM_BYTES = 65_507
"""The largest that IPv4 carries; a kernel refuses a larger one."""


class SimulatedSocket(ClaimedSocket):
    """One port of an interface."""

    def __init__(self, interface: Interface, ip: str, port: int) -> None:
        self._socket = interface.bind_udp(port, self._receive)
        super().__init__((ip, self._socket.port), Multiaddr.from_ip_port(ip, "udp", self._socket.port))
        self._loop = interface.network.loop
        self._received: list[Datagram] = []
        self._reads = self._came = self._came_bytes = self._sent = self._sent_bytes = self._errors = 0

    def endpoint(self, address: Multiaddr) -> Endpoint:
        return endpoint_of(address)[:2]

    def address(self, endpoint: Endpoint) -> Multiaddr:
        return Multiaddr.from_ip_port(endpoint[0], "udp", endpoint[1])

    def send(self, data: ByteString, remote: Endpoint) -> None:
        if self.is_closed or len(data) > MAX_DATAGRAM_BYTES or not remote[1]:
            self._errors += 1
            return
        self._sent += 1
        self._sent_bytes += len(data)
        self._socket.send_to(bytes(data), remote[:2])

    def send_batch(self, datagrams: Sequence[ByteString], remote: Endpoint) -> None:
        for data in datagrams:
            self.send(data, remote)

    def _receive(self, data: bytes, remote: tuple[str, int]) -> None:
        self._came += 1
        self._came_bytes += len(data)
        self._received.append((data, remote))
        if len(self._received) == 1:
            self._loop.call_soon(self._deliver)
        elif len(self._received) == MAX_BATCH:
            self._deliver()

    def _deliver(self) -> None:
        received, self._received = self._received, []
        if received:
            self._reads += 1
            self._claims.deliver(self, received)

    def statistics(self) -> DatagramStatistics:
        """What it did so far. What the network loses it does not know of, and it has no buffers."""
        return DatagramStatistics(
            sockets=int(not self.is_closed),
            reads=self._reads,
            received_datagrams=self._came,
            received_bytes=self._came_bytes,
            unclaimed_datagrams=self._claims.unclaimed,
            sent_datagrams=self._sent,
            sent_bytes=self._sent_bytes,
            send_errors=self._errors,
        )

    def _release(self) -> None:
        self._socket.close()
        self._received = []


class SimulatedSockets(SocketTable[SimulatedSocket]):
    """Made once a simulated host, and closed with it. A wildcard stands for the one address of the interface."""

    def __init__(self, interface: Interface) -> None:
        super().__init__()
        self._interface = interface

    async def bind(self, address: Multiaddr, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        self._require_open()
        first_byte_values(takes)
        ip, port = endpoint_of(address)[:2]
        found = self._sockets.get((ip, port)) if port else None
        if found is None:
            if ip != self._interface.ip and not (address.is_unspecified and self._is_family_of(ip)):
                raise ListenFailed(f"cannot listen on {address}: this interface is {self._interface.ip}")
            try:
                found = self._open(ip, port)
            except OSError as error:
                raise ListenFailed(f"cannot listen on {address}: {explain(error)}") from error
        return found.listen(handler, takes)

    def for_dial(self, remote: Multiaddr, takes: FirstBytes) -> DatagramSocket:
        self._require_open()
        if not self._is_family_of(endpoint_of(remote)[0]):
            raise Unreachable(f"no socket to reach {remote} from: this interface is {self._interface.ip}")
        found = self._to_dial_from([one for one in self._sockets.values() if one.is_listening], takes)
        return found or self._made_to_dial("the only one", remote, lambda: self._open(self._interface.ip, 0))

    def _is_family_of(self, ip: str) -> bool:
        return ipaddress.ip_address(ip).version == ipaddress.ip_address(self._interface.ip).version

    def _open(self, ip: str, port: int) -> SimulatedSocket:
        """Open a socket at an address. Raises OSError."""
        return self._keep(SimulatedSocket(self._interface, ip, port))
