"""Noise_XX_25519_ChaChaPoly_SHA256 by hand, for both roles: nothing in here knows aiolibp2p."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

NAME = b"Noise_XX_25519_ChaChaPoly_SHA256"

LOW_ORDER = (
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
)
"""Points whose shared secret is zero, whoever multiplies them."""


def nonce(number: int) -> bytes:
    """Return a nonce: four zero bytes, then 64 bits little endian."""
    return struct.pack("<4xQ", number)


class Noise:
    """The symmetric state of one handshake, with our keys. A DH that fails is skipped: the other side's will."""

    def __init__(self) -> None:
        self.ephemeral = X25519PrivateKey.generate()
        self.static = X25519PrivateKey.generate()
        self.their_ephemeral = self.their_static = b""
        self.chain = NAME
        self.hash = hashlib.sha256(NAME).digest()
        self.key: bytes | None = None
        self.number = 0

    def mix(self, public: bytes) -> bytes:
        """Bind bytes that go in the clear."""
        self.hash = hashlib.sha256(self.hash + public).digest()
        return public

    def agree(self, private: X25519PrivateKey, public: bytes) -> None:
        """Mix a shared secret into the key."""
        try:
            secret = private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            secret = bytes(32)
        self.chain, self.key = self.expand(secret)
        self.number = 0

    def expand(self, secret: bytes) -> tuple[bytes, bytes]:
        """HKDF with two outputs."""
        root = hmac.digest(self.chain, secret, "sha256")
        first = hmac.digest(root, b"\x01", "sha256")
        return first, hmac.digest(root, first + b"\x02", "sha256")

    def seal(self, plaintext: bytes) -> bytes:
        """Encrypt with the hash as associated data."""
        assert self.key is not None
        sealed = ChaCha20Poly1305(self.key).encrypt(nonce(self.number), plaintext, self.hash)
        self.number += 1
        return self.mix(sealed)

    def open(self, sealed: bytes) -> bytes:
        """Open what the peer's `seal` made."""
        assert self.key is not None
        plaintext = ChaCha20Poly1305(self.key).decrypt(nonce(self.number), sealed, self.hash)
        self.number += 1
        self.mix(sealed)
        return plaintext

    def first(self, ephemeral: bytes) -> bytes:
        """Return message 1 (-> e) with an empty payload, bound as such."""
        return self.mix(ephemeral) + self.mix(b"")

    def read_first(self, message: bytes) -> None:
        """Read message 1 as the responder."""
        self.their_ephemeral = self.mix(message[:32])
        self.mix(message[32:])

    def second(self, ephemeral: bytes, static: bytes, payload: bytes) -> bytes:
        """Return message 2 (<- e, ee, s, es)."""
        message = self.mix(ephemeral)
        self.agree(self.ephemeral, self.their_ephemeral)
        message += self.seal(static)
        self.agree(self.static, self.their_ephemeral)
        return message + self.seal(payload)

    def read_second(self, message: bytes) -> bytes:
        """Read message 2 as the initiator; return the payload."""
        self.their_ephemeral = self.mix(message[:32])
        self.agree(self.ephemeral, self.their_ephemeral)
        self.their_static = self.open(message[32:80])
        self.agree(self.ephemeral, self.their_static)
        return self.open(message[80:])

    def third(self, static: bytes, payload: bytes) -> bytes:
        """Return message 3 (-> s, se)."""
        message = self.seal(static)
        self.agree(self.static, self.their_ephemeral)
        return message + self.seal(payload)

    def read_third(self, message: bytes) -> bytes:
        """Read message 3 as the responder; return the payload."""
        self.their_static = self.open(message[:48])
        self.agree(self.ephemeral, self.their_static)
        return self.open(message[48:])

    def split(self) -> tuple[bytes, bytes]:
        """The keys of initiator and responder."""
        return self.expand(b"")
