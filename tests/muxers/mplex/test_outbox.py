"""Which messages leave when, and how full."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.muxers.mplex.frames import RESET
from aiolibp2p.muxers.mplex.outbox import ROOM_BYTES, Outbox
from aiolibp2p.muxers.mplex.stream_state import StreamState
from aiolibp2p.muxing.pending_frames import DIRECT_BYTES, FIRST_PIECE_FRAMES, PENDING_BYTES
from aiolibp2p.testing.muxer_suite import Wire
from muxers.mplex.wire import MESSAGE_I, MESSAGE_R, NEW, message, messages


def outbox() -> tuple[Outbox, Wire]:
    wire = Wire()
    return Outbox(wire), wire


def theirs(number: int = 0) -> StreamState:
    """A stream that the peer opened: we send with flag 1."""
    return StreamState(number, None, is_ours=False)


def ours(number: int = 0) -> StreamState:
    """A new one of ours."""
    return StreamState(number, None, is_ours=True)


def test_the_first_small_write_leaves_at_once_and_the_next_grow_one_message() -> None:
    out, wire = outbox()
    stream = theirs()
    out.data(stream, b"one", 3)
    assert list(messages(bytes(wire.sent))) == [(0, MESSAGE_R, b"one")]
    out.data(stream, b"two", 3)
    out.data(stream, b"three", 5)
    assert len(wire.sizes) == wire.flushes == 1
    out.flush()
    assert list(messages(bytes(wire.sent)))[1:] == [(0, MESSAGE_R, b"twothree")]
    out.data(stream, b"four", 4)
    assert len(wire.sizes) == 3


@pytest.mark.spec("MPX-2", "MPX-4")
def test_a_new_stream_is_opened_by_its_first_bytes_which_wait_for_company() -> None:
    out, wire = outbox()
    stream = ours(3)
    out.data(stream, b"proposal", 8)
    out.data(stream, b"request", 7)
    assert wire.sizes == []
    out.flush()
    assert list(messages(bytes(wire.sent))) == [(3, NEW, b""), (3, MESSAGE_I, b"proposalrequest")]


def test_answers_wait_until_the_input_is_done() -> None:
    out, wire = outbox()
    out.held = True
    out.control(message(9, RESET))
    out.data(theirs(1), b"x", 1)
    assert wire.flushes == 0
    out.release(lead=True)
    assert wire.flushes == 1
    out.data(theirs(2), b"behind", 6)
    out.flush()
    assert list(messages(bytes(wire.sent))) == [(9, RESET, b""), (1, MESSAGE_R, b"x"), (2, MESSAGE_R, b"behind")]
    assert len(wire.sizes) == 1


def test_no_lead_when_several_readers_were_woken() -> None:
    out, wire = outbox()
    out.held = True
    out.release(lead=False)
    out.data(theirs(), b"x", 1)
    assert wire.sizes == []
    assert wire.flushes == 1


def test_another_message_closes_the_open_one() -> None:
    out, wire = outbox()
    one, other = theirs(1), theirs(2)
    out.held = True
    out.data(one, bytes(200), 200)
    out.data(other, b"b", 1)
    out.control(message(3, RESET))
    out.data(other, b"c", 1)
    out.data(other, b"d", 1)
    out.flush()
    assert list(messages(bytes(wire.sent))) == [
        (1, MESSAGE_R, bytes(200)),
        (2, MESSAGE_R, b"b"),
        (3, RESET, b""),
        (2, MESSAGE_R, b"cd"),
    ]


def test_the_last_message_of_a_piece_may_still_grow() -> None:
    out, wire = outbox()
    for number in range(FIRST_PIECE_FRAMES + 1):
        stream = ours(number)
        out.data(stream, b"proposal", 8)
        out.data(stream, b"request", 7)
    assert len(wire.sizes) == 1
    out.flush()
    assert len(wire.sizes) == 2
    sent = list(messages(bytes(wire.sent)))
    expected = [[(number, NEW, b""), (number, MESSAGE_I, b"proposalrequest")] for number in range(17)]
    assert sent == [one for pair in expected for one in pair]


@pytest.mark.spec("MPX-5")
def test_a_large_write_fills_cipher_frames_exactly() -> None:
    out, wire = outbox()
    n = 3 * (ROOM_BYTES - 1) + 5
    out.data(theirs(), bytes(n), n)
    out.flush()
    assert wire.sizes == [PENDING_BYTES] * 3 + [7]
    assert sum(len(body) for _, _, body in list(messages(bytes(wire.sent)))) == n


def test_a_large_write_first_fills_the_open_message() -> None:
    out, wire = outbox()
    stream = ours()
    out.data(stream, b"head", 4)
    out.data(stream, bytes(100_000), 100_000)
    assert wire.sizes[0] == PENDING_BYTES
    assert len(wire.sizes) == 2
    out.flush()
    assert [flag for _, flag, _ in list(messages(bytes(wire.sent)))] == [NEW, MESSAGE_I, MESSAGE_I]


def test_a_write_that_the_open_message_takes_whole_leaves_it_open() -> None:
    out, wire = outbox()
    stream = theirs()
    out.held = True
    out.data(stream, b"head", 4)
    out.data(stream, bytes(DIRECT_BYTES), DIRECT_BYTES)
    out.data(stream, b"tail", 4)
    out.flush()
    assert list(messages(bytes(wire.sent))) == [(0, MESSAGE_R, b"head" + bytes(DIRECT_BYTES) + b"tail")]


@pytest.mark.parametrize("over", range(-4, 5))
def test_growth_leaves_room_for_the_length(over: int) -> None:
    out, wire = outbox()
    stream = theirs()
    out.held = True
    left = PENDING_BYTES - 1 + over
    for n in (16_000, 16_000, 16_000, left - 48_000 - 9, 9):
        out.data(stream, bytes(n), n)
    out.flush()
    assert max(wire.sizes) <= PENDING_BYTES
    assert sum(len(body) for _, _, body in messages(bytes(wire.sent))) == left


def test_a_flush_with_nothing_pending_sends_nothing() -> None:
    out, wire = outbox()
    out.flush()
    assert wire.sizes == []


def test_what_is_owed_counts_only_while_the_wire_is_full() -> None:
    out, wire = outbox()
    out.control(message(1, RESET))
    out.data(theirs(1), b"four", 4)
    assert out.owed_bytes == 0
    wire.full = True
    out.control(message(1, RESET))
    out.data(theirs(1), b"four", 4)
    out.data(ours(1), b"nobody asked for this", 21)
    assert out.owed_bytes == 6
    out.drained()
    assert out.owed_bytes == 0


SIZES = st.one_of(
    st.integers(1, 300), st.integers(DIRECT_BYTES - 9, DIRECT_BYTES + 2), st.integers(1, 3 * PENDING_BYTES)
)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([0, 1, 2**11]), SIZES),
        st.tuples(st.none(), st.integers(0, 2)),
    ),
    max_size=25,
)


@pytest.mark.spec("MPX-5")
@given(writes=WRITES)
def test_every_stream_keeps_its_order_and_no_cipher_frame_overflows(writes: list[tuple[int | None, int]]) -> None:
    out, wire = outbox()
    streams = {number: ours(number) for number in (0, 1, 2**11)}
    written: dict[int, bytearray] = defaultdict(bytearray)
    for at, (number, size) in enumerate(writes):
        if number is not None:
            chunk = bytes([at]) * size
            written[number] += chunk
            out.data(streams[number], chunk, size)
        elif size == 0:
            out.flush()
        elif size == 1:
            out.control(message(99, RESET))
        else:
            out.held = True
            out.control(message(99, RESET))
            out.release(lead=True)
    out.flush()
    came: dict[int, bytearray] = {}
    for number, flag, body in list(messages(bytes(wire.sent))):
        if flag == NEW:
            assert number not in came
            came[number] = bytearray()
        elif flag == MESSAGE_I:
            came[number] += body
    assert came == written
    assert max(wire.sizes, default=0) <= PENDING_BYTES
