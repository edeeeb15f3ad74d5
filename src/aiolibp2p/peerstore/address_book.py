"""Addresses of peers, each with the time at which it is forgotten. Pure: the caller says what time it is."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

Dated = tuple[float, int, PeerId, Multiaddr]
"""One kept address: the time it ends, in seconds of `now`, a serial number, its peer, and the address itself."""


class AddressBook:
    """Addresses by peer. One that never ends (`math.inf`) belongs to a connected peer, and counts apart.

    Past a limit the address that ends first goes; among equals the one that came last (of a peer), or first (of all).
    An endless one past its own limit is not taken. Ended addresses are dropped as others come.
    """

    def __init__(self, *, per_peer: int, connected_per_peer: int, total: int, max_bytes: int) -> None:
        self._per_peer = per_peer
        self._connected_per_peer = connected_per_peer
        self._total = total
        self._max_bytes = max_bytes
        self._peers: dict[PeerId, dict[Multiaddr, Dated]] = {}
        self._ending: list[Dated] = []
        self._mortal = 0
        self._serial = 0

    def __len__(self) -> int:
        """Return how many addresses are kept, those without an end not counted."""
        return self._mortal

    def add(self, peer: PeerId, addresses: Iterable[Multiaddr], until: float, now: float) -> None:
        """Keep the addresses until `until`; one that already lives longer stays as it is. One too long is skipped."""
        self.expire(now)
        if until <= now:
            return
        mine = self._peers.setdefault(peer, {})
        endless = until == math.inf
        room = self._connected_per_peer - sum(entry[0] == math.inf for entry in mine.values()) if endless else 0
        for address in addresses:
            if endless and room <= 0:
                break
            room -= self._add(peer, mine, address, until)
        self._trim(mine)
        if not mine:
            self._peers.pop(peer, None)
        while self._mortal > self._total:
            self._drop(heapq.heappop(self._ending))
        self._compact()

    def _add(self, peer: PeerId, mine: dict[Multiaddr, Dated], address: Multiaddr, until: float) -> bool:
        old = mine.get(address)
        if old is not None and old[0] >= until:
            return False
        if not address or len(address.to_bytes()) > self._max_bytes:
            return False
        self._serial += 1
        entry = mine[address] = (until, self._serial, peer, address)
        self._mortal -= old is not None
        if until < math.inf:
            self._mortal += 1
            heapq.heappush(self._ending, entry)
        return True

    def _trim(self, mine: dict[Multiaddr, Dated]) -> None:
        mortal = [entry for entry in mine.values() if entry[0] < math.inf]
        mortal.sort(key=lambda entry: (-entry[0], entry[1]))
        for entry in mortal[self._per_peer :]:
            self._drop(entry)

    def get(self, peer: PeerId, now: float) -> list[Multiaddr]:
        """Return the addresses of a peer that have not ended, in the order they came."""
        return [address for address, entry in self._peers.get(peer, {}).items() if entry[0] > now]

    def keep_only(self, peer: PeerId, addresses: Iterable[Multiaddr]) -> None:
        """Drop every address of the peer that is not among these."""
        kept = frozenset(addresses)
        for address, entry in list(self._peers.get(peer, {}).items()):
            if address not in kept:
                self._drop(entry)

    def clear(self, peer: PeerId) -> None:
        """Drop all addresses of a peer."""
        self.keep_only(peer, ())

    def peers(self, now: float) -> list[PeerId]:
        """Return the peers with an address that has not ended, in the order they came."""
        self.expire(now)
        return list(self._peers)

    def expire(self, now: float) -> None:
        """Drop the addresses that have ended."""
        while self._ending and self._ending[0][0] <= now:
            self._drop(heapq.heappop(self._ending))

    def _drop(self, entry: Dated) -> None:
        until, _, peer, address = entry
        mine = self._peers.get(peer)
        # The heap still holds entries that were replaced or dropped since.
        if mine is None or mine.get(address) is not entry:
            return
        del mine[address]
        self._mortal -= until < math.inf
        if not mine:
            del self._peers[peer]

    def _compact(self) -> None:
        if len(self._ending) > 2 * self._mortal + 64:
            everything = (entry for mine in self._peers.values() for entry in mine.values())
            self._ending = [entry for entry in everything if entry[0] < math.inf]
            heapq.heapify(self._ending)
