"""What travels: a datagram, or a part of a stream's life."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

Endpoint: TypeAlias = tuple[str, int]
"""An ip address and a port."""


class Checked(Protocol):
    """A payload that is an object, and not bytes."""

    def checksum(self) -> int:
        """32 bits of what it holds, the same in every process."""
        ...


Payload: TypeAlias = bytes | Checked


class Kind(Enum):
    """What a packet is for."""

    DATAGRAM = "udp"
    SYN = "syn"
    SYN_ACK = "syn-ack"
    ACK = "ack"
    DATA = "data"
    FIN = "fin"
    RST = "rst"


class PacketOwner(Protocol):
    """Whoever wants to know that its packet was lost."""

    def packet_lost(self, packet: Packet) -> None:
        """It did not get there."""
        ...


@dataclass(slots=True, eq=False)
class Packet:
    """One packet. A gateway rewrites its ends."""

    kind: Kind
    source: Endpoint
    target: Endpoint
    size: int
    payload: Payload = b""
    sequence: int = 0
    owner: PacketOwner | None = None
    """Set for packets of a stream, which are sent again when they are lost."""
    sent_at: float = 0.0

    @property
    def protocol(self) -> str:
        """`udp` or `tcp`."""
        return "udp" if self.kind is Kind.DATAGRAM else "tcp"

    def checksum(self) -> int:
        """Of its payload."""
        payload = self.payload
        return zlib.crc32(payload) if isinstance(payload, bytes) else payload.checksum()
