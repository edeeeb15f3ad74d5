"""One packet on its way."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface
    from aiolibp2p.simulator.network.nat import Gateway, Realm
    from aiolibp2p.simulator.network.stream_socket import StreamSocket

Endpoint: TypeAlias = tuple[str, int]
"""IP and port."""

SOON_S = 1e-9
"""Times so close are the same: sums of the same parts differ in their last bits."""


class Checksummed(Protocol):
    """What may be sent instead of bytes."""

    def checksum(self) -> int:
        """32 bits that stand for it in the trace."""
        ...


Payload: TypeAlias = bytes | Checksummed
"""What a packet carries."""


@dataclass(slots=True, eq=False)
class Packet:
    """`kind` is syn, syn-ack, ack, data, fin, rst or udp. The rest is filled in on its way."""

    kind: str
    origin: Endpoint
    """Where it comes from, as its sender sees it."""
    destination: Endpoint
    size: int
    sender: Interface
    socket: StreamSocket | None = None
    payload: Payload | None = None
    begin: int = 0
    end: int = 0
    """Where its bytes lie in the stream."""
    source: Endpoint = ("", 0)
    """Where it comes from, as its receiver sees it."""
    realm: Realm | None = None
    passed: tuple[Gateway, ...] = ()
    """The gateways it went out through."""
    first_bit_s: float = 0.0
    arrival_s: float = 0.0
    delay_s: float = 0.0
    is_lost: bool = False
    """By chance: a stream sends it again."""

    def describe(self, target: str) -> str:
        """For the trace."""
        payload = self.payload
        if payload is None:
            checksum = 0
        elif isinstance(payload, bytes):
            checksum = zlib.crc32(payload)
        else:
            checksum = payload.checksum() & 0xFFFFFFFF
        return f"{self.kind} {self.sender.name}>{target} {self.size} {checksum:08x}"
