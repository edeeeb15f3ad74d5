"""The codes of the multicodec table that this package uses.

https://github.com/multiformats/multicodec. Addresses keep their codes in `multiaddr.protocols`.
"""

from __future__ import annotations

IDENTITY = 0x00
"""The hash function "identity" in a multihash: the digest is the data itself."""

SHA2_256 = 0x12
"""The hash function SHA-256 in a multihash, with a digest of 32 bytes."""

RAW = 0x55
"""The content type of plain bytes in a CID."""

DAG_PB = 0x70
"""The content type of MerkleDAG protobuf in a CID; what every version 0 CID means."""

LIBP2P_KEY = 0x72
"""The content type of a libp2p public key in a CID; marks the CID as a peer id."""

LIBP2P_PEER_RECORD = 0x0301
"""The payload type of a peer's addresses in a signed envelope (RFC 0003)."""

LIBP2P_RELAY_RSVP = 0x0302
"""The payload type of a relay's reservation voucher in a signed envelope (circuit v2)."""
