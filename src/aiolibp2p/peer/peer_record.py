"""Peer records: a peer's addresses, signed by itself (RFC 0003).

go, js and rust seal them under another domain and type than the RFC names. Both are read; sealed is theirs, unless
the caller wants the RFC's, which older rust knows only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aiolibp2p.errors import ConfigError, FormatError, InvalidMultiaddr, LimitExceeded, SignatureInvalid
from aiolibp2p.multiformats import multicodec
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.signed_envelope import SignedEnvelope

DOMAIN = "libp2p-peer-record"
"""The domain that records are signed for by go, js and rust, and by us."""

PAYLOAD_TYPE = multicodec.LIBP2P_PEER_RECORD.to_bytes(2, "big")
"""The payload type in use by go, js and rust: the multicodec as two bytes, not as a varint."""

LEGACY_DOMAIN = "libp2p-routing-state"
"""The domain in the RFC's text, which only older rust signs records for."""

LEGACY_PAYLOAD_TYPE = b"/libp2p/routing-state-record"
"""The payload type in the RFC's text, which only older rust writes."""

MAX_RECORD_ADDRESSES = 128
"""The most addresses of a record that are read or sealed; those behind are left out.

Twice the 64 that go's peerstore keeps of a peer, and more than the 8 KiB of an envelope usually hold.
"""

MAX_SEQ = 2**64 - 1
"""The largest sequence number of a record: the field is a uint64."""

_DOMAINS = {PAYLOAD_TYPE: DOMAIN, LEGACY_PAYLOAD_TYPE: LEGACY_DOMAIN}
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class PeerRecord:
    """Where a peer says it can be reached.

    `seq` orders the records of one peer and means nothing else: it is never a time, and never compared between peers.
    """

    peer_id: PeerId
    seq: int
    addresses: tuple[Multiaddr, ...]
    """The peer's addresses, without its own /p2p, in the peer's order, each once."""


def next_seq(previous: int, wall_s: float) -> int:
    """Return a sequence number above `previous` (0 for none known): the Unix time in nanoseconds, if that is above it.

    So the numbers grow over restarts too, as long as the clock does not go back over one.
    """
    return max(previous + 1, int(wall_s * _NANOSECONDS))


def seal_peer_record(
    private_key: PrivateKey, seq: int, addresses: Iterable[Multiaddr], legacy: bool = False
) -> SignedEnvelope:
    """Sign where the owner of a key can be reached; a /p2p of its own at an address's end is left out.

    `legacy` seals it as the RFC's text says. Raises ConfigError for a seq outside uint64 or an address that ends in
    another peer's id, LimitExceeded past MAX_RECORD_ADDRESSES or what an envelope holds.
    """
    from aiolibp2p.peer.peer_record_pb2 import PeerRecord as Message  # slow to load, so on first use

    if not 0 <= seq <= MAX_SEQ:
        raise ConfigError(f"the sequence number {seq} of a peer record is not 0 to 2**64 - 1")
    peer = private_key.peer_id
    message = Message(peer_id=peer.to_bytes(), seq=seq)
    for address in _own_addresses(addresses, peer):
        message.addresses.add(multiaddr=address.to_bytes())
    if len(message.addresses) > MAX_RECORD_ADDRESSES:
        raise LimitExceeded(
            f"{len(message.addresses)} addresses are over a peer record's limit of {MAX_RECORD_ADDRESSES}"
        )
    payload = message.SerializeToString(deterministic=True)
    if legacy:
        return SignedEnvelope.seal(private_key, LEGACY_DOMAIN, LEGACY_PAYLOAD_TYPE, payload)
    return SignedEnvelope.seal(private_key, DOMAIN, PAYLOAD_TYPE, payload)


def open_peer_record(envelope: bytes | SignedEnvelope, expected_peer: PeerId | None) -> PeerRecord:
    """Verify a signed peer record and read it: the only way in for records, wherever they come from.

    The signature is checked before the payload is parsed. Signer, record and `expected_peer` must be one peer; pass
    None only where any peer's record will do. Addresses that do not parse, or end in another peer's id, are left out.
    Raises FormatError when it is no peer record, SignatureInvalid when it proves nothing: drop it whole then.
    """
    if not isinstance(envelope, SignedEnvelope):
        envelope = SignedEnvelope.decode(envelope)
    domain = _DOMAINS.get(envelope.payload_type)
    if domain is None:
        raise FormatError(f"the envelope holds no peer record: its payload type is {envelope.payload_type[:32]!r}")
    signer = envelope.public_key.peer_id
    if expected_peer is not None and signer != expected_peer:
        raise SignatureInvalid(f"the peer record is signed by {signer}, not by {expected_peer}")
    envelope.verify(domain)
    return _read(envelope.payload, signer)


def _read(payload: bytes, signer: PeerId) -> PeerRecord:
    """Return the record in a payload that `signer` has signed."""
    from google.protobuf.message import DecodeError

    from aiolibp2p.peer.peer_record_pb2 import PeerRecord as Message  # slow to load, so on first use

    message = Message()
    try:
        message.ParseFromString(payload)
    except DecodeError:
        raise FormatError("not a peer record: the protobuf does not parse") from None
    peer = PeerId(message.peer_id)
    if peer != signer:
        raise SignatureInvalid(f"the record of peer {peer} is signed by {signer}")
    raw = (info.multiaddr for info in message.addresses[:MAX_RECORD_ADDRESSES])
    found = dict.fromkeys(filter(None, (_without_own_id(address, peer) for address in _readable(raw))))
    return PeerRecord(peer, message.seq, tuple(found))


def _readable(raw: Iterable[bytes]) -> Iterator[Multiaddr]:
    """Return the addresses that parse; a newer peer may well have others."""
    for data in raw:
        try:
            yield Multiaddr(data)
        except InvalidMultiaddr:
            continue


def _own_addresses(addresses: Iterable[Multiaddr], peer: PeerId) -> list[Multiaddr]:
    """Return the addresses as we announce them: each once, without our own id at its end."""
    own: dict[Multiaddr, None] = {}
    for address in addresses:
        bare = _without_own_id(address, peer)
        if not bare:
            raise ConfigError(f"{address} cannot be in the record of peer {peer}: it leads to another peer, or nowhere")
        own[bare] = None
    return list(own)


def _without_own_id(address: Multiaddr, peer: PeerId) -> Multiaddr | None:
    """Return the address without the peer's id at its end; None when it ends in another's."""
    while (bare := address.without_p2p()) != address:
        if address.p2p_bytes != peer.to_bytes():
            return None
        address = bare
    return address
