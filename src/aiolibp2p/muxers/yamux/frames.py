"""The 12-byte header of yamux frames, and the few frames that are only a header."""

from __future__ import annotations

import struct

PROTOCOL_ID = "/yamux/1.0.0"

HEADER_BYTES = 12

DATA = 0
WINDOW_UPDATE = 1
PING = 2
GO_AWAY = 3

SYN = 1
ACK = 2
FIN = 4
RST = 8

GO_AWAY_NORMAL = 0
GO_AWAY_PROTOCOL_ERROR = 1
GO_AWAY_INTERNAL_ERROR = 2

INITIAL_WINDOW_BYTES = 256 * 1024
MAX_U32 = 0xFFFFFFFF

HEADER = struct.Struct(">BBHII")
"""Version (0), type, flags, stream id, length: all in network order."""

LENGTH = struct.Struct(">I")
LENGTH_OFFSET = 8


def window_update(stream_id: int, flags: int, delta: int) -> bytes:
    """Credit of `delta` bytes for the sender, or only flags when it is 0. With RST, `delta` is an error code."""
    return HEADER.pack(0, WINDOW_UPDATE, flags, stream_id, delta)


def ping(flags: int, opaque: int) -> bytes:
    """A ping (SYN) or its answer (ACK), with the opaque value both carry."""
    return HEADER.pack(0, PING, flags, 0, opaque)


def go_away(code: int) -> bytes:
    """No new streams; `code` says why."""
    return HEADER.pack(0, GO_AWAY, 0, 0, code)
