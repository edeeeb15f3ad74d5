"""The 12-byte header of yamux frames, and the few frames that are only a header."""

from __future__ import annotations

import struct

PROTOCOL_ID = "/yamux/1.0.0"

HEADER_BYTES = 12
"""The bytes of a header, as the spec lays them out."""

DATA = 0
"""The frame type of the spec for bytes of a stream."""

WINDOW_UPDATE = 1
"""The frame type of the spec for credit, and for flags without bytes."""

PING = 2
"""The frame type of the spec for pings and their answers."""

GO_AWAY = 3
"""The frame type of the spec that ends a session."""

SYN = 1
"""The flag of the spec that opens a stream, or asks for an answer to a ping."""

ACK = 2
"""The flag of the spec that accepts a stream, or answers a ping."""

FIN = 4
"""The flag of the spec behind which its sender writes no more to a stream."""

RST = 8
"""The flag of the spec that ends a stream both ways at once."""

GO_AWAY_NORMAL = 0
"""The code of the spec for a session that ends in peace."""

GO_AWAY_PROTOCOL_ERROR = 1
"""The code of the spec for a session whose peer broke the protocol."""

GO_AWAY_INTERNAL_ERROR = 2
"""The code of the spec for a session that ends because of a fault at its own side."""

INITIAL_WINDOW_BYTES = 256 * 1024
"""The credit of a stream before any update, in bytes, as the spec has it."""

MAX_U32 = 0xFFFFFFFF
"""The highest number of the header's four-byte fields: ids, lengths, and so windows."""

HEADER = struct.Struct(">BBHII")
"""Version (0), type, flags, stream id, length: all in network order."""

LENGTH = struct.Struct(">I")
"""The last field of a header, to be patched when a frame has grown."""

LENGTH_OFFSET = 8
"""Bytes of a header before its length, as the spec lays them out."""


def window_update(stream_id: int, flags: int, delta: int) -> bytes:
    """Credit of `delta` bytes for the sender, or only flags when it is 0. With RST, `delta` is an error code."""
    return HEADER.pack(0, WINDOW_UPDATE, flags, stream_id, delta)


def ping(flags: int, opaque: int) -> bytes:
    """A ping (SYN) or its answer (ACK), with the opaque value both carry."""
    return HEADER.pack(0, PING, flags, 0, opaque)


def go_away(code: int) -> bytes:
    """No new streams; `code` says why."""
    return HEADER.pack(0, GO_AWAY, 0, 0, code)
