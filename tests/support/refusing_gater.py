"""A gater for tests of the five gates."""

from __future__ import annotations

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


class RefusingGater(Gater):
    """Notes the name of each gate it is asked at, and says no at one of them."""

    def __init__(self, refuses: str = "") -> None:
        self.asked: list[str] = []
        self._refuses = refuses

    def _answer(self, gate: str) -> bool:
        self.asked.append(gate)
        return gate != self._refuses

    def allow_peer(self, peer: PeerId) -> bool:
        return self._answer("peer")

    def allow_address(self, peer: PeerId | None, address: Multiaddr) -> bool:
        return self._answer("address")

    def allow_accepted(self, remote: Multiaddr) -> bool:
        return self._answer("accepted")

    def allow_secured(self, peer: PeerId, remote: Multiaddr, is_outbound: bool) -> bool:
        return self._answer("secured")

    def allow_upgraded(self, connection: MuxedConnection) -> bool:
        return self._answer("upgraded")
