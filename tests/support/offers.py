"""Securities whose handshakes offer muxers of the test's choice."""

from __future__ import annotations

from collections.abc import Sequence

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured, Security
from aiolibp2p.abc.machine import ByteMachine
from aiolibp2p.peer.peer_id import PeerId


class Offers(Security):
    """Another security, which offers these muxers whatever it is told to offer."""

    def __init__(self, security: Security, muxers: Sequence[str]) -> None:
        self.protocol_id = security.protocol_id
        self._security = security
        self._muxers = muxers

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> ByteMachine[Secured]:
        return self._security.start(role, expected_peer, prologue, self._muxers)
