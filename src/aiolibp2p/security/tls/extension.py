"""What ties a certificate to a libp2p identity: `SignedKey` in DER (tls/tls.md, "libp2p Public Key Extension")."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.errors import HandshakeFailed

EXTENSION_OID = "1.3.6.1.4.1.53594.1.1"
"""From the arc that IANA gave to Protocol Labs."""

SIGNATURE_PREFIX = b"libp2p-tls-handshake:"
"""What an identity signs in front of the certificate key's SubjectPublicKeyInfo in DER."""

_SEQUENCE, _OCTET_STRING = 0x30, 0x04
_LONG_FORM = 0x80
_MAX_LENGTH_BYTES = 2  # of a length in its long form: 64 KiB, more than a certificate may have


@dataclass(frozen=True)
class SignedKey:
    """A claim: whoever owns `public_key` vouches for the certificate's key. Nothing of it is verified yet."""

    public_key: bytes
    """A serialized `PublicKey`."""
    signature: bytes


def encode_signed_key(signed: SignedKey) -> bytes:
    """The extension's value."""
    return _element(_SEQUENCE, _element(_OCTET_STRING, signed.public_key) + _element(_OCTET_STRING, signed.signature))


def decode_signed_key(value: bytes) -> SignedKey:
    """Read the extension's value. Raises HandshakeFailed unless it is `SignedKey` in DER and nothing else."""
    body, rest = _read(value, _SEQUENCE)
    public_key, after_key = _read(body, _OCTET_STRING)
    signature, after_signature = _read(after_key, _OCTET_STRING)
    if rest or after_signature:
        raise HandshakeFailed("the libp2p extension of the peer's certificate has bytes behind its end")
    return SignedKey(public_key, signature)


def _element(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < _LONG_FORM:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + body


def _read(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The body of the element that begins `data`, and what lies behind it."""
    if len(data) < 2 or data[0] != tag:
        raise HandshakeFailed("the libp2p extension of the peer's certificate is no SignedKey in DER")
    size, start = data[1], 2
    if size >= _LONG_FORM:
        count = size - _LONG_FORM
        start += count
        size = int.from_bytes(data[2:start], "big")
        if not 0 < count <= _MAX_LENGTH_BYTES or size < _LONG_FORM or size.bit_length() <= 8 * (count - 1):
            raise HandshakeFailed("the libp2p extension of the peer's certificate has a length that is not DER")
    if len(data) < start + size:
        raise HandshakeFailed("the libp2p extension of the peer's certificate is cut short")
    return data[start : start + size], data[start + size :]
