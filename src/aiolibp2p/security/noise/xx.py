"""Noise_XX_25519_ChaChaPoly_SHA256 itself, after the Noise Protocol Framework, revision 34. No libp2p in it.

-> e
<- e, ee, s, es
-> s, se
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aiolibp2p.errors import HandshakeFailed, ProtocolViolation
from aiolibp2p.security.noise.cipher import TAG_BYTES, pack_nonce

PROTOCOL_NAME = b"Noise_XX_25519_ChaChaPoly_SHA256"
"""The name of the pattern and its algorithms.

It is 32 bytes long, as a hash is, so it is the first handshake hash as it stands.
"""

KEY_BYTES = 32
"""The length of an X25519 key, private or public, in bytes."""

HASH_BYTES = 32
"""The length of a SHA-256 hash, and of each output of the HKDF, in bytes."""

_SHA256 = hashes.SHA256()


class KeyPair:
    """An X25519 key pair, made from 32 bytes of entropy."""

    __slots__ = ("private", "public")

    def __init__(self, entropy: bytes) -> None:
        self.private = X25519PrivateKey.from_private_bytes(entropy)
        self.public = self.private.public_key().public_bytes_raw()


class SymmetricState:
    """The chaining key, handshake hash and current cipher key: section 5.2 of the framework."""

    __slots__ = ("_aead", "_chaining_key", "_hash", "_nonce")

    def __init__(self, prologue: bytes) -> None:
        self._chaining_key = PROTOCOL_NAME
        self._hash = hashlib.sha256(PROTOCOL_NAME + prologue).digest()
        self._aead: ChaCha20Poly1305 | None = None
        self._nonce = 0

    @property
    def hash(self) -> bytes:
        """The handshake hash so far: 32 bytes that bind everything both sides have seen."""
        return self._hash

    def mix_hash(self, data: bytes) -> None:
        """Bind `data` into everything that follows."""
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix_key(self, secret: bytes) -> None:
        """Derive the next cipher key from a shared secret."""
        self._chaining_key, key = _hkdf(self._chaining_key, secret)
        self._aead = ChaCha20Poly1305(key)
        self._nonce = 0

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        """Seal under the current key; before the first `mix_key` the plaintext goes as it is."""
        sealed = plaintext
        if self._aead is not None:
            sealed = self._aead.encrypt(pack_nonce(self._nonce), plaintext, self._hash)
            self._nonce += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, sealed: bytes, what: str) -> bytes:
        """Open what `encrypt_and_hash` sealed.

        Raises HandshakeFailed, naming `what` was sealed, when it does not authenticate.
        """
        plaintext = sealed
        if self._aead is not None:
            try:
                plaintext = self._aead.decrypt(pack_nonce(self._nonce), sealed, self._hash)
            except InvalidTag:
                raise HandshakeFailed(f"{what} does not authenticate") from None
            self._nonce += 1
        self.mix_hash(sealed)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        """Return the two transport keys: the initiator's for sending, the responder's for sending."""
        return _hkdf(self._chaining_key, b"")


class XXHandshake:
    """One side of the pattern; call the methods of this side's role in the order of the messages.

    `static` is the long-lived key pair, `ephemeral` one made for this handshake alone. The read methods raise
    ProtocolViolation for a message too short for its keys, HandshakeFailed for one that does not authenticate
    or whose key makes an all-zero secret.
    """

    __slots__ = ("_ephemeral", "_remote_ephemeral", "_state", "_static", "remote_static")

    def __init__(self, static: KeyPair, ephemeral: KeyPair, prologue: bytes = b"") -> None:
        self._static = static
        self._ephemeral = ephemeral
        self._state = SymmetricState(prologue)
        self._remote_ephemeral = b""
        self.remote_static = b""
        """The peer's static key, 32 bytes, once message 2 (or 3) was read."""

    @property
    def hash(self) -> bytes:
        """The handshake hash; after the last message, the channel binding."""
        return self._state.hash

    def write_first(self, payload: bytes = b"") -> bytes:
        """Write message 1 (e) as the initiator. The payload is neither encrypted nor authenticated."""
        self._state.mix_hash(self._ephemeral.public)
        return self._ephemeral.public + self._state.encrypt_and_hash(payload)

    def read_first(self, message: bytes) -> bytes:
        """Read message 1 as the responder; return its payload."""
        _check_length(message, 1, KEY_BYTES)
        self._remote_ephemeral = message[:KEY_BYTES]
        self._state.mix_hash(self._remote_ephemeral)
        return self._state.decrypt_and_hash(message[KEY_BYTES:], "noise message 1")

    def write_second(self, payload: bytes) -> bytes:
        """Write message 2 (e, ee, s, es) as the responder."""
        state = self._state
        state.mix_hash(self._ephemeral.public)
        state.mix_key(_shared_secret(self._ephemeral, self._remote_ephemeral, "ephemeral"))
        static = state.encrypt_and_hash(self._static.public)
        state.mix_key(_shared_secret(self._static, self._remote_ephemeral, "ephemeral"))
        return self._ephemeral.public + static + state.encrypt_and_hash(payload)

    def read_second(self, message: bytes) -> bytes:
        """Read message 2 as the initiator; return its payload."""
        _check_length(message, 2, KEY_BYTES + KEY_BYTES + TAG_BYTES + TAG_BYTES)
        state = self._state
        self._remote_ephemeral = message[:KEY_BYTES]
        state.mix_hash(self._remote_ephemeral)
        state.mix_key(_shared_secret(self._ephemeral, self._remote_ephemeral, "ephemeral"))
        static_end = KEY_BYTES + KEY_BYTES + TAG_BYTES
        self.remote_static = state.decrypt_and_hash(message[KEY_BYTES:static_end], "the static key in noise message 2")
        state.mix_key(_shared_secret(self._ephemeral, self.remote_static, "static"))
        return state.decrypt_and_hash(message[static_end:], "the payload of noise message 2")

    def write_third(self, payload: bytes) -> bytes:
        """Write message 3 (s, se) as the initiator."""
        static = self._state.encrypt_and_hash(self._static.public)
        self._state.mix_key(_shared_secret(self._static, self._remote_ephemeral, "ephemeral"))
        return static + self._state.encrypt_and_hash(payload)

    def read_third(self, message: bytes) -> bytes:
        """Read message 3 as the responder; return its payload."""
        _check_length(message, 3, KEY_BYTES + TAG_BYTES + TAG_BYTES)
        state = self._state
        static_end = KEY_BYTES + TAG_BYTES
        self.remote_static = state.decrypt_and_hash(message[:static_end], "the static key in noise message 3")
        state.mix_key(_shared_secret(self._ephemeral, self.remote_static, "static"))
        return state.decrypt_and_hash(message[static_end:], "the payload of noise message 3")

    def split(self) -> tuple[bytes, bytes]:
        """Return the keys for what the initiator sends, and for what the responder sends, after message 3."""
        return self._state.split()


def _hkdf(chaining_key: bytes, secret: bytes) -> tuple[bytes, bytes]:
    # RFC 5869 without info is the framework's HKDF (section 4.3).
    output = HKDF(_SHA256, 2 * HASH_BYTES, chaining_key, b"").derive(secret)
    return output[:HASH_BYTES], output[HASH_BYTES:]


def _shared_secret(ours: KeyPair, theirs: bytes, which: str) -> bytes:
    try:
        return ours.private.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError:
        raise HandshakeFailed(f"the peer's {which} key is a point of low order: the secret would be zero") from None


def _check_length(message: bytes, number: int, least: int) -> None:
    if len(message) < least:
        raise ProtocolViolation(f"noise message {number} has {len(message)} bytes, at least {least} are needed")
