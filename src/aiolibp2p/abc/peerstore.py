"""The memory that a host has of peers (RFC 0003 section "peer store" for the certified part)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.signed_envelope import SignedEnvelope


class Peerstore(Protocol):
    """Addresses with a time to live, public keys, protocols, signed records. Every table has a limit."""

    def add_addresses(self, peer: PeerId, addresses: Iterable[Multiaddr], ttl_s: float) -> None:
        """Remember addresses (without /p2p) for `ttl_s` seconds from now; a longer life already there stays."""
        ...

    def addresses(self, peer: PeerId) -> list[Multiaddr]:
        """Return the peer's addresses that have not expired, certified ones first, without /p2p."""
        ...

    def clear_addresses(self, peer: PeerId) -> None:
        """Forget all addresses of a peer."""
        ...

    def consume_peer_record(self, envelope: bytes, expected_peer: PeerId, ttl_s: float) -> bool:
        """Verify a signed peer record and keep its addresses as certified, in place of those not certified.

        Returns True when it was newer than what was known, False when it was not (its seq did not grow).
        Raises SignatureInvalid or FormatError when it must be dropped: bad signature, signer, record and
        `expected_peer` not one and the same.
        """
        ...

    def signed_peer_record(self, peer: PeerId) -> SignedEnvelope | None:
        """Return the newest record of a peer, in the bytes that were signed; None when there is none."""
        ...

    def add_key(self, peer: PeerId, key: PublicKey) -> None:
        """Remember a public key. Raises SignatureInvalid when it is not the peer's."""
        ...

    def key(self, peer: PeerId) -> PublicKey | None:
        """Return the peer's public key, as it was told or is part of the peer's id; None when it is neither."""
        ...

    def set_protocols(self, peer: PeerId, protocols: Iterable[str]) -> None:
        """Replace the protocols a peer is known to speak (identify)."""
        ...

    def protocols(self, peer: PeerId) -> frozenset[str] | None:
        """Return the protocol ids that the peer speaks; None when it was never identified."""
        ...

    def set_metadata(self, peer: PeerId, agent_version: str, protocol_version: str) -> None:
        """Remember the versions of software and protocol that the peer says it has."""
        ...

    def peers(self) -> list[PeerId]:
        """Return every peer that something is known of."""
        ...

    def remove(self, peer: PeerId) -> None:
        """Forget all that is known of a peer."""
        ...
