"""Pieces of the plaintext that came in one cipher frame, copied or not."""

from __future__ import annotations

from aiolibp2p.abc.machine import ByteString

COPY_BELOW_BYTES = 4096
"""Bytes below which a piece is copied: a view would keep its whole cipher frame alive."""

COPY_BELOW_SHARE = 4
"""A piece below one part in this many of its cipher frame is copied, too: else unread bytes hold a multiple of them."""


def piece_of(data: bytes, at: int, n: int) -> ByteString:
    """Return the `n` bytes of `data` from `at` on, to be kept for a while."""
    if n == len(data):
        return data
    if n < COPY_BELOW_BYTES or n * COPY_BELOW_SHARE < len(data):
        return data[at : at + n]
    return memoryview(data)[at : at + n]
