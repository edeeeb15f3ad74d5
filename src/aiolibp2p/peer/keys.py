"""Key pairs of all kinds, and their one canonical encoding (peer-ids/peer-ids.md).

`keys.proto` is the schema. Peer ids are made from these very bytes, so they are written and read by hand: type, then
data, each in its shortest form, nothing else. Each kind of key has a module of its own, loaded when it is needed.
"""

from __future__ import annotations

import enum
import os
from functools import lru_cache
from typing import final

from aiolibp2p.errors import ConfigError, FormatError, SignatureInvalid
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.key_kind import Entropy, PrivatePart, PublicPart, Scheme
from aiolibp2p.peer.peer_id import MAX_INLINED_KEY, PeerId

MAX_PUBLIC_KEY_BYTES = 2048
"""The longest serialized public key, in bytes, that is read; RSA of 8,192 bits takes 1,066."""

MAX_PRIVATE_KEY_BYTES = 8192
"""The longest serialized private key, in bytes, that is read; RSA of 8,192 bits takes about 4,700."""

REMEMBERED_KEYS = 1024
"""Short public keys (those that a peer id holds whole) that are kept in memory, so that the keys of connected peers are
not read anew. Reading one takes about 10 us.
"""

_TYPE_TAG = b"\x08"
_DATA_TAG = b"\x12"


class KeyType(enum.IntEnum):
    """The kinds of keys, by their numbers in the protobuf."""

    RSA = 0
    ED25519 = 1
    SECP256K1 = 2
    ECDSA = 3


@final
class PublicKey:
    """A public key. Equality and hash are those of its canonical bytes.

    Made by `unmarshal`, by `of` or by `PrivateKey.public_key`.
    """

    __slots__ = ("_kind", "_marshalled", "_part", "_peer_id")

    def __init__(self, kind: KeyType, part: PublicPart) -> None:
        self._kind = kind
        self._part = part
        self._marshalled = _encode(kind, part.encode())
        self._peer_id: PeerId | None = None

    @classmethod
    def unmarshal(cls, encoded: bytes) -> PublicKey:
        """Read the protobuf of a public key.

        Raises FormatError for an unknown kind, an unusable key (RSA outside 2,048 to 8,192 bits, for example), and
        for every encoding but the canonical one.
        """
        return _remembered(bytes(encoded)) if len(encoded) <= MAX_INLINED_KEY else _read_public(encoded)

    @classmethod
    def of(cls, peer_id: PeerId) -> PublicKey | None:
        """Return the key that a peer id holds whole (Ed25519 and secp256k1), or None for an id that is a hash.

        Raises FormatError when what the id holds is no key.
        """
        held = peer_id.key_bytes
        return None if held is None else cls.unmarshal(held)

    @property
    def kind(self) -> KeyType:
        """The kind of this key."""
        return self._kind

    @property
    def peer_id(self) -> PeerId:
        """The id of the peer that owns this key."""
        if self._peer_id is None:
            self._peer_id = PeerId.from_key_bytes(self._marshalled)
        return self._peer_id

    def marshal(self) -> bytes:
        """The canonical protobuf: the bytes peers exchange, and those the peer id is made from."""
        return self._marshalled

    def verify(self, data: bytes, signature: bytes) -> None:
        """Return when this key signed `data`; raise SignatureInvalid otherwise."""
        if not self._part.verify(data, signature):
            raise SignatureInvalid(
                f"the {_name(self._kind)} signature does not hold for the key of peer {self.peer_id}"
            )

    def __eq__(self, other: object) -> bool:
        return self._marshalled == other._marshalled if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._marshalled)

    def __repr__(self) -> str:
        return f"PublicKey({_name(self._kind)}, {self.peer_id})"

    def __reduce__(self) -> tuple[object, ...]:
        return PublicKey.unmarshal, (self._marshalled,)


