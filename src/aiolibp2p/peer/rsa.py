"""RSA keys: PKCS #1 v1.5 over SHA-256 (peer-ids/peer-ids.md).

Sizes are checked before anything is computed with a key: verifying with a huge one is a way to burn a peer's time.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from aiolibp2p.errors import ConfigError, FormatError

MIN_BITS = 2048
"""The smallest modulus, in bits."""

MAX_BITS = 8192
"""The largest modulus, in bits; go draws the same lines."""

MAX_EXPONENT = 2**31 - 1
"""The largest public exponent, as in go."""

MAX_PRIVATE_LENGTH = 4800
"""The longest PKCS #1 private key, in bytes, that is read: loading one checks its primes, which takes long."""

_EXPONENT = 65537


class Public:
    """Modulus and exponent."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return self._key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds."""
        try:
            self._key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


class Private:
    """A whole key pair."""

    __slots__ = ("_key",)

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def encode(self) -> bytes:
        """RSAPrivateKey of PKCS #1 in DER."""
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """The signature, as long as the modulus."""
        return self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def public(self) -> Public:
        """Its public half."""
        return Public(self._key.public_key())


def read_public(data: bytes) -> Public:
    """Read SubjectPublicKeyInfo in DER; raises FormatError for another kind of key, or one out of bounds."""
    try:
        key = serialization.load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("the rsa public key is not SubjectPublicKeyInfo in DER") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise FormatError("the rsa public key is of another kind")
    _check(key)
    return Public(key)


def read_private(data: bytes) -> Private:
    """Read RSAPrivateKey in DER (PKCS #8 is understood too); raises FormatError."""
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


def generate(entropy: Callable[[int], bytes], bits: int) -> Private:
    """A new key; OpenSSL finds the primes with its own randomness, so `entropy` plays no part. Raises ConfigError."""
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ConfigError(f"rsa keys have {MIN_BITS} to {MAX_BITS} bits, not {bits}")
    return Private(rsa.generate_private_key(_EXPONENT, bits))


def _check(key: rsa.RSAPublicKey) -> None:
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise FormatError(f"the rsa key has {key.key_size} bits; {MIN_BITS} to {MAX_BITS} are allowed")
    if key.public_numbers().e > MAX_EXPONENT:
        raise FormatError(f"the rsa key's public exponent is over {MAX_EXPONENT}")
