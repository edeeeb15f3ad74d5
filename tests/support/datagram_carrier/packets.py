"""Packets of the test carrier: one a datagram, apart from everything else on the port by their first byte."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from aiolibp2p.errors import ProtocolViolation

FIRST_BYTES = range(0x40, 0x43)
"""The first bytes of packets, in QUIC's range, whose place in the port they take."""

DATA, ACK, CLOSE = FIRST_BYTES
CONNECTION_ID_BYTES = 8
HEADER = struct.Struct(">B8sII")
MAX_PACKET_BYTES = 1200
"""What passes everywhere, as QUIC's first packets do (RFC 9000, section 14)."""

MAX_PAYLOAD_BYTES = MAX_PACKET_BYTES - HEADER.size
SEQUENCE_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True)
class Packet:
    """`seq` counts data packets from 0; `ack` is the first that its sender still waits for."""

    kind: int
    connection_id: bytes
    seq: int = 0
    ack: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        return HEADER.pack(self.kind, self.connection_id, self.seq, self.ack) + self.payload


def decode(datagram: bytes) -> Packet:
    """Read a packet. Raises ProtocolViolation."""
    if not HEADER.size <= len(datagram) <= MAX_PACKET_BYTES:
        raise ProtocolViolation(f"a packet of {len(datagram)} bytes")
    kind, connection_id, seq, ack = HEADER.unpack_from(datagram)
    if kind not in FIRST_BYTES:
        raise ProtocolViolation(f"a packet of kind {kind}")
    return Packet(kind, connection_id, seq, ack, datagram[HEADER.size :])
