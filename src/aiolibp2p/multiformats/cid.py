"""CID: content identifiers, versions 0 and 1; libp2p uses them for DHT keys and for peer ids in text (RFC 0001).

https://github.com/multiformats/cid. Version 1 is varint 1, varint codec, multihash; version 0 is a bare SHA-256
multihash, in text always base58 (`Qm...`, 46 characters).
"""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multibase, multicodec, multihash, varint
from aiolibp2p.multiformats.multihash import Multihash

_V0_PREFIX = b"\x12\x20"
_V0_LENGTH = 34
_V0_TEXT_LENGTH = 46


@dataclass(frozen=True)
class Cid:
    """A content type (multicodec) and a multihash. Raises FormatError for another version or an impossible v0."""

    version: int
    codec: int
    multihash: Multihash

    def __post_init__(self) -> None:
        if self.version not in (0, 1):
            raise FormatError(f"CID version {self.version} is not 0 or 1")
        is_v0_shaped = self.codec == multicodec.DAG_PB and self.multihash.code == multihash.SHA2_256
        if self.version == 0 and not is_v0_shaped:
            raise FormatError("a version 0 CID is always dag-pb with sha2-256")

    @classmethod
    def decode(cls, data: bytes | bytearray | memoryview) -> Cid:
        """Read exactly one CID; raises FormatError for another version, and for missing or left over bytes."""
        if len(data) == _V0_LENGTH and data[:2] == _V0_PREFIX:
            return cls(0, multicodec.DAG_PB, Multihash.decode(data))
        version, offset = varint.decode(data)
        if version != 1:
            raise FormatError(f"CID version {version} is not known")
        codec, offset = varint.decode(data, offset)
        return cls(1, codec, Multihash.decode(data[offset:]))

    @classmethod
    def parse(cls, text: str) -> Cid:
        """Read a CID's text: `Qm...` of version 0, or multibase of version 1. Raises FormatError."""
        if len(text) == _V0_TEXT_LENGTH and text.startswith("Qm"):
            return cls(0, multicodec.DAG_PB, Multihash.decode(multibase.base58btc_decode(text)))
        cid = cls.decode(multibase.decode(text))
        if cid.version == 0:
            raise FormatError("a version 0 CID has no multibase prefix")
        return cid

    def encode(self) -> bytes:
        """Return the binary form of this CID, which `decode` reads back."""
        digest = self.multihash.encode()
        return digest if self.version == 0 else b"\x01" + varint.encode(self.codec) + digest

    def text(self, base: str = "base32") -> str:
        """Return this CID as text: version 1 in the multibase `base`, version 0 always in base58 without prefix."""
        encoded = self.encode()
        return multibase.base58btc_encode(encoded) if self.version == 0 else multibase.encode(base, encoded)
