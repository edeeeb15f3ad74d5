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
        """Everybody who joined and has not left."""
        return list(self._heard)

    def join(self, peer: PeerId) -> None:
        """A peer is connected. Idempotent."""
        self._heard.setdefault(peer, 0)

    def leave(self, peer: PeerId) -> bool:
        """A peer is connected no more; whether it was."""
        return self._heard.pop(peer, None) is not None

    def heard(self, peer: PeerId, revision: int) -> None:
        """A peer has been sent this revision. One that has left meanwhile is not remembered for it."""
        heard = self._heard.get(peer)
        if heard is not None and heard < revision:
            self._heard[peer] = revision

    def missed_a_change(self, peer: PeerId, revision: int) -> bool:
        """Whether it heard a revision before this one, and no more."""
        return 0 < self._heard.get(peer, 0) < revision

    def to_be_told(
        self, connections: Iterable[MuxedConnection], revision: int, store: Peerstore
    ) -> list[MuxedConnection]:
        """Of these connections the first open one to every peer that takes pushes and has not heard this revision."""
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
        """A push is due; whether rounds are to `begin`. Otherwise those under way see to it."""
        self._due = True
        return not self._under_way

    def begin(self) -> None:
        """Rounds are under way."""
        self._under_way = True

    def next(self) -> bool:
        """Whether to go round (once more)."""
        due, self._due = self._due, False
        return due

    def end(self) -> None:
        """No round is under way, whether done or given up."""
        self._under_way = False
