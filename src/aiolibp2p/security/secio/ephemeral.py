"""Ephemeral keys and the secret they share (spec sections "Key marshaling" and "Shared Secret Generation").

The spec does not say how a point becomes the bytes of a secret. All peers take its X coordinate; js, rust and py keep
the leading zero bytes of that number, as SEC 1 does, and go drops them. We do as go does: the spec was written from it,
and most of the network ran it. With the others every 256th handshake on P-256 or P-384 fails for it, and half of those
on P-521; a second dial has other keys.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer.ecdsa import scalar

_UNCOMPRESSED = 0x04


class EphemeralKey:
    """A key pair on one of the curves, for one handshake. `entropy(n)` gives n random bytes, once, for the scalar."""

    __slots__ = ("_curve", "_private", "point")

    def __init__(self, exchange: str, entropy: Callable[[int], bytes]) -> None:
        self._curve, order = _CURVES[exchange]
        self._private = ec.derive_private_key(scalar(entropy, order), self._curve)
        self.point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        """The public key as an uncompressed point: 0x04, X, Y."""

    def shared_secret(self, point: bytes) -> bytes:
        """Return the secret that the owner of `point` shares with us: an X coordinate, big endian, without leading zero
        bytes.

        Raises HandshakeFailed unless `point` is an uncompressed point of our curve.
        """
        try:
            if point[0] != _UNCOMPRESSED:
                raise ValueError("compressed, or the point at infinity")
            theirs = ec.EllipticCurvePublicKey.from_encoded_point(self._curve, point)
        except (ValueError, IndexError):
            raise HandshakeFailed(
                f"the peer's ephemeral key is not an uncompressed point of {_NAMES[self._curve.name]}"
            ) from None
        return self._private.exchange(ec.ECDH(), theirs).lstrip(b"\0")


_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    "P-384": (
        ec.SECP384R1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    "P-521": (
        ec.SECP521R1(),
        2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
    ),
}
"""The curves by name, each with the order of its group."""

_NAMES = {curve.name: name for name, (curve, _) in _CURVES.items()}
