"""Who a peer is: key pairs, peer ids, signed envelopes and signed peer records.

https://github.com/libp2p/specs: peer-ids r2, RFC 0001 (peer ids as CIDs), RFC 0002 (signed envelopes), RFC 0003
(peer records). Keys of all four kinds; a kind's code, and the cryptography it needs, load when its first key is met.

Limits: RSA of 2,048 to 8,192 bits; serialized public keys of 2,048 bytes, private ones of 8,192; envelopes of 8 KiB;
128 addresses a peer record. Where we differ: public keys are read in their canonical bytes only, so that one key has
one peer id; Ed25519 points of small order are refused; a record sealed under the RFC's own domain is read, yet ours
are sealed under the one that go, js and rust use.
"""

from aiolibp2p.peer.keys import KeyType, PrivateKey, PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peer.peer_record import PeerRecord, open_peer_record, seal_peer_record
from aiolibp2p.peer.signed_envelope import SignedEnvelope

__all__ = [
    "KeyType",
    "PeerId",
    "PeerRecord",
    "PrivateKey",
    "PublicKey",
    "SignedEnvelope",
    "open_peer_record",
    "seal_peer_record",
]
