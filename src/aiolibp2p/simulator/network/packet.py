"""Packets of the simulated network, each with its way."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface
    from aiolibp2p.simulator.network.nat import Gateway, Realm
    from aiolibp2p.simulator.network.stream_socket import StreamSocket

Endpoint: TypeAlias = tuple[str, int]
"""An IP address and a port."""

SOON_S = 1e-9
"""How close together two times must be to be the same, in seconds: sums of the same parts differ in their last bits."""


class Checksummed(Protocol):
    """A payload that is sent in place of bytes."""

    def checksum(self) -> int:
        """Return 32 bits that stand for the payload in the trace."""
        ...


Payload: TypeAlias = bytes | Checksummed
"""The content of a packet."""


@dataclass(slots=True, eq=False)
class Packet:
    """One packet. `kind` is syn, syn-ack, ack, data, fin, rst or udp; the rest is filled in on its way."""

    kind: str
    origin: Endpoint
    """The source as the sender sees it."""
    destination: Endpoint
    size: int
    sender: Interface
    socket: StreamSocket | None = None
    payload: Payload | None = None
    begin: int = 0
    end: int = 0
    """The end of the packet's bytes, counted from the start of the stream."""
    source: Endpoint = ("", 0)
    """The source as the receiver sees it."""
    realm: Realm | None = None
    passed: tuple[Gateway, ...] = ()
    """The gateways that the packet went out through."""
    first_bit_s: float = 0.0
    arrival_s: float = 0.0
    delay_s: float = 0.0
    is_lost: bool = False
    """Whether chance took the packet: a stream sends it again."""

    def describe(self, target: str) -> str:
        """Return the packet as a line of the trace."""
        payload = self.payload
        if payload is None:
            checksum = 0
        elif isinstance(payload, bytes):
            checksum = zlib.crc32(payload)
        else:
            checksum = payload.checksum() & 0xFFFFFFFF
        return f"{self.kind} {self.sender.name}>{target} {self.size} {checksum:08x}"
