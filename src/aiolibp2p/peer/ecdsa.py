"""ECDSA keys on the NIST curves (peer-ids/peer-ids.md), and what all ECDSA signatures share.

The spec's text calls the private encoding PKIX; its vector, and every implementation, has SEC 1's ECPrivateKey.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aiolibp2p.errors import FormatError
from aiolibp2p.peer.key_kind import Entropy, PrivatePart, PublicPart

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SPARE_BYTES = 8


class Public(PublicPart):
    """A point of P-256, P-384 or P-521."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, message: bytes, signature: bytes) -> bool:
        return verify(self._key, message, signature)


class Private(PrivatePart):
    """A scalar for one of the curves."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        return sign(self._key, message)

    def public(self) -> Public:
        return Public(self._key.public_key())


def read_public(data: bytes) -> Public:
    """Read a public key from SubjectPublicKeyInfo in DER; raises FormatError for another curve or kind of key."""
    try:
        key = serialization.load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("the ecdsa public key is not SubjectPublicKeyInfo in DER") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise FormatError("the ecdsa public key is not on P-256, P-384 or P-521")
    return Public(key)


def read_private(data: bytes) -> Private:
    """Read a private key from ECPrivateKey in DER (PKCS #8 is understood too); raises FormatError for other curves."""
    try:
        key = serialization.load_der_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("the ecdsa private key is not ECPrivateKey in DER") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, _CURVES):
        raise FormatError("the ecdsa private key is not on P-256, P-384 or P-521")
    return Private(key)


def generate(entropy: Entropy, bits: int) -> Private:
    """Make a new key on P-256, the curve that go makes keys on; `bits` plays no part."""
    return Private(ec.derive_private_key(scalar(entropy, _ORDER_P256), ec.SECP256R1()))


def scalar(entropy: Entropy, order: int) -> int:
    """Draw a secret number from 1 to order - 1; 64 bits more than needed make it even enough (FIPS 186-5, A.2.1)."""
    length = (order.bit_length() + 7) // 8 + _SPARE_BYTES
    return int.from_bytes(entropy(length), "big") % (order - 1) + 1


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return the DER signature over SHA-256, its nonce by RFC 6979 where the OpenSSL below knows how."""
    try:
        return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        return key.sign(message, ec.ECDSA(hashes.SHA256()))


def verify(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Return whether a DER signature over SHA-256 holds."""
    try:
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
