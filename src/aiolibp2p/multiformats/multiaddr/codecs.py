"""The values inside multiaddr components, between text and bytes, one codec a kind.

A codec raises FormatError with a reason fit for a person; `parsing` adds where in the address it stands. Bytes that
`check` lets pass always have a text, and that text gives the same bytes again.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multibase, multicodec
from aiolibp2p.multiformats.cid import Cid
from aiolibp2p.multiformats.multihash import IDENTITY, SHA2_256, Multihash

MAX_NAME_LENGTH = 254
"""The longest DNS name, in bytes, the final dot included: 255 on the wire (RFC 1035) less the first length."""

MAX_IDENTITY_LENGTH = 42
"""The longest serialized key, in bytes, that stands in a peer id itself instead of as its hash (peer ids r2)."""

_MAX_ENCODED_TEXT = 1024
_GARLIC32_HASH_LENGTH = 32
_GARLIC32_BLINDED_LENGTH = 35
_GARLIC64_MIN_LENGTH = 386
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Codec:
    """How one kind of value is written. `noun` names it for error messages, `check` refuses bytes without a text."""

    noun: str
    to_bytes: Callable[[str], bytes]
    to_text: Callable[[bytes], str]
    check: Callable[[bytes], object] | None = None


def is_peer_id(data: bytes) -> bool:
    """Whether these are the bytes of a peer id: a SHA-256 multihash, or an identity one of 1 to 42 bytes."""
    if len(data) < 3 or data[1] != len(data) - 2:
        return False
    return data[1] == 32 if data[0] == SHA2_256 else data[0] == IDENTITY and data[1] <= MAX_IDENTITY_LENGTH


def _quote(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise FormatError(f"{_quote(text)} holds half a surrogate pair") from None


def _utf8_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FormatError("the text is not UTF-8") from None


def _decimal(text: str, maximum: int, noun: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= maximum:
        return int(text)
    raise FormatError(f"{noun} {text[:40]} is not 0 to {maximum}")


def _number(noun: str, length: int) -> Codec:
    maximum = (1 << 8 * length) - 1
    return Codec(
        noun,
        lambda text: _decimal(text, maximum, noun).to_bytes(length, "big"),
        lambda data: str(int.from_bytes(data, "big")),
    )


def _ip4_to_bytes(text: str) -> bytes:
    try:
        return ipaddress.IPv4Address(text).packed
    except ValueError:
        raise FormatError(f"{_quote(text)} is not an IPv4 address") from None


def _ip4_to_text(data: bytes) -> str:
    return ".".join(map(str, data))


def _ip6_to_bytes(text: str) -> bytes:
    if "%" in text:
        raise FormatError(f"{_quote(text)} holds a zone, which goes before it: /ip6zone/<zone>/ip6/<address>")
    try:
        return ipaddress.IPv6Address(text).packed
    except ValueError:
        raise FormatError(f"{_quote(text)} is not an IPv6 address") from None


def _ip6_to_text(data: bytes) -> str:
    address = ipaddress.IPv6Address(data)
    embedded = address.ipv4_mapped
    return str(address) if embedded is None else f"::ffff:{embedded}"


def _check_name(data: bytes) -> str:
    """The text of a domain name or zone, without what would break an address, a log line or a lookup."""
    text = _utf8_text(data)
    if len(data) > MAX_NAME_LENGTH:
        raise FormatError(f"a name of {len(data)} bytes is over the limit of {MAX_NAME_LENGTH}")
    if "/" in text:
        raise FormatError(f"{_quote(text)} holds a slash")
    if " " in text or not text.isprintable():
        raise FormatError(f"{_quote(text)} holds a space or an unprintable character")
    return text


def _name_to_bytes(text: str) -> bytes:
    data = _utf8(text)
    _check_name(data)
    return data


def _check_path(data: bytes) -> str:
    text = _utf8_text(data)
    if len(text) < 2 or text[0] != "/" or text[-1] == "/":
        raise FormatError(f"{_quote(text)} is not a path that starts with a slash and ends without one")
    if not text.isprintable():
        raise FormatError(f"{_quote(text)} holds an unprintable character")
    return text


def _path_to_bytes(text: str) -> bytes:
    data = _utf8(text)
    _check_path(data)
    return data


def _http_path_to_bytes(text: str) -> bytes:
    data = _utf8(text)
    if _BAD_ESCAPE.search(data):
        raise FormatError(f"{_quote(text)} holds a '%' without two hexadecimal digits behind it")
    return unquote_to_bytes(data)


def _http_path_to_text(data: bytes) -> str:
    return quote_from_bytes(data, safe="")


def _check_peer_id(data: bytes) -> None:
    if not is_peer_id(data):
        raise FormatError("the peer id is neither a sha2-256 nor a short identity multihash")


def _peer_id_to_bytes(text: str) -> bytes:
    if len(text) > _MAX_ENCODED_TEXT:
        raise FormatError(f"{_quote(text)} is too long for a peer id")
    try:
        data = multibase.base58btc_decode(text) if text.startswith(("1", "Qm")) else _key_cid_hash(text)
        _check_peer_id(data)
    except FormatError as error:
        raise FormatError(f"{_quote(text)} is not a peer id: {error}") from None
    return data


def _key_cid_hash(text: str) -> bytes:
    cid = Cid.parse(text)
    if cid.version != 1 or cid.codec != multicodec.LIBP2P_KEY:
        raise FormatError(f"its CID is of type {cid.codec:#x}, not libp2p-key")
    return cid.multihash.encode()


def _hash_to_bytes(text: str) -> bytes:
    if len(text) > _MAX_ENCODED_TEXT:
        raise FormatError(f"{_quote(text)} is too long for a hash")
    try:
        data = multibase.decode(text)
        Multihash.decode(data)
    except FormatError as error:
        raise FormatError(f"{_quote(text)} is not a multihash in multibase: {error}") from None
    return data


def _hash_to_text(data: bytes) -> str:
    return multibase.encode("base64url", data)


def _onion(noun: str, host_length: int) -> Codec:
    """A Tor address: the host in base32, a colon, a port that is not 0."""
    characters = host_length * 8 // 5

    def to_bytes(text: str) -> bytes:
        host, colon, port = text.partition(":")
        if not colon:
            raise FormatError(f"{_quote(text)} lacks its port: <address>:<port>")
        if len(host) != characters:
            raise FormatError(f"{_quote(host)} is not an {noun} of {characters} characters")
        data = _base32(host, noun) + _decimal(port, 0xFFFF, "port").to_bytes(2, "big")
        check(data)
        return data

    def to_text(data: bytes) -> str:
        host = base64.b32encode(data[:host_length]).decode().lower()
        return f"{host}:{int.from_bytes(data[host_length:], 'big')}"

    def check(data: bytes) -> None:
        if data[host_length:] == b"\0\0":
            raise FormatError(f"port 0 in an {noun}")

    return Codec(noun, to_bytes, to_text, check)


def _base32(text: str, noun: str) -> bytes:
    try:
        return multibase.decode("b" + text)
    except FormatError:
        raise FormatError(f"{_quote(text)} is not an {noun} in base32") from None


def _check_garlic32(data: bytes) -> None:
    if len(data) != _GARLIC32_HASH_LENGTH and len(data) < _GARLIC32_BLINDED_LENGTH:
        raise FormatError(f"an I2P hash has 32 bytes, or 35 and more when encrypted, not {len(data)}")


def _garlic32_to_bytes(text: str) -> bytes:
    data = _base32(text, "I2P address")
    _check_garlic32(data)
    return data


def _garlic32_to_text(data: bytes) -> str:
    return multibase.encode("base32", data)[1:]


def _check_garlic64(data: bytes) -> None:
    if len(data) < _GARLIC64_MIN_LENGTH:
        raise FormatError(f"an I2P destination has at least {_GARLIC64_MIN_LENGTH} bytes, not {len(data)}")


def _garlic64_to_bytes(text: str) -> bytes:
    try:
        data = base64.b64decode(text, altchars=b"-~", validate=True)
    except ValueError:
        data = b""
    if _garlic64_to_text(data) != text:
        raise FormatError(f"{_quote(text)} is not an I2P address in base64")
    _check_garlic64(data)
    return data


def _garlic64_to_text(data: bytes) -> str:
    return base64.b64encode(data, altchars=b"-~").decode()


IP4 = Codec("address", _ip4_to_bytes, _ip4_to_text)
IP6 = Codec("address", _ip6_to_bytes, _ip6_to_text)
IP6_ZONE = Codec("zone", _name_to_bytes, _check_name, _check_name)
PREFIX_LENGTH = _number("prefix length", 1)
PORT = _number("port", 2)
NUMBER = _number("number", 8)
NAME = Codec("name", _name_to_bytes, _check_name, _check_name)
PEER_ID = Codec("peer id", _peer_id_to_bytes, multibase.base58btc_encode, _check_peer_id)
CERTIFICATE_HASH = Codec("hash", _hash_to_bytes, _hash_to_text, Multihash.decode)
PATH = Codec("path", _path_to_bytes, _check_path, _check_path)
HTTP_PATH = Codec("path", _http_path_to_bytes, _http_path_to_text)
ONION = _onion("onion address", 10)
ONION3 = _onion("onion3 address", 35)
GARLIC32 = Codec("I2P address", _garlic32_to_bytes, _garlic32_to_text, _check_garlic32)
GARLIC64 = Codec("I2P address", _garlic64_to_bytes, _garlic64_to_text, _check_garlic64)
