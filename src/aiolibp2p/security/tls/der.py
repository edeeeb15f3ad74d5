"""DER (X.690), as much of it as certificates need: a strict reader, and the one writer.

The reader takes definite lengths in their shortest form and nothing behind the last value, so that two readers
cannot see two things in the same bytes.
"""

from __future__ import annotations

from aiolibp2p.errors import FormatError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x06
UTC_TIME, GENERALIZED_TIME, SEQUENCE = 0x17, 0x18, 0x30

MAX_LENGTH_OCTETS = 3
"""The most octets of a length behind its first: enough for 16 MiB, far above any certificate that is read."""

_LONG_FORM = 0x80


def encode(tag: int, content: bytes) -> bytes:
    """Return one value in DER: tag, length, content."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


class DerReader:
    """The values in `data` from front to back; `what` names it in errors. Every method raises FormatError."""

    __slots__ = ("_data", "_offset", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._offset = 0
        self._what = what

    @property
    def next_tag(self) -> int | None:
        """The tag of the next value; None at the end."""
        return self._data[self._offset] if self._offset < len(self._data) else None

    def read(self, tag: int, what: str) -> bytes:
        """Return the content of the next value, which must bear this tag."""
        body, end = self._next(tag, what)
        self._offset = end
        return self._data[body:end]

    def read_whole(self, tag: int, what: str) -> bytes:
        """Return the next value with its tag and length, as it was sent."""
        start = self._offset
        _, end = self._next(tag, what)
        self._offset = end
        return self._data[start:end]

    def enter(self, tag: int, what: str) -> DerReader:
        """Return a reader of the values inside the next one."""
        return DerReader(self.read(tag, what), what)

    def finish(self) -> None:
        """Return at the end of the data; raise FormatError when something is left."""
        if left := len(self._data) - self._offset:
            raise FormatError(f"{left} bytes too many in {self._what}")

    def _next(self, tag: int, what: str) -> tuple[int, int]:
        """Return where the content of the next value begins and ends."""
        found = self.next_tag
        if found is None:
            raise FormatError(f"{self._what} ends before {what}")
        if found != tag:
            raise FormatError(f"in {self._what}, {what} has tag {found:#04x} instead of {tag:#04x}")
        body, length = self._length(self._offset + 1, what)
        if body + length > len(self._data):
            raise FormatError(f"{what} is cut short: {len(self._data) - body} of {length} bytes")
        return body, body + length

    def _length(self, offset: int, what: str) -> tuple[int, int]:
        """Return where the content begins, and how long it is."""
        first = self._data[offset : offset + 1]
        if not first:
            raise FormatError(f"{what} is cut short: it has no length")
        if first[0] < _LONG_FORM:
            return offset + 1, first[0]
        count = first[0] - _LONG_FORM
        octets = self._data[offset + 1 : offset + 1 + count]
        if not 1 <= count <= MAX_LENGTH_OCTETS or len(octets) < count:
            raise FormatError(f"the length of {what} is indefinite, too large or cut short")
        length = int.from_bytes(octets, "big")
        if length < _LONG_FORM or not octets[0]:
            raise FormatError(f"the length of {what} is not in its shortest form")
        return offset + 1 + count, length
