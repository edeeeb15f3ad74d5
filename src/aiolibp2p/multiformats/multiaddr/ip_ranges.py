"""Which range an IP address belongs to, from its 4 or 16 bytes; IPv4 inside IPv6 counts as the IPv4 address."""

from __future__ import annotations

_MAPPED = bytes(10) + b"\xff\xff"


def unmapped(raw: bytes) -> bytes:
    """The four bytes of an IPv4-mapped IPv6 address (::ffff:a.b.c.d); anything else unchanged."""
    return raw[12:] if len(raw) == 16 and raw.startswith(_MAPPED) else raw


def is_unspecified(raw: bytes) -> bool:
    """Return whether the address is 0.0.0.0 or ::, which stand for all addresses of a machine."""
    return not any(unmapped(raw))


def is_loopback(raw: bytes) -> bool:
    """Return whether the address is the machine itself: 127.0.0.0/8 or ::1."""
    raw = unmapped(raw)
    return raw[0] == 127 if len(raw) == 4 else raw == bytes(15) + b"\x01"


def is_link_local(raw: bytes) -> bool:
    """Return whether the address is of 169.254.0.0/16 or fe80::/10: no router forwards these."""
    raw = unmapped(raw)
    return raw[:2] == b"\xa9\xfe" if len(raw) == 4 else raw[0] == 0xFE and raw[1] & 0xC0 == 0x80


def is_private(raw: bytes) -> bool:
    """Return whether the address is private: RFC 1918 (10/8, 172.16/12, 192.168/16), RFC 6598 (100.64/10), RFC 4193."""
    raw = unmapped(raw)
    if len(raw) == 16:
        return raw[0] & 0xFE == 0xFC
    first, second = raw[0], raw[1]
    if first == 100:
        return second & 0xC0 == 64
    return first == 10 or (first == 172 and second & 0xF0 == 16) or (first == 192 and second == 168)
