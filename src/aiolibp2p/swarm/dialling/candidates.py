"""Candidates: the addresses of a request that are dialled, and their order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from aiolibp2p.errors import Gated, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.dialling.history import DialHistory
from aiolibp2p.swarm.dialling.ranker import RankedAddress, Ranker
from aiolibp2p.swarm.gates import Gates


@dataclass
class Candidates:
    """Addresses to dial, and those that are not dialled with the reason why."""

    ranked: Sequence[RankedAddress] = ()
    refused: list[tuple[Multiaddr, BaseException]] = field(default_factory=list)


@dataclass(frozen=True)
class Selection:
    """Picks candidates: what no transport dials goes first, then what the gater or the history refuses; then they are
    ranked. Whoever cuts the list to a limit does it after that, so that nothing useless takes a good one's place."""

    can_dial: Callable[[Multiaddr], bool]
    gates: Gates
    history: DialHistory
    ranker: Ranker

    def select(self, peer: PeerId | None, addresses: Iterable[Multiaddr], now: float) -> Candidates:
        """Return the candidates among addresses that hold no names; each is looked at once."""
        candidates = Candidates()
        chosen: list[Multiaddr] = []
        for address in dict.fromkeys(addresses):
            refusal = self._refusal(peer, address, now)
            if refusal is None:
                chosen.append(address)
            else:
                candidates.refused.append((address, refusal))
        candidates.ranked = self.ranker(chosen)
        return candidates

    def _refusal(self, peer: PeerId | None, address: Multiaddr, now: float) -> BaseException | None:
        if not self.can_dial(address.without_p2p()):
            return UnsupportedAddress("no transport of this host dials such an address")
        try:
            self.gates.address(peer, address)
        except Gated as error:
            return error
        return self.history.refusal(peer, address, now)
