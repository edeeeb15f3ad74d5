"""Multiaddr: self-describing network addresses, `/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo...`.

https://github.com/libp2p/specs/blob/master/addressing/README.md (r0) and https://github.com/multiformats/multiaddr.
An address keeps the bytes it came with and is checked whole when it is made. Limits: 4,096 bytes, 64 components.

Where we differ: names and paths must be printable UTF-8, since they end in logs and lookups; `+` in an
http-path is a plus sign (RFC 3986), not a space; identity peer ids hold at most 42 bytes; in base32 and base64 the
leftover bits must be zero; the value of /memory is a number in 8 bytes, as in go and rust, where the table lets it
have any length.
"""

from aiolibp2p.multiformats.multiaddr.address import Multiaddr
from aiolibp2p.multiformats.multiaddr.parsing import MAX_COMPONENTS, MAX_LENGTH, Component
from aiolibp2p.multiformats.multiaddr.protocols import (
    AddressProtocol,
    UnknownProtocol,
    protocol_by_code,
    protocol_by_name,
)

__all__ = [
    "MAX_COMPONENTS",
    "MAX_LENGTH",
    "AddressProtocol",
    "Component",
    "Multiaddr",
    "UnknownProtocol",
    "protocol_by_code",
    "protocol_by_name",
]
