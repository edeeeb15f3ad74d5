"""Changes to honest bytes. Pure: the random numbers are handed in."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

Mutator: TypeAlias = Callable[[bytearray, random.Random], None]

EDGE_BYTES = (0x00, 0x01, 0x0A, 0x2F, 0x7F, 0x80, 0xFF)
"""Values at which parsers turn: ends of varints, newlines, slashes."""

MAX_CHANGES = 4
"""The most changes to one message: with more it is refused at its start, and deep parsers see nothing."""
MAX_INSERTED = 64
"""The most bytes that one change inserts."""


def _flip(data: bytearray, source: random.Random) -> None:
    data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def _overwrite(data: bytearray, source: random.Random) -> None:
    data[source.randrange(len(data))] = source.choice(EDGE_BYTES)


def _cut(data: bytearray, source: random.Random) -> None:
    start = source.randrange(len(data))
    del data[start : start + source.randint(1, len(data))]


def _repeat(data: bytearray, source: random.Random) -> None:
    start = source.randrange(len(data))
    piece = data[start : start + source.randint(1, MAX_INSERTED)]
    data[start:start] = piece


def _insert(data: bytearray, source: random.Random) -> None:
    at = source.randint(0, len(data))
    data[at:at] = source.randbytes(source.randint(1, MAX_INSERTED))


def _swap(data: bytearray, source: random.Random) -> None:
    a, b = source.randrange(len(data)), source.randrange(len(data))
    data[a], data[b] = data[b], data[a]


MUTATORS: tuple[Mutator, ...] = (_flip, _overwrite, _cut, _repeat, _insert, _swap)


def mutate(honest: bytes, source: random.Random) -> bytes:
    """Return `honest` with one to four changes; it may come out empty, or as it was."""
    data = bytearray(honest)
    for _ in range(source.randint(1, MAX_CHANGES)):
        if not data:
            break
        source.choice(MUTATORS)(data, source)
    return bytes(data)
