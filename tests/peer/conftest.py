"""Keys for the tests of this room; the slow one is made once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from aiolibp2p.peer import PrivateKey

KINDS = ("ed25519", "secp256k1", "ecdsa", "rsa")


@pytest.fixture(scope="session")
def rsa_key() -> PrivateKey:
    """An RSA key of 2,048 bits."""
    return PrivateKey.generate("rsa")


@pytest.fixture(scope="session")
def key_of(rsa_key: PrivateKey) -> Callable[[str, int], PrivateKey]:
    """`key_of(kind, seed)`: the same key for the same seed; there is one RSA key only."""

    def key_of(kind: str = "ed25519", seed: int = 0) -> PrivateKey:
        return (
            rsa_key
            if kind == "rsa"
            else PrivateKey.generate(kind, entropy=lambda n: hashlib.shake_128(bytes([seed])).digest(n))
        )

    return key_of


@pytest.fixture(params=KINDS)
def key(request: pytest.FixtureRequest, key_of: Callable[[str, int], PrivateKey]) -> PrivateKey:
    """A key of each kind."""
    return key_of(request.param, 0)


@pytest.fixture
def ours(key_of: Callable[[str, int], PrivateKey]) -> PrivateKey:
    """An Ed25519 key."""
    return key_of("ed25519", 1)


@pytest.fixture
def theirs(key_of: Callable[[str, int], PrivateKey]) -> PrivateKey:
    """Another Ed25519 key."""
    return key_of("ed25519", 2)
