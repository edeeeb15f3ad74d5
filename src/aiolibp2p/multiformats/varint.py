"""Unsigned varints: groups of seven bits, the lowest first, the high bit set on all bytes but the last.

https://github.com/multiformats/unsigned-varint: the shortest form only, at most 9 bytes, so values below 2**63.
"""

from __future__ import annotations

from aiolibp2p.errors import FormatError

MAX_LENGTH = 9
"""The longest varint, in bytes: the maximum of the unsigned-varint specification."""

MAX_VALUE = (1 << 7 * MAX_LENGTH) - 1
"""The largest value that nine bytes of seven bits hold."""


class IncompleteVarint(FormatError):
    """The bytes end inside a varint: a stream parser waits for more, others treat it as broken input."""


def encode(value: int) -> bytes:
    """The varint of `value`; raises FormatError unless 0 <= value < 2**63."""
    if 0 <= value < 0x80:
        return bytes((value,))
    if 0 <= value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if not 0 <= value <= MAX_VALUE:
        raise FormatError(f"{value} does not fit an unsigned varint (0 to 2**63 - 1)")
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode(data: bytes | bytearray | memoryview, offset: int = 0) -> tuple[int, int]:
    """Read the varint at `offset`; returns its value and the offset behind it.

    Raises IncompleteVarint when `data` ends inside it, FormatError when it is longer than 9 bytes or not minimal.
    """
    if offset >= len(data):
        raise IncompleteVarint(f"no varint at byte {offset}: the data ends there")
    byte = data[offset]
    if byte < 0x80:
        return byte, offset + 1
    value = byte & 0x7F
    for index in range(1, MAX_LENGTH):
        if offset + index >= len(data):
            raise IncompleteVarint(f"the data ends inside the varint at byte {offset}")
        byte = data[offset + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if byte == 0:
                raise FormatError(f"the varint at byte {offset} is not in its shortest form")
            return value, offset + index + 1
    raise FormatError(f"the varint at byte {offset} is longer than {MAX_LENGTH} bytes")
