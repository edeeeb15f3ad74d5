"""The datagram sockets of a simulated host. Implements `abc.layers.datagrams` over its interface."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from aiolibp2p.abc.layers.datagrams import (
    Datagram,
    DatagramClaim,
    DatagramHandler,
    DatagramSocket,
    DatagramSockets,
    DatagramStatistics,
    Endpoint,
    FirstBytes,
)
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import HostNotRunning, ListenFailed, Unreachable
from aiolibp2p.io.udp_sockets.claims import Claims, first_byte_values
from aiolibp2p.io.udp_sockets.endpoints import endpoint_of
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.simulator.network.interface import Interface

MAX_BATCH = 128
"""Datagrams that arrive at one moment and are delivered together, as many as real sockets read in one wake-up."""

MAX_DATAGRAM_BYTES = 65_507
"""The largest that IPv4 carries; a kernel refuses a larger one."""


class SimulatedSocket(DatagramSocket):
    """One port of an interface. It closes itself when the last hold on it is given up."""

    def __init__(self, interface: Interface, ip: str, port: int, on_closed: Callable[[SimulatedSocket], None]) -> None:
        self._loop = interface.network.loop
        self._received: list[Datagram] = []
        self._socket = interface.bind_udp(port, self._receive)
        self.local = (ip, self._socket.port)
        self.local_address = Multiaddr.from_ip_port(ip, "udp", self._socket.port)
        self._on_closed: Callable[[SimulatedSocket], None] | None = on_closed
        self._claims = Claims(self.close)
        self._reads = self._came = self._came_bytes = self._sent = self._sent_bytes = self._errors = 0

    @property
    def is_listening(self) -> bool:
        return self._claims.listeners > 0

    def claim(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        return self._claim(handler, takes, is_listening=False)

    def listen(self, handler: DatagramHandler, takes: FirstBytes) -> DatagramClaim:
        """Claim first bytes at an address, for somebody who wants to be reached there."""
        return self._claim(handler, takes, is_listening=True)

    def _claim(self, handler: DatagramHandler, takes: FirstBytes, is_listening: bool) -> DatagramClaim:
        if self._on_closed is None:
            raise HostNotRunning(f"the socket {self.local_address} is closed")
        return self._claims.claim(self, handler, takes, is_listening)

    def claimed_by(self, first_byte: int) -> DatagramHandler | None:
        return self._claims.claimed_by(first_byte)

    def are_claimed(self, takes: FirstBytes) -> bool:
        """Whether one handler gets all datagrams that begin with one of these bytes."""
        return self._claims.are_claimed(takes)

    def endpoint(self, address: Multiaddr) -> Endpoint:
        return endpoint_of(address)[:2]

    def address(self, endpoint: Endpoint) -> Multiaddr:
        return Multiaddr.from_ip_port(endpoint[0], "udp", endpoint[1])

    def send(self, data: ByteString, remote: Endpoint) -> None:
        if self._on_closed is None or len(data) > MAX_DATAGRAM_BYTES or not remote[1]:
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
            sockets=int(self._on_closed is not None),
            reads=self._reads,
            received_datagrams=self._came,
            received_bytes=self._came_bytes,
            unclaimed_datagrams=self._claims.unclaimed,
            sent_datagrams=self._sent,
            sent_bytes=self._sent_bytes,
            send_errors=self._errors,
        )

    def close(self) -> None:
        """Receive and send no more. Idempotent."""
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is None:
            return
        self._socket.close()
        self._received = []
        self._claims.close()
        on_closed(self)


class SimulatedSockets(DatagramSockets):
    """Made once a simulated host, and closed with it. A wildcard stands for the one address of the interface."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self._sockets: dict[tuple[str, int], SimulatedSocket] = {}
        """The open sockets, by the address they are bound to, in the order they were made."""
        self._for_dialling: SimulatedSocket | None = None
        self._past = DatagramStatistics()
        self._is_closed = False

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
                raise ListenFailed(f"cannot listen on {address}: {(error.strerror or str(error)).lower()}") from error
        return found.listen(handler, takes)

    def for_dial(self, remote: Multiaddr, takes: FirstBytes) -> DatagramSocket:
        self._require_open()
        if not self._is_family_of(endpoint_of(remote)[0]):
            raise Unreachable(f"no socket to reach {remote} from: this interface is {self._interface.ip}")
        listening = [one for one in self._sockets.values() if one.is_listening]
        if listening:
            return next((one for one in listening if one.are_claimed(takes)), listening[0])
        if self._for_dialling is None:
            try:
                self._for_dialling = self._open(self._interface.ip, 0)
            except OSError as error:
                raise Unreachable(f"no socket to reach {remote} from: {error.strerror}") from error
        return self._for_dialling

    def _is_family_of(self, ip: str) -> bool:
        return ipaddress.ip_address(ip).version == ipaddress.ip_address(self._interface.ip).version

    def _open(self, ip: str, port: int) -> SimulatedSocket:
        """Open a socket at an address. Raises OSError."""
        made = SimulatedSocket(self._interface, ip, port, self._forget)
        self._sockets[made.local] = made
        return made

    def _forget(self, closed: SimulatedSocket) -> None:
        del self._sockets[closed.local]
        if self._for_dialling is closed:
            self._for_dialling = None
        self._past = self._past.plus(closed.statistics())

    def _require_open(self) -> None:
        if self._is_closed:
            raise HostNotRunning("the UDP sockets of this host are closed")

    def statistics(self) -> DatagramStatistics:
        total = self._past
        for one in self._sockets.values():
            total = total.plus(one.statistics())
        return total

    def close(self) -> None:
        self._is_closed = True
        for one in list(self._sockets.values()):
            one.close()
