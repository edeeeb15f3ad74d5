"""Framing of messages on a stream by a varint of their length."""

from __future__ import annotations

from aiolibp2p.errors import FormatError, ProtocolViolation
from aiolibp2p.multiformats import varint

PREFIX_BYTES = varint.MAX_LENGTH


def parse_prefix(start: bytes, max_bytes: int) -> tuple[int, int] | None:
    """Return where the message that begins with `start` begins and ends; None when the prefix is not whole yet.

    Raises ProtocolViolation for a prefix that is none, and for a message longer than `max_bytes`: before anything of it
    is kept.
    """
    try:
        length, prefix = varint.decode(start)
    except varint.IncompleteVarint:
        return None
    except FormatError as error:
        raise ProtocolViolation(f"not a message: {error}") from error
    if length > max_bytes:
        raise ProtocolViolation(f"a message of {length} bytes is over the limit of {max_bytes}")
    return prefix, prefix + length
