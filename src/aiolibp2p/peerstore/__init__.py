"""What a host remembers of peers: addresses, signed records, keys, protocols, names (RFC 0003 for the records).

`MemoryPeerstore` verifies what it is given: a signed record only counts when signer, record and the peer it is meant
for are one and the same and its seq is above the known one; a key only when the peer id is made of it. Every table has
a limit (`PeerstoreLimits`), smaller than go's where go's would cost a Python process hundreds of megabytes.

An address is certified while the newest signed record of its peer names it. A record takes the place of all addresses
known before; unsigned ones may be added again later, and come behind the certified ones.
"""

from aiolibp2p.peerstore.memory import MemoryPeerstore, PeerstoreLimits
from aiolibp2p.peerstore.protocol_book import PeerMetadata

__all__ = ["MemoryPeerstore", "PeerMetadata", "PeerstoreLimits"]
