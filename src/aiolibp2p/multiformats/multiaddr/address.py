"""The class `Multiaddr`: an immutable network address over its binary form."""

from __future__ import annotations

import ipaddress
from functools import lru_cache, total_ordering
from typing import Literal, TypeAlias, final

from aiolibp2p.errors import InvalidMultiaddr
from aiolibp2p.multiformats.multiaddr import ip_ranges, parsing
from aiolibp2p.multiformats.multiaddr.parsing import Component, Span
from aiolibp2p.multiformats.multiaddr.protocols import BY_NAME, AddressProtocol, protocol_by_name

AddressLike: TypeAlias = "str | bytes | bytearray | memoryview | Multiaddr"
"""What an address can be made from."""

MEMO_ENTRIES = 1024
"""Recent addresses that are kept in memory, so that one met again is neither checked nor printed again.

With the longest ones it is some 0.5 MB; a host that knows a few hundred peers meets about as many.
"""

MEMO_MAX_LENGTH = 256
"""The longest address, in bytes or characters, that is kept in that memory; a relayed one has about 150."""

_P2P = BY_NAME["p2p"]
_CIRCUIT = BY_NAME["p2p-circuit"]
_IP4 = BY_NAME["ip4"]
_IP6 = BY_NAME["ip6"]
_IP6_ZONE = BY_NAME["ip6zone"]
_TCP = BY_NAME["tcp"]
_UDP = BY_NAME["udp"]


@lru_cache(maxsize=MEMO_ENTRIES)
def _packed(ip: str) -> bytes:
    """The bytes of an IP address in text; raises ValueError."""
    return ip_ranges.unmapped(ipaddress.ip_address(ip).packed)


