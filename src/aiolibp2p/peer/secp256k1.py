"""secp256k1 keys, as Bitcoin encodes them (peer-ids/peer-ids.md)."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from aiolibp2p.errors import FormatError
from aiolibp2p.peer import ecdsa
from aiolibp2p.peer.key_kind import Entropy, PrivatePart, PublicPart

PUBLIC_LENGTH = 33
"""The length of a public key, a compressed point, in bytes (SEC 1, section 2.3.3)."""

PRIVATE_LENGTH = 32
"""The length of a private key, a scalar, in bytes."""

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""The order of the curve's group (SEC 2, section 2.4.1)."""


class Public(PublicPart):
    """A public key: a point of the curve."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        return self._key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether the DER signature over SHA-256 holds, with a low S or a high one."""
        return ecdsa.verify(self._key, message, signature)


class Private(PrivatePart):
    """A private key: a scalar."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        return self._key.private_numbers().private_value.to_bytes(PRIVATE_LENGTH, "big")

    def sign(self, message: bytes) -> bytes:
        """Return the DER signature over SHA-256.

        A signature has two forms, and rust refuses the one with the high S.
        """
        r, s = decode_dss_signature(ecdsa.sign(self._key, message))
        return encode_dss_signature(r, min(s, ORDER - s))

    def public(self) -> Public:
        return Public(self._key.public_key())


def read_public(data: bytes) -> Public:
    """Read a public key from a compressed point; raises FormatError."""
    if len(data) != PUBLIC_LENGTH:
        raise FormatError(f"a secp256k1 public key has {PUBLIC_LENGTH} bytes (compressed), not {len(data)}")
    try:
        return Public(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), data))
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("the secp256k1 public key is not a compressed point of the curve") from None


def read_private(data: bytes) -> Private:
    """Read a private key; raises FormatError unless it is from 1 to the group's order less one."""
    if len(data) != PRIVATE_LENGTH:
        raise FormatError(f"a secp256k1 private key has {PRIVATE_LENGTH} bytes, not {len(data)}")
    try:
        return Private(ec.derive_private_key(int.from_bytes(data, "big"), ec.SECP256K1()))
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("the secp256k1 private key is out of range") from None


def generate(entropy: Entropy, bits: int) -> Private:
    """Make a new key; `bits` plays no part."""
    return Private(ec.derive_private_key(ecdsa.scalar(entropy, ORDER), ec.SECP256K1()))
