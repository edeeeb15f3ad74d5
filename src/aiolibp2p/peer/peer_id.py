"""Peer ids: the multihash of a public key (peer-ids/peer-ids.md, RFC 0001)."""

from __future__ import annotations

from functools import total_ordering
from typing import final

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multibase, multicodec, multihash
from aiolibp2p.multiformats.cid import Cid

MAX_INLINED_KEY = 42
"""The longest serialized public key, in bytes, that an id holds whole, as the specification has it; of a longer key the
id holds the SHA-256.
"""

MAX_TEXT_LENGTH = 128
"""The longest text that is read as a peer id, in characters; the longest form of the longest usual id, base16 of an
Ed25519 one, has 81.
"""

_SHA2_256_PREFIX = b"\x12\x20"
_SHA2_256_ID_LENGTH = 34
_SHOWN = 64


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
    def from_key_bytes(cls, marshalled: bytes) -> PeerId:
        """The id of a public key in its canonical bytes: held whole up to 42 bytes, hashed beyond."""
        inlined = len(marshalled) <= MAX_INLINED_KEY
        return cls((multihash.identity(marshalled) if inlined else multihash.sha2_256(marshalled)).encode())

    def to_bytes(self) -> bytes:
        """Return the binary form of this id, a multihash, as peers exchange it."""
        return self._data

    def __bytes__(self) -> bytes:
        return self._data

    def __str__(self) -> str:
        """Return this id in base58, the text form that every implementation reads."""
        if self._text is None:
            self._text = multibase.base58btc_encode(self._data)
        return self._text

    def text(self, base: str = "base32") -> str:
        """Return this id as the text of a CID in a multibase (base36 fits a DNS label).

        Raises FormatError for an unknown base.
        """
        return Cid(1, multicodec.LIBP2P_KEY, multihash.Multihash.decode(self._data)).text(base)

    @property
    def short(self) -> str:
        """The last eight characters of this id's base58 form, for logs: enough to tell peers apart, not to find one."""
        return str(self)[-8:]

    def __repr__(self) -> str:
        return f"PeerId(...{self.short})"

    @property
    def key_bytes(self) -> bytes | None:
        """The serialized public key that the id holds whole, or None for an id that is a hash of its key.

        The bytes are not checked: `PublicKey.of` reads the key from them.
        """
        return self._data[2:] if self._data[0] == multicodec.IDENTITY else None

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
