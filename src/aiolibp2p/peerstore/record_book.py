"""Signed peer records that were verified: the newest of each peer (RFC 0003, "certified" addresses)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


@dataclass(frozen=True)
class CertifiedRecord:
    """A record as it was signed: `envelope` has its bytes, `seq` its number, `addresses` its addresses without /p2p."""

    envelope: bytes
    seq: int
    addresses: tuple[Multiaddr, ...]


class RecordBook:
    """Signed records by peer, at most `limit`; past it the one longest without news goes, and its seq is forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._records: OrderedDict[PeerId, CertifiedRecord] = OrderedDict()

    def __len__(self) -> int:
        """Return how many records are kept."""
        return len(self._records)

    def accept(self, peer: PeerId, envelope: bytes, seq: int, addresses: Sequence[Multiaddr]) -> bool:
        """Keep a verified record if its seq is above the known one; return whether it was."""
        known = self._records.get(peer)
        if known is not None and seq <= known.seq:
            return False
        self._records[peer] = CertifiedRecord(envelope, seq, tuple(addresses))
        self._records.move_to_end(peer)
        if len(self._records) > self._limit:
            self._records.popitem(last=False)
        return True

    def get(self, peer: PeerId) -> CertifiedRecord | None:
        """Return the newest record of a peer, or None."""
        return self._records.get(peer)

    def remove(self, peer: PeerId) -> None:
        """Forget a peer's record, its seq too."""
        self._records.pop(peer, None)

    def peers(self) -> list[PeerId]:
        """Return the peers with a record."""
        return list(self._records)
