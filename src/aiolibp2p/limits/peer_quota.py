"""Quotas of something by peer: how many each may have at once, and all peers together. Pure."""

from __future__ import annotations

from aiolibp2p.peer.peer_id import PeerId


class PeerQuota:
    """A count of something by peer: at most `per_peer` for one and `total` for all; None is no limit.

    A peer that holds none takes no memory.
    """

    def __init__(self, per_peer: int | None, total: int | None = None) -> None:
        self._per_peer = per_peer
        self._total = total
        self._taken = 0
        self._held: dict[PeerId, int] = {}

    def __len__(self) -> int:
        """Return how many peers hold any."""
        return len(self._held)

    def take(self, peer: PeerId) -> bool:
        """Count one more for this peer, to `give_back` later; return False when it or all hold as many as they may."""
        held = self._held.get(peer, 0)
        if self._per_peer is not None and held >= self._per_peer:
            return False
        if self._total is not None and self._taken >= self._total:
            return False
        self._held[peer] = held + 1
        self._taken += 1
        return True

    def give_back(self, peer: PeerId) -> None:
        """Count one less for this peer, which had taken it."""
        self._taken -= 1
        left = self._held.pop(peer) - 1
        if left:
            self._held[peer] = left
