"""Frames of streams as bytes: those of the simulator's fast path, several a message, long data cut."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.simulator.fast_path.frames import Credit, Data, Fin, Frame, GoAway, Probe, Reset

DATA, FIN, RESET, CREDIT, GO_AWAY, PROBE, ANSWER = range(7)
HEADER = struct.Struct(">BII")
"""What it is, the stream or 0, and a number: the length of data, a code, a credit, or a probe's value."""


def encode(frames: Iterable[Frame], max_bytes: int) -> list[bytes]:
    """Messages of at most `max_bytes`, each of whole frames."""
    messages = [bytearray()]
    for part in (part for frame in frames for part in _parts(frame, max_bytes)):
        if len(messages[-1]) + len(part) > max_bytes:
            messages.append(bytearray())
        messages[-1] += part
    return [bytes(message) for message in messages if message]


def _parts(frame: Frame, max_bytes: int) -> Iterator[bytes]:
    if isinstance(frame, Data):
        size = max_bytes - HEADER.size
        for at in range(0, len(frame.data), size):
            data = frame.data[at : at + size]
            yield HEADER.pack(DATA, frame.stream_id, len(data)) + data
    elif isinstance(frame, Fin):
        yield HEADER.pack(FIN, frame.stream_id, 0)
    elif isinstance(frame, Reset):
        yield HEADER.pack(RESET, frame.stream_id, frame.code)
    elif isinstance(frame, Credit):
        yield HEADER.pack(CREDIT, frame.stream_id, frame.n)
    elif isinstance(frame, GoAway):
        yield HEADER.pack(GO_AWAY, 0, frame.code)
    else:
        yield HEADER.pack(ANSWER if frame.is_answer else PROBE, 0, frame.opaque)


def decode(message: bytes) -> list[Frame]:
    """Read one packet's frames. Raises ProtocolViolation."""
    frames: list[Frame] = []
    at = 0
    while at < len(message):
        if len(message) - at < HEADER.size:
            raise ProtocolViolation("a frame is cut short")
        kind, stream_id, value = HEADER.unpack_from(message, at)
        at += HEADER.size
        if kind == DATA:
            if not 0 < value <= len(message) - at:
                raise ProtocolViolation("data is cut short")
            frames.append(Data(stream_id, message[at : at + value]))
            at += value
        else:
            frames.append(_control(kind, stream_id, value))
    return frames


def _control(kind: int, stream_id: int, value: int) -> Frame:
    if kind == FIN:
        return Fin(stream_id)
    if kind == RESET:
        return Reset(stream_id, value)
    if kind == CREDIT:
        return Credit(stream_id, value)
    if kind == GO_AWAY:
        return GoAway(value)
    if kind in (PROBE, ANSWER):
        return Probe(value, kind == ANSWER)
    raise ProtocolViolation(f"a frame of kind {kind}")
