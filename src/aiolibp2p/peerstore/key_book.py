"""Public keys of peers whose id does not hold the key itself."""

from __future__ import annotations

from collections import OrderedDict

from aiolibp2p.errors import FormatError, SignatureInvalid
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId


class KeyBook:
    """Public keys by peer, at most `limit`; past it the one added longest ago goes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: OrderedDict[PeerId, PublicKey] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._keys)

    def add(self, peer: PeerId, key: PublicKey) -> None:
        """Keep a key. Raises SignatureInvalid when the peer id is not made of it."""
        if key.peer_id != peer:
            raise SignatureInvalid(f"the key is not that of peer {peer}")
        if self._inlined(peer) is not None:
            return
        self._keys[peer] = key
        self._keys.move_to_end(peer)
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)

    def get(self, peer: PeerId) -> PublicKey | None:
        """Return the key of a peer: the one that was added, or the one its id holds."""
        key = self._keys.get(peer)
        return self._inlined(peer) if key is None else key

    @staticmethod
    def _inlined(peer: PeerId) -> PublicKey | None:
        try:
            return PublicKey.of(peer)
        except FormatError:
            return None

    def remove(self, peer: PeerId) -> None:
        """Forget a peer's key."""
        self._keys.pop(peer, None)

    def peers(self) -> list[PeerId]:
        """Return the peers whose key was added."""
        return list(self._keys)
