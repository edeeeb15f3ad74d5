"""RSA keys: PKCS #1 v1.5 over SHA-256 (peer-ids/peer-ids.md).

Sizes are checked before anything is computed with a key: verifying with a huge one is a way to burn a peer's time.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from aiolibp2p.errors import ConfigError, FormatError
from aiolibp2p.peer.key_kind import Entropy, PrivatePart, PublicPart

MIN_BITS = 2048
"""The smallest modulus, in bits, as go and the specification have it."""

MAX_BITS = 8192
"""The largest modulus, in bits, as in go: verifying takes longer with each bit."""

MAX_EXPONENT = 2**31 - 1
"""The largest public exponent, as in go's crypto/rsa: a huge one makes verifying slow."""

MAX_PRIVATE_LENGTH = 4800
"""The longest PKCS #1 private key, in bytes, that is read: one of 8,192 bits takes about 4,700, and loading one checks
its primes, which takes long.
"""

_EXPONENT = 65537


class Public(PublicPart):
    """A public key: modulus and exponent."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


class Private(PrivatePart):
    """A private key: the primes and what follows from them."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def public(self) -> Public:
        return Public(self._key.public_key())


def read_public(data: bytes) -> Public:
    """Read a public key from SubjectPublicKeyInfo in DER; raises FormatError for another kind, or one out of bounds."""
    try:
        key = serialization.load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("the rsa public key is not SubjectPublicKeyInfo in DER") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise FormatError("the rsa public key is of another kind")
    _check(key)
    return Public(key)


def read_private(data: bytes) -> Private:
    """Read a private key from RSAPrivateKey in DER (PKCS #8 is understood too); raises FormatError."""
    if len(data) > MAX_PRIVATE_LENGTH:
        raise FormatError(f"an rsa private key of {len(data)} bytes has more than {MAX_BITS} bits")
    try:
        key = serialization.load_der_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("the rsa private key is not RSAPrivateKey in DER") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise FormatError("the rsa private key is of another kind")
    _check(key.public_key())
    return Private(key)


def generate(entropy: Entropy, bits: int) -> Private:
    """Make a new key. OpenSSL finds the primes with its own randomness, so `entropy` plays no part.

    Raises ConfigError.
    """
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ConfigError(f"rsa keys have {MIN_BITS} to {MAX_BITS} bits, not {bits}")
    return Private(rsa.generate_private_key(_EXPONENT, bits))


def _check(key: rsa.RSAPublicKey) -> None:
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise FormatError(f"the rsa key has {key.key_size} bits; {MIN_BITS} to {MAX_BITS} are allowed")
    if key.public_numbers().e > MAX_EXPONENT:
        raise FormatError(f"the rsa key's public exponent is over {MAX_EXPONENT}")
