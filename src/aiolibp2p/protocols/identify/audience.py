"""The connected peers: which revision of our description each has heard, who is to be told, and when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.identify.messages import PUSH_ID

if TYPE_CHECKING:
    from aiolibp2p.abc.peerstore import Peerstore
    from aiolibp2p.abc.stream import MuxedConnection


class Audience:
    """Peers by the revision they have heard; 0 for none. A revision is a number that grows with every change."""

    def __init__(self) -> None:
        self._heard: dict[PeerId, int] = {}

    @property
    def peers(self) -> list[PeerId]:
        """The peers that joined and have not left."""
        return list(self._heard)

    def join(self, peer: PeerId) -> None:
        """Count a peer that is connected. Idempotent."""
        self._heard.setdefault(peer, 0)

    def leave(self, peer: PeerId) -> bool:
        """Forget a peer that is connected no more, and return whether it was."""
        return self._heard.pop(peer, None) is not None

    def heard(self, peer: PeerId, revision: int) -> None:
        """Note that a peer has been sent this revision. One that has left meanwhile is not remembered for it."""
        heard = self._heard.get(peer)
        if heard is not None and heard < revision:
            self._heard[peer] = revision

    def missed_a_change(self, peer: PeerId, revision: int) -> bool:
        """Return whether the last revision that a peer heard, if it heard any, came before this one."""
        return 0 < self._heard.get(peer, 0) < revision

    def to_be_told(
        self, connections: Iterable[MuxedConnection], revision: int, store: Peerstore
    ) -> list[MuxedConnection]:
        """Return the first open connection to every peer that takes pushes and has not heard this revision."""
        chosen: dict[PeerId, MuxedConnection] = {}
        for connection in connections:
            peer = connection.remote_peer
            if connection.is_closed or peer in chosen:
                continue
            self.join(peer)
            if self._heard[peer] < revision and PUSH_ID in (store.protocols(peer) or ()):
                chosen[peer] = connection
        return list(chosen.values())


class PushRounds:
    """One round of pushes at a time; whatever falls due during one makes for one more after it."""

    def __init__(self) -> None:
        self._under_way = False
        self._due = False

    def due(self) -> bool:
        """Note that a push is due, and return whether rounds are to `begin`. Otherwise those under way see to it."""
        self._due = True
        return not self._under_way

    def begin(self) -> None:
        """Note that rounds are under way."""
        self._under_way = True

    def next(self) -> bool:
        """Return whether to go round (once more)."""
        due, self._due = self._due, False
        return due

    def end(self) -> None:
        """Note that no round is under way, whether done or given up."""
        self._under_way = False
