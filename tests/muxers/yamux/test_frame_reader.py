"""Headers and bodies, cut anywhere."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.muxers.yamux.frame_reader import FrameReader
from aiolibp2p.muxers.yamux.frames import ACK, DATA, FIN, HEADER, HEADER_BYTES
from aiolibp2p.muxers.yamux.stream_state import StreamState
from aiolibp2p.muxing.pieces import COPY_BELOW_BYTES
from muxers.yamux.pair import data, frame

UNKNOWN = 9


@dataclass
class Record:
    """Writes down what it is told, bodies joined."""

    told: list[tuple[str, int, int | bytes]] = field(default_factory=list)
    pieces: list[ByteString] = field(default_factory=list)
    streams: dict[int, StreamState] = field(default_factory=dict)

    def header_received(self, kind: int, flags: int, stream_id: int, length: int) -> StreamState | None:
        self.told.append(("header", kind << 16 | flags, length))
        if stream_id == UNKNOWN or kind != DATA:
            return None
        return self.streams.setdefault(stream_id, StreamState(stream_id, None, ACK))

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        self.pieces.append(piece)
        if self.told[-1][0] == "body":
            piece = bytes(self.told.pop()[2]) + bytes(piece)
        self.told.append(("body", state.stream_id, bytes(piece)))

    def fin_received(self, state: StreamState) -> None:
        self.told.append(("fin", state.stream_id, 0))


def read(*inputs: bytes) -> Record:
    record = Record()
    reader = FrameReader()
    for one in inputs:
        reader.receive(one, record)
    return record


FRAMES = st.lists(
    st.one_of(
        st.builds(data, st.sampled_from([1, 3, UNKNOWN]), st.binary(max_size=60), st.integers(0, 15)),
        st.builds(frame, st.integers(1, 255), st.integers(0, 15), st.integers(0, 9), st.integers(0, 2**32 - 1)),
    ),
    max_size=8,
).map(b"".join)


@pytest.mark.spec("YMX-4", "YMX-22")
@given(sent=FRAMES, choice=st.data())
def test_cuts_do_not_matter(sent: bytes, choice: st.DataObject) -> None:
    whole = read(sent).told
    assert read(*(bytes([byte]) for byte in sent)).told == whole
    cuts = sorted(choice.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    assert read(*(sent[start:stop] for start, stop in itertools.pairwise([0, *cuts, len(sent)]))).told == whole


@pytest.mark.spec("YMX-1")
@given(header=st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES))
def test_any_version_but_0_is_refused(header: bytes) -> None:
    if header[0]:
        with pytest.raises(ProtocolViolation, match="version"):
            read(header)
    else:
        assert len(read(header).told) >= 1


@pytest.mark.spec("YMX-20")
def test_fin_comes_once_and_behind_the_body() -> None:
    sent = data(1, b"last", FIN) + data(3, b"", FIN)
    assert [event[0] for event in read(sent).told] == ["header", "body", "fin", "header", "fin"]


def test_small_pieces_are_copied_and_large_ones_are_not() -> None:
    small = read(data(1, bytes(COPY_BELOW_BYTES - 1))).pieces
    large = read(data(1, bytes(COPY_BELOW_BYTES))).pieces
    assert [type(piece) for piece in small + large] == [bytes, memoryview]


def test_a_forgotten_stream_loses_the_rest_of_its_body_in_step() -> None:
    record = Record()
    reader = FrameReader()
    reader.receive(HEADER.pack(0, DATA, FIN, 1, 6) + b"abc", record)
    reader.forget(StreamState(1, None, ACK))
    reader.receive(b"d", record)
    reader.forget(record.streams[1])
    reader.receive(b"ef" + data(3, b"next"), record)
    assert [event for event in record.told if event[0] != "header"] == [("body", 1, b"abcd"), ("body", 3, b"next")]


def test_a_small_share_of_a_large_frame_is_copied() -> None:
    body = bytes(range(256)) * 40
    small = read(data(1, body) + data(UNKNOWN, bytes(50_000)))
    large = read(data(1, body) + data(UNKNOWN, bytes(20_000)))
    assert [type(piece) for piece in (*small.pieces, *large.pieces)] == [bytes, memoryview]
    assert small.pieces == large.pieces == [body]