@final
@total_ordering
class Multiaddr:
    """A network address. Its bytes are kept as they came; equality, order and hash are those of the bytes.

    `Multiaddr("/ip4/192.0.2.1/tcp/4001")`, from bytes, or from another. Raises InvalidMultiaddr, which points at the
    wrong part, and its kind UnknownProtocol. Taking parts away can leave the empty address: it is false, its text
    is "", and no text or bytes parse to it.
    """

    __slots__ = ("_components", "_data", "_spans", "_text")

    _components: tuple[Component, ...] | None
    _data: bytes
    _spans: tuple[Span, ...]
    _text: str | None

    def __new__(cls, value: AddressLike) -> Multiaddr:
        """Parse text or bytes whole; an address is returned as it is."""
        if isinstance(value, Multiaddr):
            return value
        if isinstance(value, str):
            return cls._read(value) if len(value) <= MEMO_MAX_LENGTH else cls._make(parsing.to_bytes(value))
        data = bytes(value)
        if not data:
            raise InvalidMultiaddr("no component")
        return cls._make(data)

    @classmethod
    @lru_cache(maxsize=MEMO_ENTRIES)
    def _read(cls, text: str) -> Multiaddr:
        return cls._make(parsing.to_bytes(text))

    @classmethod
    def from_ip_port(cls, ip: str, kind: Literal["tcp", "udp"], port: int) -> Multiaddr:
        """The address of a socket, as operating systems name it: IPv6 may end in %zone, which becomes /ip6zone.

        IPv4 inside IPv6 (::ffff:192.0.2.1) becomes /ip4. Raises InvalidMultiaddr for a bad ip, zone or port.
        """
        address, _, zone = ip.partition("%")
        try:
            raw = _packed(address)
            zone_bytes = zone.encode()
            tail = parsing.join(BY_NAME[kind], port.to_bytes(2, "big"))
        except ValueError:
            raise InvalidMultiaddr(f"{ip[:64]!r} is not an IP address") from None
        except OverflowError:
            raise InvalidMultiaddr(f"port {port} is not 0 to 65535") from None
        if len(raw) == 4:
            return cls._make(parsing.join(_IP4, raw) + tail)
        head = parsing.join(_IP6_ZONE, zone_bytes) if zone else b""
        return cls._make(head + parsing.join(_IP6, raw) + tail)

    @classmethod
    def _make(cls, data: bytes) -> Multiaddr:
        return cls._remembered(data) if len(data) <= MEMO_MAX_LENGTH else cls._scanned(data)

    @classmethod
    @lru_cache(maxsize=MEMO_ENTRIES)
    def _remembered(cls, data: bytes) -> Multiaddr:
        return cls._scanned(data)

    @classmethod
    def _scanned(cls, data: bytes) -> Multiaddr:
        self = object.__new__(cls)
        self._spans = parsing.scan(data)
        self._data = data
        self._text = None
        self._components = None
        return self

    def to_bytes(self) -> bytes:
        """The binary form, which is what peers exchange."""
        return self._data

    def __bytes__(self) -> bytes:
        """Return the binary form of this address, as `to_bytes` does."""
        return self._data

    def __str__(self) -> str:
        """The canonical text: /p2p for /ipfs, IPv6 compressed, no slash at the end."""
        if self._text is None:
            self._text = parsing.to_text(self._data, self._spans)
        return self._text

    def __repr__(self) -> str:
        return f"Multiaddr({str(self)!r})"

    def __bool__(self) -> bool:
        """Return whether this address has a component."""
        return bool(self._data)

    def __eq__(self, other: object) -> bool:
        return self._data == other.to_bytes() if isinstance(other, Multiaddr) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._data < other.to_bytes() if isinstance(other, Multiaddr) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._data)

    def __reduce__(self) -> tuple[object, ...]:
        return self._make, (self._data,)

    def __copy__(self) -> Multiaddr:
        return self

    def __deepcopy__(self, memo: object) -> Multiaddr:
        return self

    def components(self) -> tuple[Component, ...]:
        """The components of this address, in order."""
        if self._components is None:
            self._components = tuple([parsing.component(self._data, span) for span in self._spans])
        return self._components

    def protocols(self) -> tuple[str, ...]:
        """The names of this address's components in order, as ("ip4", "udp", "quic-v1")."""
        return tuple(span[0].name for span in self._spans)

    def value_for(self, name: str) -> str | None:
        """Return the value of the first component of that name; None when there is none, or it takes no value."""
        return self._value(self._first(protocol_by_name(name)))

    def last_value_for(self, name: str) -> str | None:
        """Return the value of the last component of that name; None when there is none, or it takes no value."""
        return self._value(self._last(protocol_by_name(name)))

    def encapsulate(self, other: AddressLike) -> Multiaddr:
        """This address with `other` behind it. Raises InvalidMultiaddr when they are too long together."""
        return self._make(self._data + Multiaddr(other).to_bytes())

    def __truediv__(self, other: AddressLike) -> Multiaddr:
        """`encapsulate`, for text with or without its first slash: `address / "tcp/80"`."""
        return self.encapsulate("/" + other.lstrip("/") if isinstance(other, str) else other)

    def decapsulate(self, other: AddressLike) -> Multiaddr:
        """This address up to where `other` last occurs in it; whole when it does not."""
        part = Multiaddr(other).to_bytes()
        for span in reversed(self._spans):
            if part and self._data.startswith(part, span[1]):
                return self._make(self._data[: span[1]])
        return self

    def starts_with(self, other: AddressLike) -> bool:
        """Whether `other` is this address or its beginning, in whole components."""
        return self._data.startswith(Multiaddr(other).to_bytes())

    @property
    def p2p(self) -> str | None:
        """The last peer id in this address, in base58, or None: whom the address leads to, through relays or not."""
        return self._value(self._last(_P2P))

    @property
    def p2p_bytes(self) -> bytes | None:
        """The last peer id in this address as multihash bytes, or None."""
        span = self._last(_P2P)
        return None if span is None else self._data[span[2] : span[3]]

    def without_p2p(self) -> Multiaddr:
        """This address without the peer id at its end; peer ids further in stay."""
        if not self._spans or self._spans[-1][0] is not _P2P:
            return self
        return self._make(self._data[: self._spans[-1][1]])

    def with_p2p(self, multihash: bytes) -> Multiaddr:
        """This address ending in that peer id (multihash bytes), in place of one already at its end.

        Raises InvalidMultiaddr when the bytes are no peer id.
        """
        return self._make(self.without_p2p().to_bytes() + parsing.join(_P2P, multihash))

    def split_circuit(self) -> tuple[Multiaddr, Multiaddr] | None:
        """What lies before the last /p2p-circuit (the relay) and behind it (the destination); None without one.

        Either can be the empty address.
        """
        span = self._last(_CIRCUIT)
        return None if span is None else (self._make(self._data[: span[1]]), self._make(self._data[span[3] :]))

    @property
    def ip(self) -> str | None:
        """The first IP address in this address as text, without its zone; behind a relay that is the relay's."""
        return self._value(self._first(_IP4, _IP6))

    @property
    def port(self) -> int | None:
        """The first TCP or UDP port in this address, or None."""
        span = self._first(_TCP, _UDP)
        return None if span is None else int.from_bytes(self._data[span[2] : span[3]], "big")

    @property
    def is_loopback(self) -> bool:
        """Whether the first IP address in this address is the machine itself (127.0.0.0/8, ::1)."""
        return (raw := self._raw_ip()) is not None and ip_ranges.is_loopback(raw)

    @property
    def is_private(self) -> bool:
        """Whether the first IP address in this address is of a private network; loopback and link-local are not."""
        return (raw := self._raw_ip()) is not None and ip_ranges.is_private(raw)

    @property
    def is_unspecified(self) -> bool:
        """Whether the first IP address in this address is the wildcard 0.0.0.0 or ::."""
        return (raw := self._raw_ip()) is not None and ip_ranges.is_unspecified(raw)

    @property
    def is_link_local(self) -> bool:
        """Whether the first IP address in this address only holds on its own link, as all with a zone do."""
        raw = self._raw_ip()
        return raw is not None and (ip_ranges.is_link_local(raw) or "ip6zone" in self.protocols())

    def _first(self, *wanted: AddressProtocol | None) -> Span | None:
        for span in self._spans:
            if span[0] in wanted:
                return span
        return None

    def _last(self, wanted: AddressProtocol | None) -> Span | None:
        for span in reversed(self._spans):
            if span[0] is wanted:
                return span
        return None

    def _value(self, span: Span | None) -> str | None:
        return None if span is None else parsing.component(self._data, span).value

    def _raw_ip(self) -> bytes | None:
        span = self._first(_IP4, _IP6)
        return None if span is None else self._data[span[2] : span[3]]
