"""From one secret to the keys of both directions (spec section "Key Stretching")."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

SEED = b"key expansion"
"""What the HMAC is fed over and over."""

IV_BYTES = 16
"""The first counter block of AES."""

MAC_KEY_BYTES = 20
"""The key of a direction's HMAC, whichever the hash: as long as a SHA-1 was."""

CIPHER_KEY_BYTES = {"AES-128": 16, "AES-256": 32}
"""By the cipher's name."""

HASH_NAMES = {"SHA256": "sha256", "SHA512": "sha512"}
"""What hashlib calls them."""


@dataclass(frozen=True)
class Keys:
    """What one side seals with, and the other opens with."""

    iv: bytes
    cipher_key: bytes
    mac_key: bytes


def stretch(secret: bytes, cipher: str, hash_name: str) -> tuple[Keys, Keys]:
    """The keys for what the preferred side sends, and for what the other sends."""
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
