"""Identifier: asks a peer who it is; `host.identify` asks whichever service provides it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from aiolibp2p.abc.host import Target
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.signed_envelope import SignedEnvelope


@dataclass(frozen=True)
class IdentifyResult:
    """The things that a peer told about itself. Versions are cut to 128 code points, unprintable characters escaped.

    `listen_addresses` (without /p2p) are those that may lead to it from here: of its signed record if that was
    valid (`signed_peer_record`), else as it listed them. `observed_address` is where it sees this host.
    """

    peer_id: PeerId
    agent_version: str = ""
    protocol_version: str = ""
    protocols: tuple[str, ...] = ()
    listen_addresses: tuple[Multiaddr, ...] = ()
    observed_address: Multiaddr | None = None
    signed_peer_record: SignedEnvelope | None = None
    public_key: PublicKey | None = None


class Identifier(ABC):
    """A service that asks peers who they are."""

    @abstractmethod
    async def identify(self, target: Target) -> IdentifyResult:
        """Ask a peer who it is and what it speaks; connects first if need be.

        Raises TimeoutExpired when the answer is not complete in time, and ProtocolViolation when it is none.
        """
