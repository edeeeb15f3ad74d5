"""Ed25519 keys: RFC 8032, the kind every implementation reads (peer-ids/peer-ids.md)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aiolibp2p.errors import FormatError
from aiolibp2p.peer.key_kind import Entropy, PrivatePart, PublicPart

KEY_LENGTH = 32
"""The length of a public key, and of a private key's seed, in bytes (RFC 8032, section 5.1.5)."""

_FIELD_PRIME = 2**255 - 19
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER_Y = (0, 1, _FIELD_PRIME - 1, _Y_OF_ORDER_8, _FIELD_PRIME - _Y_OF_ORDER_8)
"""The y coordinates of the points of order 1, 2, 4 and 8, which hold for either sign of their x."""


class Public(PublicPart):
    """A public key: a point of the curve."""

    __slots__ = ("_data", "_key")

    def __init__(self, data: bytes, key: Ed25519PublicKey) -> None:
        self._data = data
        self._key = key

    def encode(self) -> bytes:
        return self._data

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Private(PrivatePart):
    """A private key: a seed of 32 bytes and the point that it makes."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        """Return the seed and the point, 64 bytes, as go writes them."""
        return self._key.private_bytes_raw() + self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def public(self) -> Public:
        key = self._key.public_key()
        return Public(key.public_bytes_raw(), key)


def read_public(data: bytes) -> Public:
    """Read a public key; raises FormatError unless it is canonical and not of small order (anybody can sign then)."""
    if len(data) != KEY_LENGTH:
        raise FormatError(f"an ed25519 public key has {KEY_LENGTH} bytes, not {len(data)}")
    y = int.from_bytes(data, "little") & (1 << 255) - 1
    if y >= _FIELD_PRIME or y in SMALL_ORDER_Y:
        raise FormatError("the ed25519 public key is not a canonical point of the large subgroup")
    try:
        return Public(data, Ed25519PublicKey.from_public_bytes(data))
    except ValueError:
        raise FormatError("the ed25519 public key is not a point of the curve") from None


def read_private(data: bytes) -> Private:
    """Read seed and point (64 bytes), or the older seed, point and point again (96); raises FormatError."""
    if len(data) not in (2 * KEY_LENGTH, 3 * KEY_LENGTH):
        raise FormatError(f"an ed25519 private key has {2 * KEY_LENGTH} or {3 * KEY_LENGTH} bytes, not {len(data)}")
    key = Ed25519PrivateKey.from_private_bytes(data[:KEY_LENGTH])
    point = key.public_key().public_bytes_raw()
    if data[KEY_LENGTH:] not in (point, 2 * point):
        raise FormatError("the public half inside the ed25519 private key is not its own")
    return Private(key)


def generate(entropy: Entropy, bits: int) -> Private:
    """Make a new key from 32 bytes of entropy; `bits` plays no part."""
    return Private(Ed25519PrivateKey.from_private_bytes(entropy(KEY_LENGTH)))
