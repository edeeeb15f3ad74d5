"""Headers of mplex messages: id and flag in one varint, then the length of the body."""

from __future__ import annotations

from aiolibp2p.multiformats import varint

PROTOCOL_ID = "/mplex/6.7.0"

NEW_STREAM = 0
"""Opens a stream; its body is a name."""

MESSAGE, CLOSE, RESET = 1, 3, 5
"""Flags of the spec, as whoever accepted the stream sends them; whoever opened it adds `BY_OPENER`."""

BY_OPENER = 1
"""What the opener of a stream adds to a flag, as the spec has it: both sides use the same ids."""

MAX_FLAG = 6
"""The highest flag that the spec knows; three bits could hold 7."""

MAX_MESSAGE_BYTES = 1024 * 1024
"""The longest body, in bytes: the limit of the spec, and of go, rust and js."""

MAX_STREAM_NUMBER = 2**60 - 1
"""The highest id of a stream: the spec has ids of 60 bits."""

MAX_VARINT_BYTES = 9
"""The most bytes of the number that holds an id and its flag: 63 bits, seven a byte."""

MAX_LENGTH_BYTES = 3
"""The most bytes of the number that holds a length: 1 MiB takes 21 bits, seven a byte."""


def opening(number: int, flag: int) -> bytes:
    """The first part of a header; the length of the body follows as a varint, then the body."""
    return varint.encode(number << 3 | flag)


def bodiless(number: int, flag: int) -> bytes:
    """A message without a body."""
    return opening(number, flag) + b"\0"


def stream_key(number: int, is_ours: bool) -> int:
    """One number for each stream of a session: both sides count from 0."""
    return number << 1 | is_ours
