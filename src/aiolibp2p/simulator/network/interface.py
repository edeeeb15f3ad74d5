"""A node's interface: its address, its speed, its sockets."""

from __future__ import annotations

import errno
import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiolibp2p.simulator.network.datagram_port import DatagramPort
from aiolibp2p.simulator.network.link import Downlink, InterfaceConfig, Uplink
from aiolibp2p.simulator.network.nat import Realm
from aiolibp2p.simulator.network.packet import SOON_S, Endpoint, Packet
from aiolibp2p.simulator.network.stream_socket import StreamSocket

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.network import Network

FIRST_PORT, LAST_PORT = 49_152, 65_535
"""The range that ephemeral ports are picked from (RFC 6335, section 6)."""


class Interface:
    """One interface of a node; `Network.attach` makes them."""

    source: random.Random
    """The random numbers that its packets draw from."""

    def __init__(self, network: Network, name: str, ip: str, config: InterfaceConfig, realm: Realm) -> None:
        self.network = network
        self.name = name
        self.ip = ip
        self.realm = realm
        self.is_up = True
        self.is_stalled = False
        self.uplink = Uplink(config, network.loop)
        self.downlink = Downlink(config)
        self._config = config
        self._listeners: dict[int, Callable[[StreamSocket], None]] = {}
        self._streams: dict[tuple[int, Endpoint], StreamSocket] = {}
        self._datagrams: dict[int, DatagramPort] = {}
        self._last_arrivals_s: dict[str, float] = {}
        self._next_port = FIRST_PORT

    @property
    def config(self) -> InterfaceConfig:
        """The speed of the interface; may be replaced at any time."""
        return self._config

    @config.setter
    def config(self, config: InterfaceConfig) -> None:
        self._config = self.uplink.config = self.downlink.config = config

    # Streams

    def listen(self, port: int, accepted: Callable[[StreamSocket], None]) -> int:
        """Accept on a port, or on one that is free (0); return the port.

        Raises OSError when it is taken, or all is down.
        """
        self._require_up()
        port = port or self._pick_port(self._listeners)
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self._listeners[port] = accepted
        return port

    def stop_listening(self, port: int) -> None:
        """Accept no more on a port.

        Connections that were accepted stay; one that is being set up is answered with a reset.
        """
        self._listeners.pop(port, None)
        for socket in list(self._streams.values()):
            if socket.is_half_open and socket.local[1] == port:
                socket.vanish()

    async def connect(self, ip: str, port: int, local_port: int = 0) -> StreamSocket:
        """Connect a stream socket. Raises OSError: refused, unreachable, or the local port is connected there already.

        The call waits for ever when packets vanish. Two that connect to each other from the ports they connect to get a
        socket each (TCP's simultaneous open).
        """
        self._require_up()
        if not self.realm.knows(ip):
            raise OSError(errno.EHOSTUNREACH, "No route to host")
        local = local_port or self._pick_port(self._listeners, (ip, port))
        key = (local, (ip, port))
        if key in self._streams:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        socket = self._streams[key] = StreamSocket(self, local, (ip, port))
        return await socket.connect()

    def release(self, socket: StreamSocket) -> None:
        """Forget a stream socket that has ended."""
        key = (socket.local[1], socket.remote)
        if self._streams.get(key) is socket:
            del self._streams[key]

    @property
    def socket_count(self) -> int:
        """The number of stream sockets that are in use."""
        return len(self._streams)

    @property
    def unsent_bytes(self) -> int:
        """The bytes that its stream sockets hold and have not sent, all together."""
        return sum(socket.unsent() for socket in self._streams.values())

    def stall(self, stalled: bool) -> None:
        """Take nothing from stream sockets, so that their receive windows fill, until told otherwise."""
        self.is_stalled = stalled
        if not stalled:
            for socket in list(self._streams.values()):
                socket.release_held()

    # Datagrams

    def bind_udp(self, port: int, received: Callable[[bytes, Endpoint], None]) -> DatagramPort:
        """Receive datagrams on a port, or on one that is free (0). Raises OSError when it is taken."""
        self._require_up()
        port = port or self._pick_port(self._datagrams)
        if port in self._datagrams:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        socket = self._datagrams[port] = DatagramPort(self, port, received)
        return socket

    def release_udp(self, port: int, socket: DatagramPort) -> None:
        """A datagram socket is no more."""
        if self._datagrams.get(port) is socket:
            del self._datagrams[port]

    # Down and up

    def take_down(self) -> None:
        """Crash: sockets vanish and tell nobody, nothing is sent or received, and pending connects fail."""
        self.is_up = self.is_stalled = False
        streams = list(self._streams.values())
        for socket in streams:
            socket.vanish()
        self._streams.clear()
        self._listeners.clear()
        for datagrams in list(self._datagrams.values()):
            datagrams.close()

    def bring_up(self) -> None:
        """Send and receive again. Packets for sockets that are no more are answered with a reset."""
        self.is_up = True

    # For the network

    def find_inside(self, is_udp: bool, destination: Endpoint) -> Interface:
        """Return this interface: here the way ends."""
        return self

    def in_order(self, packet: Packet) -> float:
        """Return when a packet arrives; later than the one before it, if both would arrive at the same instant.

        The loop does not promise an order for timers that are due at the same time.
        """
        arrival_s = packet.arrival_s
        ip = packet.destination[0]
        last_s = self._last_arrivals_s.get(ip, -1.0)
        if last_s - SOON_S < arrival_s <= last_s:
            arrival_s = math.nextafter(last_s, math.inf)
        self._last_arrivals_s[ip] = packet.arrival_s = arrival_s
        return arrival_s

    def take_in(self, packet: Packet) -> None:
        """Give a packet to its socket."""
        port = packet.destination[1]
        if packet.kind == "udp":
            datagrams = self._datagrams.get(port)
            if datagrams is not None and isinstance(packet.payload, bytes):
                datagrams.received(packet.payload, packet.source)
            return
        socket = self._streams.get((port, packet.source))
        if socket is not None and socket.receive(packet):
            return
        accepted = self._listeners.get(port)
        if packet.kind == "syn" and accepted is not None:
            socket = self._streams[port, packet.source] = StreamSocket(self, port, packet.source, accepted)
            socket.receive(packet)
        elif packet.kind == "fin" and packet.socket is not None:
            packet.socket.outgoing.acknowledged(self.network.loop.time(), packet.end, 0)
        elif packet.kind != "rst":
            self.network.send(Packet("rst", packet.destination, packet.source, 0, self))

    def _require_up(self) -> None:
        if not self.is_up:
            raise OSError(errno.ENETDOWN, "Network is down")

    def _pick_port(
        self,
        taken: dict[int, Callable[[StreamSocket], None]] | dict[int, DatagramPort],
        remote: Endpoint | None = None,
    ) -> int:
        for _ in range(LAST_PORT - FIRST_PORT + 1):
            port = self._next_port
            self._next_port = port + 1 if port < LAST_PORT else FIRST_PORT
            if port not in taken and (remote is None or (port, remote) not in self._streams):
                return port
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
