"""Peer ids: the multihash of a public key (peer-ids/peer-ids.md, RFC 0001)."""

from __future__ import annotations

from collections.abc import Callable
from functools import total_ordering
from typing import TYPE_CHECKING, final

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multibase, multicodec, multihash
from aiolibp2p.multiformats.cid import Cid

if TYPE_CHECKING:
    from aiolibp2p.peer.keys import PublicKey

MAX_INLINED_KEY = 42
"""The longest serialized public key, in bytes, that an id holds whole; of longer ones it holds the SHA-256."""

MAX_TEXT_LENGTH = 128
"""The longest text that is read as a peer id, in characters."""

_SHA2_256_PREFIX = b"\x12\x20"
_SHA2_256_ID_LENGTH = 34
_SHOWN = 64

_key_decoders: list[Callable[[bytes], PublicKey]] = []


def set_key_decoder(decoder: Callable[[bytes], PublicKey]) -> None:
    """How `PeerId.public_key` reads an inlined key. `peer.keys` calls this once: it knows ids, ids do not know it."""
    _key_decoders[:] = [decoder]


@final
@total_ordering
class PeerId:
    """The id of a peer: immutable, hashable, ordered by its bytes.

    `PeerId(multihash)` takes the binary form, as the wire carries it: a SHA-256 multihash, or an identity multihash
    of 1 to 42 bytes. Raises FormatError for anything else. Text is read by `parse`.
    """

    __slots__ = ("_data", "_hash", "_text")

    def __init__(self, multihash: bytes) -> None:
        data = bytes(multihash)
        if data[:2] == _SHA2_256_PREFIX:
            fits = len(data) == _SHA2_256_ID_LENGTH
        else:
            fits = data[:1] == b"\0" and 3 <= len(data) <= MAX_INLINED_KEY + 2 and data[1] == len(data) - 2
        if not fits:
            raise FormatError(
                f"a peer id is a sha2-256 multihash or an identity one of 1 to {MAX_INLINED_KEY} bytes,"
                f" not {data[:_SHOWN].hex() or 'nothing'}"
            )
        self._data = data
        self._hash = hash(data)
        self._text: str | None = None

    @classmethod
    def parse(cls, text: str) -> PeerId:
        """Read either text form: base58 (`Qm...`, `1...`) or a CID of version 1 in any multibase.

        Raises FormatError, which says what is wrong and shows the text.
        """
        try:
            return cls(_multihash_of(text))
        except FormatError as error:
            raise FormatError(f"{text[:_SHOWN]!r} is not a peer id: {error}") from None

    @classmethod
    def from_public_key(cls, key: PublicKey) -> PeerId:
        """The id of a key."""
        return key.peer_id

    @classmethod
    def from_key_bytes(cls, marshalled: bytes) -> PeerId:
        """The id of a public key in its canonical bytes: held whole up to 42 bytes, hashed beyond."""
        inlined = len(marshalled) <= MAX_INLINED_KEY
        return cls((multihash.identity(marshalled) if inlined else multihash.sha2_256(marshalled)).encode())

    def to_bytes(self) -> bytes:
        """The multihash: what peers exchange."""
        return self._data

    def __bytes__(self) -> bytes:
        return self._data

    def __str__(self) -> str:
        """The base58 form, which every implementation reads."""
        if self._text is None:
            self._text = multibase.base58btc_encode(self._data)
        return self._text

    def text(self, base: str = "base32") -> str:
        """The CID form in a multibase (base36 fits a DNS label). Raises FormatError for an unknown base."""
        return Cid(1, multicodec.LIBP2P_KEY, multihash.Multihash.decode(self._data)).text(base)

    @property
    def short(self) -> str:
        """The last eight characters, for logs: enough to tell peers apart, not to find one."""
        return str(self)[-8:]

    def __repr__(self) -> str:
        return f"PeerId(...{self.short})"

    def public_key(self) -> PublicKey | None:
        """The key the id holds; None when it holds a hash. Raises FormatError when what it holds is no key."""
        if self._data[0] != multicodec.IDENTITY:
            return None
        return _key_decoders[0](self._data[2:])

    def matches(self, key: PublicKey) -> bool:
        """Whether this is the id of `key`: the id is made anew and compared, so a hash of a short key never matches."""
        return key.peer_id == self

    def __eq__(self, other: object) -> bool:
        return self._data == other._data if isinstance(other, PeerId) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._data < other._data if isinstance(other, PeerId) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, ...]:
        return PeerId, (self._data,)

    def __copy__(self) -> PeerId:
        return self

    def __deepcopy__(self, memo: object) -> PeerId:
        return self


def _multihash_of(text: str) -> bytes:
    """The multihash that a text form names; the decoding rule of peer-ids.md."""
    if not text:
        raise FormatError("it is empty")
    if text.startswith("/"):
        raise FormatError("it is an address; Multiaddr(...) reads those")
    if len(text) > MAX_TEXT_LENGTH:
        raise FormatError(f"{len(text)} characters are over the limit of {MAX_TEXT_LENGTH}")
    if text.startswith(("1", "Qm")):
        return multibase.base58btc_decode(text)
    cid = Cid.parse(text)
    if cid.codec != multicodec.LIBP2P_KEY:
        raise FormatError(f"its content type is {cid.codec:#x}, not libp2p-key ({multicodec.LIBP2P_KEY:#x})")
    return cid.multihash.encode()
