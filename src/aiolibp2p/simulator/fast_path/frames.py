"""What two simulated muxed connections tell each other. Nothing is encoded: only sizes and checksums are real."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TypeAlias

from aiolibp2p.peer.keys import PublicKey

FRAME_BYTES = 12
"""Bytes that a frame adds to its data: the header of yamux."""

PACKET_BYTES = 18
"""Bytes that the frames of one tick add together: length and tag of a Noise message."""

HELLO_BYTES = (230, 330, 160)
"""Bytes of the three parts of a handshake: about what multistream and Noise XX take with Ed25519 keys."""


@dataclass(frozen=True, slots=True)
class Hello:
    """One part of the handshake, 0 to 2; the first two say who speaks."""

    part: int
    key: PublicKey

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return HELLO_BYTES[self.part]

    def checksum(self) -> int:
        """A sum of the content, by which traces of two runs are compared."""
        return zlib.crc32(self.key.marshal(), self.part)


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream; its first frame opens it."""

    stream_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Fin:
    """No more data from this side."""

    stream_id: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The stream is dead both ways."""

    stream_id: int
    code: int


@dataclass(frozen=True, slots=True)
class Credit:
    """The peer may send `n` bytes more."""

    stream_id: int
    n: int


@dataclass(frozen=True, slots=True)
class GoAway:
    """No new streams."""

    code: int


@dataclass(frozen=True, slots=True)
class Probe:
    """Are you there; or its answer, which carries the same value."""

    opaque: int
    is_answer: bool


Frame: TypeAlias = Data | Fin | Reset | Credit | GoAway | Probe


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of one tick, which travel together."""

    frames: tuple[Frame, ...]

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        data = sum(len(frame.data) for frame in self.frames if type(frame) is Data)
        return PACKET_BYTES + FRAME_BYTES * len(self.frames) + data

    def checksum(self) -> int:
        """A sum of the content, by which traces of two runs are compared."""
        value = len(self.frames)
        for frame in self.frames:
            value = zlib.crc32(frame.data, value) if type(frame) is Data else zlib.crc32(repr(frame).encode(), value)
        return value
