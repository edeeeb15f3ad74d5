"""Frames of streams as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.simulator.fast_path.frames import Credit, Data, Fin, Frame, GoAway, Probe, Reset
from support.datagram_carrier.frames import HEADER, PROBE, decode, encode

NUMBERS = st.integers(0, 2**32 - 1)
CONTROL = (
    st.builds(Fin, NUMBERS)
    | st.builds(Reset, NUMBERS, NUMBERS)
    | st.builds(Credit, NUMBERS, NUMBERS)
    | st.builds(GoAway, NUMBERS)
    | st.builds(Probe, NUMBERS, st.booleans())
)
FRAMES = st.lists(CONTROL | st.builds(Data, NUMBERS, st.binary(min_size=1, max_size=50)), max_size=30)


def joined(frames: list[Frame]) -> list[Frame]:
    """Return the frames with data of one stream in a row as one frame."""
    found: list[Frame] = []
    for frame in frames:
        last = found[-1] if found else None
        if isinstance(frame, Data) and isinstance(last, Data) and last.stream_id == frame.stream_id:
            found[-1] = Data(frame.stream_id, last.data + frame.data)
        else:
            found.append(frame)
    return found


@given(FRAMES, st.integers(HEADER.size + 1, 100))
def test_frames_survive_the_wire_however_they_are_cut(frames: list[Frame], max_bytes: int) -> None:
    messages = encode(frames, max_bytes)
    assert all(0 < len(message) <= max_bytes for message in messages)
    assert joined([frame for message in messages for frame in decode(message)]) == joined(frames)


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_refused(message: bytes) -> None:
    try:
        frames = decode(message)
    except ProtocolViolation:
        return
    assert len(frames) <= len(message) // HEADER.size


@pytest.mark.parametrize("message", [b"\0", HEADER.pack(0, 1, 5) + b"four", HEADER.pack(0, 1, 0), HEADER.pack(9, 1, 5)])
def test_what_is_refused(message: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode(HEADER.pack(PROBE, 0, 7) + message)
