"""Multihash: a digest that says which function made it: varint code, varint length, digest.

https://github.com/multiformats/multihash. Codes without a name here pass through; a caller that needs SHA-256 checks
for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multicodec, varint

IDENTITY = multicodec.IDENTITY
SHA2_256 = multicodec.SHA2_256

MAX_DIGEST_LENGTH = 128
"""The longest digest, in bytes, that is read or made: twice the longest hash in use, SHA-512."""

_SHA2_256_LENGTH = 32


@dataclass(frozen=True)
class Multihash:
    """A hash function's code and its digest. Raises FormatError for a digest too long, or not fit for SHA-256."""

    code: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.code == SHA2_256 and len(self.digest) != _SHA2_256_LENGTH:
            raise FormatError(f"a sha2-256 digest has {_SHA2_256_LENGTH} bytes, not {len(self.digest)}")
        if len(self.digest) > MAX_DIGEST_LENGTH:
            raise FormatError(f"a digest of {len(self.digest)} bytes is over the limit of {MAX_DIGEST_LENGTH}")

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview) -> Multihash:
        """Read exactly one multihash; raises FormatError when bytes are missing or left over."""
        code, offset = varint.decode(data)
        length, offset = varint.decode(data, offset)
        if len(data) - offset != length:
            raise FormatError(f"the multihash announces {length} bytes of digest, {len(data) - offset} follow")
        return cls(code, bytes(data[offset:]))

    def encode(self) -> bytes:
        """Return the binary form of this multihash, which `decode` reads back."""
        return varint.encode(self.code) + varint.encode(len(self.digest)) + self.digest


def sha2_256(data: bytes | bytearray | memoryview) -> Multihash:
    """The SHA-256 multihash of `data`."""
    return Multihash(SHA2_256, hashlib.sha256(data).digest())


def identity(data: bytes | bytearray | memoryview) -> Multihash:
    """`data` itself as a multihash; raises FormatError past MAX_DIGEST_LENGTH."""
    return Multihash(IDENTITY, bytes(data))
