"""Headers and bodies, cut anywhere."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.muxers.mplex.frame_reader import FrameReader
from aiolibp2p.muxers.mplex.frames import MAX_MESSAGE_BYTES, MAX_STREAM_NUMBER
from aiolibp2p.muxers.mplex.stream_state import StreamState
from aiolibp2p.muxing.pieces import COPY_BELOW_BYTES
from muxers.mplex.wire import MESSAGE_I, NEW, message

UNKNOWN = 9


@dataclass
class Record:
    """Writes down what it is told, bodies joined."""

    told: list[tuple[str | int, int, int | bytes]] = field(default_factory=list)
    pieces: list[ByteString] = field(default_factory=list)
    streams: dict[int, StreamState] = field(default_factory=dict)

    def header_received(self, number: int, flag: int, length: int) -> StreamState | None:
        self.told.append((number, flag, length))
        if number == UNKNOWN or flag == NEW:
            return None
        return self.streams.setdefault(number, StreamState(number, None, is_ours=False))

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        self.pieces.append(piece)
        if self.told[-1][0] == "body":
            piece = bytes(self.told.pop()[2]) + bytes(piece)
        self.told.append(("body", state.number, bytes(piece)))


def read(*inputs: bytes) -> Record:
    record = Record()
    reader = FrameReader()
    for one in inputs:
        reader.receive(one, record)
    return record


NUMBERS = st.one_of(
    st.sampled_from([0, 1, UNKNOWN, 15, 16, 2**11, MAX_STREAM_NUMBER]), st.integers(0, MAX_STREAM_NUMBER)
)
SIZES = st.one_of(st.integers(0, 200), st.sampled_from([127, 128, 16_383, 16_384]))
MESSAGES = st.lists(st.builds(message, NUMBERS, st.integers(0, 6), SIZES.map(bytes)), max_size=8).map(b"".join)


@pytest.mark.spec("MPX-1")
@given(sent=MESSAGES, choice=st.data())
def test_cuts_do_not_matter(sent: bytes, choice: st.DataObject) -> None:
    whole = read(sent).told
    if len(sent) < 1000:
        assert read(*(bytes([byte]) for byte in sent)).told == whole
    cuts = sorted(choice.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    assert read(*(sent[start:stop] for start, stop in itertools.pairwise([0, *cuts, len(sent)]))).told == whole


@pytest.mark.spec("MPX-1")
@given(number=NUMBERS, flag=st.integers(0, 6))
def test_three_bits_are_the_flag_and_the_rest_is_the_id(number: int, flag: int) -> None:
    assert read(message(number, flag)).told == [(number, flag, 0)]


@pytest.mark.spec("MPX-1")
def test_the_largest_id_takes_nine_bytes() -> None:
    largest = message(2**60 - 1, 6)
    assert largest == b"\xfe" + b"\xff" * 7 + b"\x7f\0"
    assert read(largest).told == [(2**60 - 1, 6, 0)]


@pytest.mark.spec("MPX-1", "MPX-12", "XC-1")
@pytest.mark.parametrize(
    "header",
    [
        b"\xff" * 9,
        b"\xfe" + b"\xff" * 8 + b"\x01\0",
        b"\x80\0\0",
        b"\x82\x80\0\0",
        b"\x02\x80\0",
        b"\x02\x81\x80\0",
        b"\x02\x80\x80\x80",
    ],
    ids=["endless", "ten bytes", "long id", "longer id", "long length", "longer length", "endless length"],
)
def test_numbers_in_more_bytes_than_they_need_or_may_have(header: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read(header)
    with pytest.raises(ProtocolViolation):
        read(*(bytes([byte]) for byte in header))


@pytest.mark.spec("MPX-12")
@pytest.mark.parametrize("number", [0, 1, MAX_STREAM_NUMBER])
def test_flag_7_is_refused(number: int) -> None:
    with pytest.raises(ProtocolViolation, match="flag 7"):
        read(message(number, 7))


@pytest.mark.spec("MPX-5")
def test_a_message_past_its_limit_is_refused_before_its_body() -> None:
    assert read(message(0, MESSAGE_I, length=MAX_MESSAGE_BYTES)).told == [(0, MESSAGE_I, MAX_MESSAGE_BYTES)]
    for flag in range(7):
        with pytest.raises(ProtocolViolation, match="1048577 bytes"):
            read(message(0, flag, length=MAX_MESSAGE_BYTES + 1))


@pytest.mark.spec("MPX-5")
def test_a_message_of_a_mebibyte_comes_in_pieces() -> None:
    sent = message(0, MESSAGE_I, bytes(MAX_MESSAGE_BYTES)) + message(1, MESSAGE_I, b"next")
    record = read(*(sent[at : at + 65_280] for at in range(0, len(sent), 65_280)))
    assert record.told[1:] == [("body", 0, bytes(MAX_MESSAGE_BYTES)), (1, MESSAGE_I, 4), ("body", 1, b"next")]
    assert max(map(len, record.pieces)) <= 65_280


def test_small_pieces_are_copied_and_large_ones_are_not() -> None:
    small = read(message(1, MESSAGE_I, bytes(COPY_BELOW_BYTES - 1))).pieces
    large = read(message(1, MESSAGE_I, bytes(COPY_BELOW_BYTES))).pieces
    assert [type(piece) for piece in small + large] == [bytes, memoryview]


@given(garbage=st.binary(max_size=400))
def test_garbage_is_a_violation_or_nothing(garbage: bytes) -> None:
    def outcome(*inputs: bytes) -> object:
        try:
            return read(*inputs).told
        except ProtocolViolation as error:
            return str(error)

    assert outcome(garbage) == outcome(*(bytes([byte]) for byte in garbage))
