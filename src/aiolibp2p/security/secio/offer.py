"""The algorithms of a side, most wanted first, and how two sides agree (spec "Determining Roles and Algorithms")."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from aiolibp2p.errors import ConfigError, HandshakeFailed

EXCHANGES = ("P-256", "P-384", "P-521")
"""Curves for the ephemeral keys, in go's order of preference."""

CIPHERS = ("AES-256", "AES-128")
"""Block ciphers, used in counter mode; Blowfish, which the specification lists too, is not secure."""

HASHES = ("SHA256", "SHA512")
"""Hashes, for stretching keys and for authenticating frames, in go's order of preference."""

_SHOWN_BYTES = 64  # of the peer's list in an error


@dataclass(frozen=True)
class Offer:
    """The algorithms of one side in order of preference. Raises ConfigError for an unknown name or an empty list."""

    exchanges: Sequence[str] = EXCHANGES
    ciphers: Sequence[str] = CIPHERS
    hashes: Sequence[str] = HASHES

    def __post_init__(self) -> None:
        for what, names, known in (
            ("exchanges", self.exchanges, EXCHANGES),
            ("ciphers", self.ciphers, CIPHERS),
            ("hashes", self.hashes, HASHES),
        ):
            if isinstance(names, str) or not names or not all(name in known for name in names):
                raise ConfigError(f"secio {what} takes a list of {', '.join(known)}; not {names!r}")


@dataclass(frozen=True)
class Suite:
    """The algorithms that both sides settled on, by name."""

    exchange: str
    cipher: str
    hash: str


def preference(our_key: bytes, our_nonce: bytes, their_key: bytes, their_nonce: bytes) -> bool:
    """Return whether our order of preference counts, not the peer's. Keys are serialized public keys.

    Raises HandshakeFailed when all is the same on both sides: the peer is ourselves.
    """
    ours = hashlib.sha256(their_key + our_nonce).digest()
    theirs = hashlib.sha256(our_key + their_nonce).digest()
    if ours == theirs:
        raise HandshakeFailed("the peer has our key and our nonce: this secio connection leads back to us")
    return ours > theirs


def choose(what: str, ours: Sequence[str], theirs: bytes, prefer_ours: bool) -> str:
    """Return the first name of the preferred list that the other has too; `theirs` as it came, separated by commas.

    Raises HandshakeFailed, saying `what` there is none of, when they share nothing.
    """
    offered = theirs.split(b",")
    names = {name.encode(): name for name in ours}
    wanted, others = (list(names), offered) if prefer_ours else (offered, list(names))
    for name in wanted:
        if name in others:
            return names[name]
    shown = repr(theirs[:_SHOWN_BYTES].decode("ascii", "backslashreplace"))
    raise HandshakeFailed(f"no secio {what} in common: we have {','.join(ours)}, the peer {shown}")
