"""Parts of what came in one cipher frame."""

from __future__ import annotations

from aiolibp2p.abc.machine import ByteString

COPY_BELOW_BYTES = 4096
"""A piece smaller than this is copied: a view would keep its whole cipher frame alive."""

COPY_BELOW_SHARE = 4
"""And so is one smaller than this part of its cipher frame, or what is unread could hold many times its size."""


def piece_of(data: bytes, at: int, n: int) -> ByteString:
    """The `n` bytes of `data` from `at` on, to be kept for a while."""
    if n == len(data):
        return data
    if n < COPY_BELOW_BYTES or n * COPY_BELOW_SHARE < len(data):
        return data[at : at + n]
    return memoryview(data)[at : at + n]
