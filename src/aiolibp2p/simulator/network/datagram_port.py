"""Datagram sockets of the simulated network, which behave much as UDP's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiolibp2p.simulator.network.packet import Endpoint, Packet

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface


class DatagramPort:
    """Sends and receives datagrams on one port, until it is closed."""

    def __init__(self, interface: Interface, port: int, received: Callable[[bytes, Endpoint], None]) -> None:
        self.port = port
        self.received = received
        self._interface = interface
        self._is_closed = False

    def send_to(self, data: bytes, remote: Endpoint) -> None:
        """Send a datagram; nobody says what becomes of it."""
        if self._is_closed:
            return
        interface = self._interface
        interface.network.send(
            Packet("udp", (interface.ip, self.port), remote, len(data), interface, payload=bytes(data))
        )

    def close(self) -> None:
        """Stop receiving, and give up the port."""
        if not self._is_closed:
            self._is_closed = True
            self.received = _nobody  # who received refers to this socket: parted, both are freed at once
            self._interface.release_udp(self.port, self)


def _nobody(data: bytes, source: Endpoint) -> None:
    """A closed socket receives for nobody."""
