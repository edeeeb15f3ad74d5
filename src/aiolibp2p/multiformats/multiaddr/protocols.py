"""The protocol table: every component a multiaddr may hold, its code, and how its value is written.

Codes come from https://github.com/multiformats/multicodec (tag `multiaddr`). Entries of that table whose value has
no settled form (scion, shs, silverpine, thread) are left out: an address that holds one counts as unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aiolibp2p.errors import InvalidMultiaddr
from aiolibp2p.multiformats import varint
from aiolibp2p.multiformats.multiaddr import codecs
from aiolibp2p.multiformats.multiaddr.codecs import Codec

VARIABLE = -1
"""The `size` of a value that brings its own length as a varint; not a number of bytes."""

_MAX_NAME_LENGTH = 32


@dataclass(frozen=True, eq=False)
class AddressProtocol:
    """One line of the table. `size` is that of the value in bytes: 0 for none, VARIABLE for a length before it.

    A path protocol (`is_path`) takes the rest of the address as its value.
    """

    name: str
    code: int
    size: int = 0
    codec: Codec | None = None
    is_path: bool = False
    code_bytes: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "code_bytes", varint.encode(self.code))


class UnknownProtocol(InvalidMultiaddr):
    """A component this package does not know; the address cannot be used, what carried it can.

    `protocol` is its name, or its code when the address came as bytes.
    """

    def __init__(self, protocol: str | int, text: str | None = None, start: int = 0, end: int = 0) -> None:
        self.protocol = protocol
        super().__init__(_unknown_reason(protocol, start), text, start, end)


def protocol_by_name(name: str) -> AddressProtocol | None:
    """The protocol of that name, `ipfs` being the old name of `p2p`; None when there is none."""
    return BY_NAME.get(name)


def protocol_by_code(code: int) -> AddressProtocol | None:
    """The protocol of that code, or None."""
    return BY_CODE.get(code)


def _unknown_reason(protocol: str | int, start: int) -> str:
    if isinstance(protocol, int):
        return f"unknown protocol code {protocol} at byte {start}"
    similar = _similar_name(protocol)
    return f"unknown protocol {protocol[:_MAX_NAME_LENGTH]!r}" + (f" (did you mean {similar}?)" if similar else "")


def _similar_name(name: str) -> str | None:
    if len(name) > _MAX_NAME_LENGTH:
        return None
    lower = name.lower()
    swapped = [known for known in BY_NAME if sorted(known) == sorted(lower)]
    import difflib  # for a typo only

    return next(iter(swapped or difflib.get_close_matches(lower, BY_NAME, 1)), None)


_PROTOCOLS = [
    AddressProtocol("ip4", 4, 4, codecs.IP4),
    AddressProtocol("tcp", 6, 2, codecs.PORT),
    AddressProtocol("dccp", 33, 2, codecs.PORT),
    AddressProtocol("ip6", 41, 16, codecs.IP6),
    AddressProtocol("ip6zone", 42, VARIABLE, codecs.IP6_ZONE),
    AddressProtocol("ipcidr", 43, 1, codecs.PREFIX_LENGTH),
    AddressProtocol("dns", 53, VARIABLE, codecs.NAME),
    AddressProtocol("dns4", 54, VARIABLE, codecs.NAME),
    AddressProtocol("dns6", 55, VARIABLE, codecs.NAME),
    AddressProtocol("dnsaddr", 56, VARIABLE, codecs.NAME),
    AddressProtocol("sctp", 132, 2, codecs.PORT),
    AddressProtocol("udp", 273, 2, codecs.PORT),
    AddressProtocol("p2p-webrtc-star", 275),
    AddressProtocol("p2p-webrtc-direct", 276),
    AddressProtocol("p2p-stardust", 277),
    AddressProtocol("webrtc-direct", 280),
    AddressProtocol("webrtc", 281),
    AddressProtocol("p2p-circuit", 290),
    AddressProtocol("udt", 301),
    AddressProtocol("utp", 302),
    AddressProtocol("unix", 400, VARIABLE, codecs.PATH, is_path=True),
    AddressProtocol("p2p", 421, VARIABLE, codecs.PEER_ID),
    AddressProtocol("https", 443),
    AddressProtocol("onion", 444, 12, codecs.ONION),
    AddressProtocol("onion3", 445, 37, codecs.ONION3),
    AddressProtocol("garlic64", 446, VARIABLE, codecs.GARLIC64),
    AddressProtocol("garlic32", 447, VARIABLE, codecs.GARLIC32),
    AddressProtocol("tls", 448),
    AddressProtocol("sni", 449, VARIABLE, codecs.NAME),
    AddressProtocol("noise", 454),
    AddressProtocol("quic", 460),
    AddressProtocol("quic-v1", 461),
    AddressProtocol("webtransport", 465),
    AddressProtocol("certhash", 466, VARIABLE, codecs.CERTIFICATE_HASH),
    AddressProtocol("ws", 477),
    AddressProtocol("wss", 478),
    AddressProtocol("p2p-websocket-star", 479),
    AddressProtocol("http", 480),
    AddressProtocol("http-path", 481, VARIABLE, codecs.HTTP_PATH),
    AddressProtocol("memory", 777, 8, codecs.NUMBER),
    AddressProtocol("plaintextv2", 7367777),
]

BY_CODE = {protocol.code: protocol for protocol in _PROTOCOLS}
"""Every protocol by its code."""

BY_CODE_BYTES = {protocol.code_bytes: protocol for protocol in _PROTOCOLS}
"""Every protocol by its code as it stands in binary addresses."""

BY_NAME = {protocol.name: protocol for protocol in _PROTOCOLS} | {"ipfs": BY_CODE[421]}
"""Every protocol by its name, and `p2p` by its old name `ipfs` too."""
