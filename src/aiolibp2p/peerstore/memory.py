"""The peerstore that lives in memory and ends with its host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.peer_record import open_peer_record
from aiolibp2p.peer.signed_envelope import SignedEnvelope
from aiolibp2p.peerstore.address_book import AddressBook
from aiolibp2p.peerstore.key_book import KeyBook
from aiolibp2p.peerstore.protocol_book import PeerMetadata, ProtocolBook
from aiolibp2p.peerstore.record_book import RecordBook


@dataclass(frozen=True)
class PeerstoreLimits:
    """How much a peerstore keeps. The defaults hold the whole store under about 150 MB, however hostile the peers."""

    addresses_per_peer: int = 64
    """Addresses of one peer that is not connected, as in go."""
    connected_addresses_per_peer: int = 500
    """Addresses of one connected peer: they do not end while it is connected. go takes as many."""
    addresses: int = 100_000
    """Addresses of all peers together, those of connected peers not counted; go keeps ten times as many."""
    address_bytes: int = 1024
    """The longest address, in bytes, that is remembered; the usual ones have under 300."""
    records: int = 4096
    """Signed peer records, one for each peer; go keeps 100,000, of up to 8 KiB each."""
    protocols_per_peer: int = 1024
    """Protocol ids of one peer, as in go's identify; the rest is dropped."""
    peers: int = 20_000
    """Peers with a key, peers with protocols, and peers with names: each table holds this many."""
    protocol_characters: int = 16 * 1024 * 1024
    """Characters in all protocol ids of all peers together: some 800 for each of `peers`, as a busy peer has."""


class MemoryPeerstore(Peerstore):
    """A peerstore in memory, for one event loop. Times are those of `runtime.now`."""

    def __init__(self, runtime: Runtime, limits: PeerstoreLimits | None = None) -> None:
        limits = limits or PeerstoreLimits()
        self._now = runtime.now
        self._addresses = AddressBook(
            per_peer=limits.addresses_per_peer,
            connected_per_peer=limits.connected_addresses_per_peer,
            total=limits.addresses,
            max_bytes=limits.address_bytes,
        )
        self._records = RecordBook(limits.records)
        self._keys = KeyBook(limits.peers)
        self._protocols = ProtocolBook(
            per_peer=limits.protocols_per_peer, peers=limits.peers, characters=limits.protocol_characters
        )

    # Addresses

    def add_addresses(self, peer: PeerId, addresses: Iterable[Multiaddr], ttl_s: float) -> None:
        now = self._now()
        self._addresses.add(peer, (address.without_p2p() for address in addresses), now + ttl_s, now)

    def addresses(self, peer: PeerId) -> list[Multiaddr]:
        known = self._addresses.get(peer, self._now())
        record = self._records.get(peer)
        if record is None:
            return known
        certified = frozenset(record.addresses)
        return sorted(known, key=lambda address: address not in certified)

    def certified_addresses(self, peer: PeerId) -> list[Multiaddr]:
        """Return those of `addresses` that the peer's newest signed record names."""
        record = self._records.get(peer)
        certified = frozenset(record.addresses if record else ())
        return [address for address in self._addresses.get(peer, self._now()) if address in certified]

    def clear_addresses(self, peer: PeerId) -> None:
        """Forget all addresses of a peer. Its signed record's seq is still known, so no older record is taken."""
        self._addresses.clear(peer)

    # Signed records

    def consume_peer_record(self, envelope: bytes, expected_peer: PeerId, ttl_s: float) -> bool:
        """Verify a record and let its addresses take the place of all others of the peer (RFC 0003).

        Return True when its seq is above the known one. Otherwise return False and change nothing, except that the
        record known already, byte for byte, gives its addresses `ttl_s` more seconds. Raises SignatureInvalid or
        FormatError for one that must be dropped, or is longer than an envelope may be.
        """
        known = self._records.get(expected_peer)
        if known is not None and known.envelope == envelope:
            self.add_addresses(expected_peer, known.addresses, ttl_s)
            return False
        record = open_peer_record(envelope, expected_peer)
        addresses = [address.without_p2p() for address in record.addresses]
        if not self._records.accept(expected_peer, envelope, record.seq, addresses):
            return False
        self._addresses.keep_only(expected_peer, addresses)
        self.add_addresses(expected_peer, addresses, ttl_s)
        return True

    def signed_peer_record(self, peer: PeerId) -> SignedEnvelope | None:
        """Return the newest record of a peer, bytes as they were signed; None once all its addresses have expired."""
        record = self._records.get(peer)
        if record is None or (record.addresses and not self.certified_addresses(peer)):
            return None
        return SignedEnvelope.decode(record.envelope)

    # Keys

    def add_key(self, peer: PeerId, key: PublicKey) -> None:
        self._keys.add(peer, key)

    def key(self, peer: PeerId) -> PublicKey | None:
        return self._keys.get(peer)

    # Protocols and names

    def set_protocols(self, peer: PeerId, protocols: Iterable[str]) -> None:
        self._protocols.set(peer, protocols)

    def protocols(self, peer: PeerId) -> frozenset[str] | None:
        return self._protocols.get(peer)

    def set_metadata(self, peer: PeerId, agent_version: str, protocol_version: str) -> None:
        """Remember the names that a peer gives itself, cut to 128 code points, controls escaped."""
        self._protocols.set_metadata(peer, agent_version, protocol_version)

    def metadata(self, peer: PeerId) -> PeerMetadata | None:
        """Return the names that a peer gives itself; None when it never said."""
        return self._protocols.metadata(peer)

    # Peers

    def peers(self) -> list[PeerId]:
        books = (self._addresses.peers(self._now()), self._records.peers(), self._keys.peers(), self._protocols.peers())
        return list(dict.fromkeys(peer for book in books for peer in book))

    def remove(self, peer: PeerId) -> None:
        """Forget everything about a peer, its record's seq too."""
        self._addresses.clear(peer)
        self._records.remove(peer)
        self._keys.remove(peer)
        self._protocols.remove(peer)
