"""Key stretching: the keys of both directions, made from one secret (spec section "Key Stretching")."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

SEED = b"key expansion"
"""The bytes that the HMAC is fed over and over, as in TLS 1.0."""

IV_BYTES = 16
"""The length of the first counter block of AES, in bytes."""

MAC_KEY_BYTES = 20
"""The length of the key of a direction's HMAC, in bytes, for every hash: that of a SHA-1."""

CIPHER_KEY_BYTES = {"AES-128": 16, "AES-256": 32}
"""The length of each cipher's key, in bytes."""

HASH_NAMES = {"SHA256": "sha256", "SHA512": "sha512"}
"""The names that hashlib has for the hashes."""


@dataclass(frozen=True)
class Keys:
    """The keys with which one side seals, and the other opens."""

    iv: bytes
    cipher_key: bytes
    mac_key: bytes


def stretch(secret: bytes, cipher: str, hash_name: str) -> tuple[Keys, Keys]:
    """Return the keys for what the preferred side sends, and for what the other sends."""
    digest = HASH_NAMES[hash_name]
    cipher_end = IV_BYTES + CIPHER_KEY_BYTES[cipher]
    size = cipher_end + MAC_KEY_BYTES
    output = b""
    state = hmac.digest(secret, SEED, digest)
    while len(output) < 2 * size:
        output += hmac.digest(secret, state + SEED, digest)
        state = hmac.digest(secret, state, digest)
    halves = output[:size], output[size : 2 * size]
    first, second = (Keys(half[:IV_BYTES], half[IV_BYTES:cipher_end], half[cipher_end:]) for half in halves)
    return first, second
