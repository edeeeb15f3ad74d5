"""What each kind of key (Ed25519, secp256k1, ECDSA, RSA) offers to `keys`, in a module named for the kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

Entropy: TypeAlias = Callable[[int], bytes]
"""A function that returns as many random bytes, fit for keys, as it is asked for; `Runtime.entropy` is one."""


class PublicPart(Protocol):
    """A public key of one kind, without the protobuf around it."""

    __slots__ = ()

    def encode(self) -> bytes:
        """Return the bytes of the protobuf's `Data` field, in the canonical form of this kind of key."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether this key made the signature; False as well for a signature that does not parse."""
        ...


class PrivatePart(Protocol):
    """A private key of one kind, without the protobuf around it."""

    __slots__ = ()

    def encode(self) -> bytes:
        """Return the bytes of the protobuf's `Data` field, in the form that this kind of key prefers."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, in the encoding that peers of all implementations read."""
        ...

    def public(self) -> PublicPart:
        """Return the public half of this key pair."""
        ...


class Scheme(Protocol):
    """The functions that the module of one kind of key has."""

    def read_public(self, data: bytes) -> PublicPart:
        """Read the `Data` field of a public key; raises FormatError."""
        ...

    def read_private(self, data: bytes) -> PrivatePart:
        """Read the `Data` field of a private key; raises FormatError."""
        ...

    def generate(self, entropy: Entropy, bits: int) -> PrivatePart:
        """Make a new key pair; raises ConfigError for a size in bits that is not allowed."""
        ...
