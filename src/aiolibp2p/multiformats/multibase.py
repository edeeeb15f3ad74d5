"""Multibase: text that says in its first character which base the rest is in.

https://github.com/multiformats/multibase. Bases that know only one case read both, since DNS and URLs change it
(RFC 0001). Only the shortest form is read: leftover bits must be zero. base58 and base36 are numbers, so their
cost grows with the square of the length, which is why they alone are limited.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiolibp2p.errors import FormatError

MAX_NUMBER_BYTES = 1024
"""The most bytes that base58 and base36 encode: their cost grows with the square, and this many take some 0.8 ms.

Peer ids and CIDs have some 40.
"""

MAX_NUMBER_TEXT = 1600
"""The most characters that base58 and base36 decode: 1,024 bytes are 1,399 of base58 and 1,585 of base36."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUES = {digit: value for value, digit in enumerate(_BASE58)}
_BASE58_PAIRS = [high + low for high in _BASE58 for low in _BASE58]
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE36_PATTERN = re.compile(r"[0-9a-z]*")


def base58btc_encode(data: bytes | bytearray | memoryview) -> str:
    """`data` in base58 with Bitcoin's alphabet, no prefix; raises FormatError past MAX_NUMBER_BYTES."""
    number, zeros = _to_number(data)
    pairs = []
    while number:
        number, pair = divmod(number, len(_BASE58_PAIRS))
        pairs.append(_BASE58_PAIRS[pair])
    pairs.reverse()
    return "1" * zeros + "".join(pairs).lstrip("1")


def base58btc_decode(text: str) -> bytes:
    """The bytes of base58 text without prefix; raises FormatError for a wrong character or past MAX_NUMBER_TEXT."""
    _check_number_text(text)
    number = 0
    try:
        for digit in text:
            number = number * 58 + _BASE58_VALUES[digit]
    except KeyError:
        wrong = next(digit for digit in text if digit not in _BASE58_VALUES)
        raise FormatError(f"{wrong!r} is not a base58 character") from None
    return _from_number(number, len(text) - len(text.lstrip("1")))


def encode(base: str, data: bytes) -> str:
    """`data` in the base of that name ("base58btc", "base32", "base36", "base64url" ...), prefix included.

    Raises FormatError for a name that is not in the table.
    """
    chosen = _BY_NAME.get(base)
    if chosen is None:
        raise FormatError(f"unknown base {base!r}: one of {', '.join(_BY_NAME)}")
    return chosen.prefix + chosen.encode(data)


def decode(text: str) -> bytes:
    """The bytes behind multibase text; raises FormatError for an unknown prefix or text that is not in its base."""
    base = _BY_PREFIX.get(text[:1])
    if base is None:
        raise FormatError(f"{text[:1]!r} is not a multibase prefix" if text else "empty multibase text")
    return base.decode(text[1:])


@dataclass(frozen=True)
class _Base:
    name: str
    prefix: str
    encode: Callable[[bytes], str]
    decode: Callable[[str], bytes]


@dataclass(frozen=True)
class _Digits:
    """The codec of a base whose digits are whole bits; `group` digits are a whole number of bytes."""

    encode: Callable[[bytes], bytes]
    decode: Callable[[str], bytes]
    group: int


@dataclass(frozen=True)
class _BitBase:
    """A base whose digits are whole bits; `fold` unifies the case."""

    name: str
    prefix: str
    digits: _Digits
    fold: Callable[[str], str] = str
    is_padded: bool = False

    def encode(self, data: bytes) -> str:
        text = self.fold(self.digits.encode(data).decode("ascii"))
        return text if self.is_padded else text.rstrip("=")

    def decode(self, text: str) -> bytes:
        if not text.isascii():  # case folding turns some other letters into these
            raise FormatError(f"not {self.name}: a character is not ASCII")
        folded = self.fold(text)
        filled = folded if self.is_padded else folded + "=" * (-len(folded) % self.digits.group)
        try:
            data = self.digits.decode(filled)
        except ValueError:
            raise FormatError(f"not {self.name}: a character or the length is wrong") from None
        if self.encode(data) != folded:
            raise FormatError(f"not {self.name}: leftover bits or padding are wrong")
        return data


def _to_number(data: bytes | bytearray | memoryview) -> tuple[int, int]:
    """The bytes as one number, and how many zero bytes stand before it."""
    if len(data) > MAX_NUMBER_BYTES:
        raise FormatError(f"{len(data)} bytes are over the limit of {MAX_NUMBER_BYTES} for this base")
    data = bytes(data)
    return int.from_bytes(data, "big"), len(data) - len(data.lstrip(b"\0"))


def _from_number(number: int, zeros: int) -> bytes:
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _check_number_text(text: str) -> None:
    if len(text) > MAX_NUMBER_TEXT:
        raise FormatError(f"{len(text)} characters are over the limit of {MAX_NUMBER_TEXT} for this base")


def _base36_encode(data: bytes) -> str:
    number, zeros = _to_number(data)
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_BASE36[digit])
    digits.reverse()
    return "0" * zeros + "".join(digits)


def _base36_decode(text: str) -> bytes:
    _check_number_text(text)
    lower = text.lower()
    if not text.isascii() or not _BASE36_PATTERN.fullmatch(lower):
        raise FormatError("not base36: only 0 to 9 and a to z are")
    return _from_number(int(lower or "0", 36), len(lower) - len(lower.lstrip("0")))


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"-_", validate=True)


def _from_base32(text: str) -> bytes:
    return base64.b32decode(text, casefold=True)


def _from_base32hex(text: str) -> bytes:
    return base64.b32hexdecode(text, casefold=True)


def _from_base16(text: str) -> bytes:
    return base64.b16decode(text, casefold=True)


def _identity_encode(data: bytes) -> str:
    return data.decode("latin-1")


def _identity_decode(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise FormatError("not identity: a character is no single byte") from None


_BASE16 = _Digits(base64.b16encode, _from_base16, 2)
_BASE32 = _Digits(base64.b32encode, _from_base32, 8)
_BASE32HEX = _Digits(base64.b32hexencode, _from_base32hex, 8)
_BASE64 = _Digits(base64.b64encode, _from_base64, 4)
_BASE64URL = _Digits(base64.urlsafe_b64encode, _from_base64url, 4)

_BASES: list[_Base | _BitBase] = [
    _Base("identity", "\0", _identity_encode, _identity_decode),
    _BitBase("base16", "f", _BASE16, str.lower),
    _BitBase("base16upper", "F", _BASE16, str.upper),
    _BitBase("base32", "b", _BASE32, str.lower),
    _BitBase("base32upper", "B", _BASE32, str.upper),
    _BitBase("base32pad", "c", _BASE32, str.lower, is_padded=True),
    _BitBase("base32padupper", "C", _BASE32, str.upper, is_padded=True),
    _BitBase("base32hex", "v", _BASE32HEX, str.lower),
    _BitBase("base32hexupper", "V", _BASE32HEX, str.upper),
    _Base("base36", "k", _base36_encode, _base36_decode),
    _Base("base36upper", "K", lambda data: _base36_encode(data).upper(), _base36_decode),
    _Base("base58btc", "z", base58btc_encode, base58btc_decode),
    _BitBase("base64", "m", _BASE64),
    _BitBase("base64pad", "M", _BASE64, is_padded=True),
    _BitBase("base64url", "u", _BASE64URL),
    _BitBase("base64urlpad", "U", _BASE64URL, is_padded=True),
]
_BY_NAME = {base.name: base for base in _BASES}
_BY_PREFIX = {base.prefix: base for base in _BASES}