@final
class PrivateKey:
    """A key pair. Its text never shows the key; `marshal` and `save` are the only ways out.

    `PrivateKey.generate()`, `PrivateKey.load(path)` or `PrivateKey.unmarshal(data)`.
    """

    __slots__ = ("_part", "_public_key")

    def __init__(self, kind: KeyType, part: PrivatePart) -> None:
        self._part = part
        self._public_key = PublicKey(kind, part.public())

    @classmethod
    def generate(cls, kind: str = "ed25519", entropy: Entropy | None = None, bits: int = 2048) -> PrivateKey:
        """A new key: "ed25519", "secp256k1", "ecdsa" (P-256) or "rsa" (of `bits`, 2,048 to 8,192).

        `entropy(n)` gives the random bytes, the operating system's by default; RSA always takes OpenSSL's own.
        Raises ConfigError for an unknown kind or size.
        """
        chosen = next((item for item in KeyType if _name(item) == kind), None)
        if chosen is None:
            raise ConfigError(f"unknown kind of key {kind!r}: one of {', '.join(sorted(map(_name, KeyType)))}")
        return cls(chosen, _scheme(chosen).generate(entropy or system_entropy, bits))

    @classmethod
    def unmarshal(cls, encoded: bytes) -> PrivateKey:
        """Read the protobuf of a private key; raises FormatError, which never shows the key."""
        kind, data = _decode(encoded, "private key", MAX_PRIVATE_KEY_BYTES)
        return cls(kind, _scheme(kind).read_private(data))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PrivateKey:
        """Read a key file as libp2p implementations write it: the bare protobuf.

        Raises ConfigError when the file cannot be read, FormatError when it holds no such key; both name it.
        """
        from aiolibp2p.peer import key_file  # loaded by those who keep keys in files

        encoded = key_file.read(path, MAX_PRIVATE_KEY_BYTES)
        try:
            return cls.unmarshal(encoded)
        except FormatError as error:
            raise FormatError(f"{os.fspath(path)!r} holds no libp2p private key (protobuf): {error}") from None

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a key file that only its owner can read; it appears whole or not at all.

        Raises ConfigError when it cannot be written, and when it exists already unless `overwrite`.
        """
        from aiolibp2p.peer import key_file  # loaded by those who keep keys in files

        key_file.write(path, self.marshal(), overwrite=overwrite)

    @property
    def kind(self) -> KeyType:
        """The kind of this key pair."""
        return self._public_key.kind

    @property
    def public_key(self) -> PublicKey:
        """The half of this key pair that peers may see."""
        return self._public_key

    @property
    def peer_id(self) -> PeerId:
        """The id of the peer that owns this key pair."""
        return self._public_key.peer_id

    def marshal(self) -> bytes:
        """The protobuf with the secret in it: for storing, never for sending."""
        return _encode(self.kind, self._part.encode())

    def sign(self, data: bytes) -> bytes:
        """Sign `data`: RFC 8032 for Ed25519, PKCS#1 v1.5 for RSA, DER for the curves, all over SHA-256 but Ed25519.

        The same data gives the same signature, for the curves where OpenSSL knows RFC 6979 (3.2 and newer).
        """
        return self._part.sign(data)

    def __eq__(self, other: object) -> bool:
        return self._public_key == other._public_key if isinstance(other, PrivateKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._public_key)

    def __repr__(self) -> str:
        return f"PrivateKey({_name(self.kind)}, of peer {self.peer_id})"


def system_entropy(n: int) -> bytes:
    """`n` bytes of the operating system's randomness: for keys made before there is a host with a Runtime."""
    return os.urandom(n)


def _name(kind: KeyType) -> str:
    return kind.name.lower()


def _scheme(kind: KeyType) -> Scheme:
    """Return the module of a kind of key, loaded when its first key is met."""
    if kind is KeyType.ED25519:
        from aiolibp2p.peer import ed25519

        return ed25519
    if kind is KeyType.SECP256K1:
        from aiolibp2p.peer import secp256k1

        return secp256k1
    if kind is KeyType.ECDSA:
        from aiolibp2p.peer import ecdsa

        return ecdsa
    from aiolibp2p.peer import rsa

    return rsa


def _encode(kind: KeyType, data: bytes) -> bytes:
    return _TYPE_TAG + varint.encode(kind) + _DATA_TAG + varint.encode(len(data)) + data


def _decode(encoded: bytes, what: str, limit: int) -> tuple[KeyType, bytes]:
    """Return kind and data of a serialized key; raises FormatError unless it is exactly what `_encode` writes."""
    if len(encoded) > limit:
        raise FormatError(f"a serialized {what} of {len(encoded)} bytes is over the limit of {limit}")
    if encoded[:1] != _TYPE_TAG:
        raise FormatError(f"a serialized {what} begins with its type")
    number, offset = varint.decode(encoded, 1)
    if encoded[offset : offset + 1] != _DATA_TAG:
        raise FormatError(f"in a serialized {what} the data follows the type")
    length, offset = varint.decode(encoded, offset + 1)
    if length != len(encoded) - offset:
        raise FormatError(f"the serialized {what} announces {length} bytes of data, {len(encoded) - offset} follow")
    try:
        return KeyType(number), bytes(encoded[offset:])
    except ValueError:
        raise FormatError(f"unknown key type {number}") from None


def _read_public(encoded: bytes) -> PublicKey:
    kind, data = _decode(encoded, "public key", MAX_PUBLIC_KEY_BYTES)
    key = PublicKey(kind, _scheme(kind).read_public(data))
    if key.marshal() != encoded:
        raise FormatError(f"the {_name(kind)} public key is not in its canonical encoding")
    return key


# A handshake, its peer's identify message and its signed record hold the same key.
_remembered = lru_cache(REMEMBERED_KEYS)(_read_public)
