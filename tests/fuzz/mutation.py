"""Small changes to inputs: what turns a corpus into bytes that nobody meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from aiolibp2p.multiformats import varint

MAX_CHANGES = 4
"""Changes that one mutant gets, one after the other."""

INTERESTING_BYTES = (0x00, 0x01, 0x0A, 0x12, 0x20, 0x2F, 0x7F, 0x80, 0x81, 0xFE, 0xFF)
INTERESTING_LENGTHS = (0, 1, 127, 128, 255, 256, 1024, 1025, 4096, 8192, 8193, 65535, 2**31 - 1, 2**32 - 1, 2**63 - 1)


class Mutator:
    """Makes mutants of at most `max_bytes`; the same seed makes the same ones.

    `tokens` are pieces of the format, such as tags, names and whole components.
    """

    def __init__(self, seed: int, tokens: Sequence[bytes], max_bytes: int) -> None:
        self._random = Random(seed)
        self._tokens = tuple(tokens)
        self._max_bytes = max_bytes
        self._changes: tuple[Callable[[bytes, bytes], bytes], ...] = (
            self._flip,
            self._overwrite,
            self._insert,
            self._remove,
            self._repeat,
            self._truncate,
            self._splice,
            self._tamper_with_length,
            self._token,
            self._token,
        )

    def mutant(self, pool: Sequence[bytes]) -> bytes:
        """A changed entry of the pool, which must not be empty."""
        random = self._random
        # Late entries are those that did something new: every other mutant comes from the last few.
        newest = pool[-16:] if random.random() < 0.5 else pool
        data = random.choice(newest)
        for _ in range(random.randint(1, MAX_CHANGES)):
            data = random.choice(self._changes)(data, random.choice(pool))[: self._max_bytes]
        return data

    def _span(self, data: bytes) -> tuple[int, int]:
        """Where a piece of `data` begins and ends; short ones are likelier."""
        start = self._random.randint(0, len(data))
        longest = min(len(data) - start, self._random.choice((1, 2, 4, 8, 64, len(data))))
        return start, start + self._random.randint(0, max(longest, 0))

    def _flip(self, data: bytes, other: bytes) -> bytes:
        if not data:
            return data
        changed = bytearray(data)
        changed[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _overwrite(self, data: bytes, other: bytes) -> bytes:
        if not data:
            return data
        changed = bytearray(data)
        at = self._random.randrange(len(data))
        plain = self._random.random() < 0.5
        changed[at] = self._random.choice(INTERESTING_BYTES) if plain else self._random.randrange(256)
        return bytes(changed)

    def _insert(self, data: bytes, other: bytes) -> bytes:
        at = self._random.randint(0, len(data))
        size = self._random.choice((1, 1, 2, 4, 16, 200))
        fill = self._random.randbytes(size) if self._random.random() < 0.5 else data[at : at + 1] * size
        return data[:at] + fill + data[at:]

    def _remove(self, data: bytes, other: bytes) -> bytes:
        start, stop = self._span(data)
        return data[:start] + data[stop:]

    def _repeat(self, data: bytes, other: bytes) -> bytes:
        start, stop = self._span(data)
        return data[:stop] + data[start:stop] * self._random.choice((1, 2, 16, 128)) + data[stop:]

    def _truncate(self, data: bytes, other: bytes) -> bytes:
        return data[: self._random.randint(0, len(data))]

    def _splice(self, data: bytes, other: bytes) -> bytes:
        start, stop = self._span(data)
        other_start, other_stop = self._span(other)
        if self._random.random() < 0.5:
            return data[:start] + other[other_start:]
        return data[:start] + other[other_start:other_stop] + data[stop:]

    def _tamper_with_length(self, data: bytes, other: bytes) -> bytes:
        """Take a place for a length and write another one there: near it, or far off."""
        if not data:
            return data
        at = self._random.randrange(len(data))
        width = self._random.choice((0, 1, 2, 4))
        if width:
            old = int.from_bytes(data[at : at + width], "big")
            length = old + self._random.choice((-1, 1, 8, -8))
            if self._random.random() < 0.5:
                length = self._random.choice(INTERESTING_LENGTHS)
            return data[:at] + (length % (1 << 8 * width)).to_bytes(width, "big") + data[at + width :]
        return data[:at] + varint.encode(self._random.choice(INTERESTING_LENGTHS)) + data[at + 1 :]

    def _token(self, data: bytes, other: bytes) -> bytes:
        if not self._tokens:
            return self._flip(data, other)
        token = self._random.choice(self._tokens)
        start, stop = self._span(data)
        return data[:start] + token + data[start if self._random.random() < 0.5 else stop :]
