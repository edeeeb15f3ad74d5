"""Self-describing formats: varint, multibase, multihash, multicodec, cid and multiaddr.

https://github.com/multiformats/multiformats, as libp2p uses them (addressing r0, peer ids r2). Pure functions and
immutable values on the standard library alone; every parser raises a `FormatError` for whatever it cannot read.

Limits: varints of 9 bytes; base58 and base36 of 1,024 bytes (their cost is quadratic); multihash digests of 128 bytes;
multiaddrs of 4,096 bytes and 64 components. Only the bases, hashes and content types that libp2p needs are named.
"""

from aiolibp2p.multiformats.cid import Cid
from aiolibp2p.multiformats.multiaddr import Component, Multiaddr, UnknownProtocol
from aiolibp2p.multiformats.multihash import Multihash

__all__ = ["Cid", "Component", "Multiaddr", "Multihash", "UnknownProtocol"]
