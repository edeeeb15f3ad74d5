"""The codes of the multicodec table that this package uses.

https://github.com/multiformats/multicodec. Addresses keep their codes in `multiaddr.protocols`.
"""

from __future__ import annotations

IDENTITY = 0x00
"""Multihash: the digest is the data itself."""

SHA2_256 = 0x12
"""Multihash: SHA-256, 32 bytes."""

RAW = 0x55
"""Content: plain bytes."""

DAG_PB = 0x70
"""Content: MerkleDAG protobuf; what every version 0 CID means."""

LIBP2P_KEY = 0x72
"""Content: a libp2p public key; marks a CID as a peer id."""

LIBP2P_PEER_RECORD = 0x0301
"""Signed envelope: a peer's addresses (RFC 0003)."""

LIBP2P_RELAY_RSVP = 0x0302
"""Signed envelope: a relay's reservation voucher (circuit v2)."""
