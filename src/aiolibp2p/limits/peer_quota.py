"""How many of something each peer may have at once, and all peers together. Pure."""

from __future__ import annotations

import math

from aiolibp2p.peer.peer_id import PeerId


class PeerQuota:
    """At most `per_peer` of one peer and `total` of all; peers that have none are not remembered."""

    def __init__(self, per_peer: int, total: float = math.inf) -> None:
        self._per_peer = per_peer
        self._total = total
        self._held: dict[PeerId, int] = {}

    def __len__(self) -> int:
        """Peers that hold any."""
        return len(self._held)

    def take(self, peer: PeerId) -> bool:
        """One more for this peer; False when it, or all together, have as many as they may. `give_back` it later."""
        held = self._held.get(peer, 0)
        if held >= self._per_peer or (self._total < math.inf and sum(self._held.values()) >= self._total):
            return False
        self._held[peer] = held + 1
        return True

    def give_back(self, peer: PeerId) -> None:
        """One that was taken is over."""
        left = self._held.pop(peer) - 1
        if left:
            self._held[peer] = left
