"""A node's place in the network: its address, its rates, its sockets."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from aiolibp2p.simulator.network.link import InterfaceConfig, Serializer
from aiolibp2p.simulator.network.packet import Endpoint, Kind, Packet
from aiolibp2p.simulator.network.stream_socket import StreamSocket
from aiolibp2p.simulator.network.uplink import Uplink

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.nat import Translator
    from aiolibp2p.simulator.network.network import Network, Realm

FIRST_EPHEMERAL, LAST_EPHEMERAL = 49_152, 65_535
MAX_DATAGRAM_BYTES = 65_507

Received: TypeAlias = Callable[[bytes, Endpoint], None]
Accepted: TypeAlias = Callable[[StreamSocket], None]


class DatagramSocket:
    """Sends and receives datagrams at one port."""

    def __init__(self, interface: Interface, port: int, received: Received) -> None:
        self.port = port
        self.received = received
        self._interface = interface

    def send_to(self, data: bytes, target: Endpoint) -> None:
        """Send; it may be lost. Raises OSError for one that is too long."""
        if len(data) > MAX_DATAGRAM_BYTES:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        source = (self._interface.ip, self.port)
        self._interface.transmit(Packet(Kind.DATAGRAM, source, target, len(data), bytes(data)))

    def close(self) -> None:
        """Receive no more."""
        self._interface.close_udp(self)


class Interface:
    """One node's interface. `Network.attach` makes it."""

    def __init__(self, network: Network, realm: Realm, name: str, ip: str, config: InterfaceConfig) -> None:
        self.name = name
        self.ip = ip
        self.realm = realm
        self.is_up = True
        self.is_stalled = False
        self.firewall: Translator | None = None
        self.config = config
        self.loop = asyncio.get_running_loop()
        self.up = Uplink(config.up_bits_per_s, config.queue_bytes)
        self.down = Serializer(config.down_bits_per_s, config.queue_bytes)
        self._network = network
        self._listeners: dict[int, Accepted] = {}
        self._streams: dict[tuple[int, Endpoint], StreamSocket] = {}
        self._datagrams: dict[int, DatagramSocket] = {}
        self._next_port = FIRST_EPHEMERAL

    def __repr__(self) -> str:
        return f"<Interface {self.name} {self.ip}>"

    @property
    def socket_count(self) -> int:
        """Stream sockets that are in use."""
        return len(self._streams)

    # Streams

    def listen(self, port: int, accepted: Accepted) -> int:
        """Accept connections at a port, 0 for any; which it is. Raises OSError when it is taken."""
        port = port or self._free_port()
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._listeners[port] = accepted
        return port

    def stop_listening(self, port: int) -> None:
        """Accept no more there."""
        self._listeners.pop(port, None)

    async def connect(self, ip: str, port: int, local_port: int = 0) -> StreamSocket:
        """A connected socket. Waits for as long as nobody answers; cancelling leaves nothing behind.

        Two that connect to one another from the ports they connect to meet in the middle. Raises OSError when the
        other side refuses, or the interface is down.
        """
        if not self.is_up:
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        remote = (ip, port)
        local_port = local_port or self._free_port()
        if (local_port, remote) in self._streams:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        socket = self._streams[local_port, remote] = StreamSocket(self, (self.ip, local_port), remote)
        try:
            await socket.connect()
        except BaseException:
            socket.abort()
            raise
        return socket

    def forget(self, socket: StreamSocket) -> None:
        """A stream socket is over; the socket calls this."""
        self._streams.pop((socket.local[1], socket.remote), None)

    def _free_port(self) -> int:
        for _ in range(LAST_EPHEMERAL - FIRST_EPHEMERAL + 1):
            port = self._next_port
            self._next_port = port + 1 if port < LAST_EPHEMERAL else FIRST_EPHEMERAL
            if port not in self._listeners and port not in self._datagrams:
                return port
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))

    # Datagrams

    def bind_udp(self, port: int, received: Received) -> DatagramSocket:
        """Send and receive datagrams at a port, 0 for any. Raises OSError when it is taken."""
        port = port or self._free_port()
        if port in self._datagrams:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        socket = self._datagrams[port] = DatagramSocket(self, port, received)
        return socket

    def close_udp(self, socket: DatagramSocket) -> None:
        """A datagram socket is over; the socket calls this."""
        if self._datagrams.get(socket.port) is socket:
            del self._datagrams[socket.port]

    # Packets

    def transmit(self, packet: Packet) -> None:
        """Hand a packet to the network."""
        self._network.transmit(self, packet)

    def reaches(self, ip: str) -> bool:
        """Whether an acknowledgement to that address would arrive now."""
        return self._network.reaches(self, ip)

    def back_s(self, other: Interface) -> float:
        """How long an acknowledgement takes to another interface."""
        return self._network.latency_s(self, other)

    def receive(self, packet: Packet) -> None:
        """A packet is here."""
        if packet.kind is Kind.DATAGRAM:
            datagrams = self._datagrams.get(packet.target[1])
            if datagrams is not None and isinstance(packet.payload, bytes):
                datagrams.received(packet.payload, packet.source)
            return
        socket = self._streams.get((packet.target[1], packet.source))
        if socket is not None:
            socket.receive(packet)
        elif packet.kind is Kind.SYN and packet.target[1] in self._listeners:
            socket = StreamSocket(self, (self.ip, packet.target[1]), packet.source)
            self._streams[packet.target[1], packet.source] = socket
            socket.answer(packet, self._listeners[packet.target[1]])
        elif packet.kind is not Kind.RST:
            self.transmit(Packet(Kind.RST, packet.target, packet.source, 0))

    # Faults

    def take_down(self) -> None:
        """Gone at once: nothing is sent or received any more, and every socket is lost without a word to its peer."""
        self.is_up = False
        streams, self._streams = self._streams, {}
        self._listeners.clear()
        self._datagrams.clear()
        for socket in streams.values():
            socket.lost(OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN)))

    def bring_up(self) -> None:
        """Back, with no memory of its sockets: their peers are told so when they send."""
        self.is_up = True

    def stall(self, stalled: bool) -> None:
        """Take nothing from its stream sockets, until told otherwise: what comes fills their windows."""
        self.is_stalled = stalled
        if not stalled:
            for socket in list(self._streams.values()):
                socket.take_received()
