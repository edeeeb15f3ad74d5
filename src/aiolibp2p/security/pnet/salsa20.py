"""The core of Salsa20, for what is done once: HSalsa20 and single blocks (Bernstein, "Extending the Salsa20 nonce")."""

from __future__ import annotations

import struct

_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
_WORDS = struct.Struct("<16I")
_MASK = 0xFFFFFFFF
_DOUBLE_ROUNDS = 10

_COLUMNS = ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11))
_ROWS = ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14))


def hsalsa20(key: bytes, nonce: bytes) -> bytes:
    """Return 32 bytes from a key of 32 and a nonce of 16: the key of XSalsa20's inner Salsa20."""
    state = _rounds(_state(key, nonce))
    return struct.pack("<8I", *(state[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def salsa20_block(key: bytes, nonce: bytes) -> bytes:
    """Return the first 64 bytes of Salsa20's stream for a key of 32 bytes and a nonce of 8."""
    start = _state(key, nonce + bytes(8))
    return _WORDS.pack(*((a + b) & _MASK for a, b in zip(start, _rounds(start), strict=True)))


def _state(key: bytes, nonce_and_counter: bytes) -> list[int]:
    k = struct.unpack("<8I", key)
    n = struct.unpack("<4I", nonce_and_counter)
    c = _CONSTANTS
    return [c[0], *k[:4], c[1], *n, c[2], *k[4:], c[3]]


def _rounds(start: list[int]) -> list[int]:
    state = list(start)
    for _ in range(_DOUBLE_ROUNDS):
        for quarter in (*_COLUMNS, *_ROWS):
            _quarter_round(state, *quarter)
    return state


def _quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for target, one, other, distance in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
        total = (state[one] + state[other]) & _MASK
        state[target] ^= (total << distance | total >> 32 - distance) & _MASK
