"""Headers of mplex messages: id and flag in one varint, then the length of the body."""

from __future__ import annotations

from aiolibp2p.multiformats import varint

PROTOCOL_ID = "/mplex/6.7.0"

NEW_STREAM = 0
"""Opens a stream; its body is a name."""

MESSAGE, CLOSE, RESET = 1, 3, 5
"""From whoever accepted the stream; whoever opened it adds one."""

BY_OPENER = 1

MAX_FLAG = 6

MAX_MESSAGE_BYTES = 1024 * 1024
"""The longest body."""

MAX_STREAM_NUMBER = 2**60 - 1

MAX_VARINT_BYTES = 9
"""Of the id with its flag: 63 bits."""

MAX_LENGTH_BYTES = 3
"""Of the length: 1 MiB takes 21 bits."""


def opening(number: int, flag: int) -> bytes:
    """The first part of a header; the length of the body follows as a varint, then the body."""
    return varint.encode(number << 3 | flag)


def bodiless(number: int, flag: int) -> bytes:
    """A message without a body."""
    return opening(number, flag) + b"\0"


def stream_key(number: int, is_ours: bool) -> int:
    """One number for each stream of a session: both sides count from 0."""
    return number << 1 | is_ours
