"""Which frames leave when, and how full."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.muxers.yamux.frames import ACK, DATA, PING, SYN, WINDOW_UPDATE, ping, window_update
from aiolibp2p.muxers.yamux.outbox import BODY_BYTES, Outbox
from aiolibp2p.muxing.pending_frames import DIRECT_BYTES, FIRST_PIECE_FRAMES, PENDING_BYTES
from muxers.yamux.pair import Wire, parse


@dataclass
class Source:
    """A stream that sends."""

    stream_id: int
    flags: int = 0

    def take_flags(self) -> int:
        flags, self.flags = self.flags, 0
        return flags


def outbox() -> tuple[Outbox, Wire]:
    wire = Wire()
    return Outbox(wire), wire


def test_the_first_small_write_leaves_at_once_and_the_next_waits() -> None:
    out, wire = outbox()
    stream = Source(1)
    out.data(stream, b"one", 3)
    assert parse(bytes(wire.sent)) == [(DATA, 0, 1, 3, b"one")]
    out.data(stream, b"two", 3)
    out.data(stream, b"three", 5)
    assert len(wire.sizes) == 1
    assert wire.flushes == 1
    out.flush()
    assert parse(bytes(wire.sent))[1:] == [(DATA, 0, 1, 8, b"twothree")]
    out.data(stream, b"four", 4)
    assert len(wire.sizes) == 3


def test_the_first_bytes_of_a_new_stream_wait_for_company() -> None:
    out, wire = outbox()
    stream = Source(1, SYN)
    out.data(stream, b"proposal", 8)
    out.data(stream, b"request", 7)
    assert wire.sizes == []
    out.flush()
    assert parse(bytes(wire.sent)) == [(DATA, SYN, 1, 15, b"proposalrequest")]


def test_answers_wait_until_the_input_is_done() -> None:
    out, wire = outbox()
    out.held = True
    out.control(ping(ACK, 1))
    out.data(Source(1), b"x", 1)
    assert wire.flushes == 0
    assert wire.sizes == []
    out.release(lead=True)
    assert wire.flushes == 1
    out.data(Source(3), b"behind", 6)
    out.flush()
    assert [frame[:3] for frame in parse(bytes(wire.sent))] == [(PING, ACK, 0), (DATA, 0, 1), (DATA, 0, 3)]
    assert len(wire.sizes) == 1


def test_no_lead_when_several_readers_were_woken() -> None:
    out, wire = outbox()
    out.held = True
    out.release(lead=False)
    out.data(Source(1), b"x", 1)
    assert wire.sizes == []
    assert wire.flushes == 1


def test_another_frame_closes_the_open_one() -> None:
    out, wire = outbox()
    one, other = Source(1, SYN), Source(3, SYN)
    out.data(one, b"a", 1)
    out.data(other, b"b", 1)
    out.control(window_update(1, 0, 9))
    out.data(other, b"c", 1)
    out.flush()
    assert parse(bytes(wire.sent)) == [
        (DATA, SYN, 1, 1, b"a"),
        (DATA, SYN, 3, 1, b"b"),
        (WINDOW_UPDATE, 0, 1, 9, b""),
        (DATA, 0, 3, 1, b"c"),
    ]


def test_the_last_frame_of_a_piece_may_still_grow() -> None:
    out, wire = outbox()
    streams = [Source(2 * number + 1, SYN) for number in range(FIRST_PIECE_FRAMES + 1)]
    for stream in streams:
        out.data(stream, b"proposal", 8)
        out.data(stream, b"request", 7)
    assert len(wire.sizes) == 1
    sent = parse(bytes(wire.sent))
    assert sent == [(DATA, SYN, stream.stream_id, 15, b"proposalrequest") for stream in streams[:-1]]
    out.flush()
    assert parse(bytes(wire.sent))[FIRST_PIECE_FRAMES:] == [(DATA, SYN, 33, 15, b"proposalrequest")]
    assert len(wire.sizes) == 2


def test_writes_of_one_stream_are_one_frame_however_many_they_are() -> None:
    out, wire = outbox()
    stream = Source(1, SYN)
    for _ in range(10 * FIRST_PIECE_FRAMES):
        out.data(stream, b"x", 1)
    assert wire.sizes == []
    out.flush()
    assert len(wire.sizes) == 1


@pytest.mark.spec("YMX-25")
def test_a_large_write_fills_cipher_frames_exactly() -> None:
    out, wire = outbox()
    out.data(Source(1, ACK), bytes(3 * BODY_BYTES + 5), 3 * BODY_BYTES + 5)
    out.flush()
    assert wire.sizes == [PENDING_BYTES] * 3 + [17]
    assert [frame[1] for frame in parse(bytes(wire.sent))] == [ACK, 0, 0, 0]


def test_a_large_write_first_fills_the_open_frame() -> None:
    out, wire = outbox()
    stream = Source(1, SYN)
    out.data(stream, b"head", 4)
    out.data(stream, bytes(2 * BODY_BYTES - 4), 2 * BODY_BYTES - 4)
    assert wire.sizes == [PENDING_BYTES] * 2
    out.flush()
    assert [frame[1] for frame in parse(bytes(wire.sent))] == [SYN, 0]


def test_an_empty_write_is_an_empty_frame() -> None:
    out, wire = outbox()
    out.data(Source(1, SYN), b"", 0)
    out.flush()
    assert parse(bytes(wire.sent)) == [(DATA, SYN, 1, 0, b"")]


def test_a_flush_with_nothing_pending_sends_nothing() -> None:
    out, wire = outbox()
    out.flush()
    assert wire.sizes == []


def test_what_is_owed_counts_only_while_the_wire_is_full() -> None:
    out, wire = outbox()
    out.control(window_update(1, 0, 1))
    out.pong(ping(ACK, 1))
    assert (out.owed_bytes, out.owed_pongs) == (0, 0)
    wire.full = True
    out.control(window_update(1, 0, 1))
    out.pong(ping(ACK, 1))
    out.data(Source(1), b"four", 4)
    assert (out.owed_bytes, out.owed_pongs) == (28, 1)
    out.drained()
    assert (out.owed_bytes, out.owed_pongs) == (0, 0)


SIZES = st.one_of(st.integers(0, 300), st.integers(DIRECT_BYTES - 2, DIRECT_BYTES + 2), st.integers(0, 3 * BODY_BYTES))
WRITES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([1, 3, 5]), SIZES),
        st.tuples(st.just(0), st.integers(0, 2)),
    ),
    max_size=25,
)


@given(writes=WRITES)
def test_every_stream_keeps_its_order_and_no_cipher_frame_overflows(writes: list[tuple[int, int]]) -> None:
    out, wire = outbox()
    streams = {stream_id: Source(stream_id, SYN) for stream_id in (1, 3, 5)}
    written: dict[int, bytearray] = defaultdict(bytearray)
    for number, (stream_id, size) in enumerate(writes):
        if stream_id:
            chunk = bytes([number]) * size
            written[stream_id] += chunk
            out.data(streams[stream_id], chunk, size)
        elif size == 0:
            out.flush()
        elif size == 1:
            out.control(ping(ACK, number))
        else:
            out.held = True
            out.control(ping(ACK, number))
            out.release(lead=True)
    out.flush()
    came: dict[int, bytearray] = defaultdict(bytearray)
    for kind, flags, stream_id, _length, body in parse(bytes(wire.sent)):
        if kind == DATA:
            assert bool(flags & SYN) == (stream_id not in came)
            came[stream_id] += body
    assert came == written
    assert max(wire.sizes, default=0) <= PENDING_BYTES
