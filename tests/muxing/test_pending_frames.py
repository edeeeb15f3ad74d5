"""What waits for the end of the tick, for how long, and in pieces of what size. Bodies are the muxers' own affair."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.muxing.pending_frames import FIRST_PIECE_FRAMES, PENDING_BYTES, PIECE_GROWTH, PendingFrames
from aiolibp2p.testing.muxer_suite.fakes import Wire


def pending(full: bool = False) -> tuple[PendingFrames, Wire]:
    wire = Wire(full=full)
    return PendingFrames(wire), wire


def test_frames_of_one_tick_leave_together() -> None:
    frames, wire = pending()
    frames.control(b"one")
    frames.control(b"two")
    assert (wire.flushes, wire.sizes) == (1, [])
    frames.flush()
    assert (bytes(wire.sent), wire.sizes) == (b"onetwo", [6])
    frames.control(b"three")
    assert wire.flushes == 2


def test_a_tick_without_frames_sends_nothing() -> None:
    frames, wire = pending()
    frames.flush()
    frames.held = True
    frames.release(lead=True)
    assert (wire.flushes, wire.sizes) == (0, [])


def test_while_bytes_come_in_nothing_is_asked_for() -> None:
    frames, wire = pending()
    frames.held = True
    frames.control(b"answer")
    assert wire.flushes == 0
    frames.release(lead=True)
    assert wire.flushes == 1
    frames.control(b"more")
    frames.release(lead=False)
    assert (wire.flushes, wire.sizes) == (1, [])


def tick_of(count: int) -> list[int]:
    """Return the sizes of what is sent in a tick of `count` frames of one byte."""
    frames, wire = pending()
    for _ in range(count):
        frames.control(b"x")
    frames.flush()
    return wire.sizes


@pytest.mark.parametrize("count", [1, FIRST_PIECE_FRAMES - 1, FIRST_PIECE_FRAMES])
def test_a_tick_of_one_piece_leaves_at_its_end(count: int) -> None:
    assert tick_of(count) == [count]


def test_a_longer_tick_leaves_in_pieces_that_grow() -> None:
    assert (FIRST_PIECE_FRAMES, PIECE_GROWTH) == (16, 2)
    assert tick_of(17) == [16, 1]
    assert tick_of(32) == [16, 16]
    assert tick_of(48) == [16, 32]
    assert tick_of(64) == [16, 32, 16]
    assert tick_of(500) == [16, 32, 64, 128, 256, 4]


@given(count=st.integers(1, 2000))
def test_the_sends_of_a_tick_grow_with_its_logarithm(count: int) -> None:
    sizes = tick_of(count)
    assert sum(sizes) == count
    assert sizes[:-1] == [FIRST_PIECE_FRAMES * PIECE_GROWTH**number for number in range(len(sizes) - 1)]
    assert len(sizes) <= 1 + math.log2(max(count / FIRST_PIECE_FRAMES, 1) + 1)


def test_a_piece_leaves_before_the_end_of_the_tick() -> None:
    frames, wire = pending()
    for _ in range(FIRST_PIECE_FRAMES):
        frames.control(b"x")
    assert wire.sizes == []
    frames.control(b"next")
    assert wire.sizes == [FIRST_PIECE_FRAMES]
    assert wire.flushes == 1


def test_each_tick_begins_with_a_small_piece() -> None:
    frames, wire = pending()
    for _tick in range(2):
        for _ in range(3 * FIRST_PIECE_FRAMES + 1):
            frames.control(b"x")
        frames.flush()
    assert wire.sizes == [16, 32, 1] * 2


def test_a_full_cipher_frame_ends_a_piece_but_does_not_make_the_next_one_larger() -> None:
    frames, wire = pending()
    for _ in range(FIRST_PIECE_FRAMES - 1):
        frames.control(b"x")
    frames.control(bytes(PENDING_BYTES))
    for _ in range(FIRST_PIECE_FRAMES):
        frames.control(b"x")
    frames.flush()
    assert wire.sizes == [FIRST_PIECE_FRAMES - 1, PENDING_BYTES, FIRST_PIECE_FRAMES]


def test_while_bytes_come_in_no_piece_leaves() -> None:
    frames, wire = pending()
    frames.held = True
    for _ in range(3 * FIRST_PIECE_FRAMES):
        frames.control(b"x")
    frames.release(lead=False)
    assert wire.sizes == []
    frames.control(b"x")
    frames.flush()
    assert wire.sizes == [3 * FIRST_PIECE_FRAMES, 1]


@given(sizes=st.lists(st.one_of(st.integers(1, 30), st.integers(1, PENDING_BYTES)), max_size=20))
def test_no_piece_is_larger_than_a_cipher_frame(sizes: list[int]) -> None:
    frames, wire = pending()
    written = [bytes([number]) * size for number, size in enumerate(sizes)]
    for one in written:
        frames.control(one)
    frames.flush()
    assert bytes(wire.sent) == b"".join(written)
    assert max(wire.sizes, default=0) <= PENDING_BYTES
    assert len(wire.sizes) <= 2 * sum(sizes) // PENDING_BYTES + 1 + len(sizes) // FIRST_PIECE_FRAMES


def test_a_piece_that_fits_exactly_is_not_cut() -> None:
    frames, wire = pending()
    frames.control(bytes(PENDING_BYTES - 1))
    frames.control(b"x")
    assert wire.sizes == []
    frames.control(b"y")
    frames.flush()
    assert wire.sizes == [PENDING_BYTES, 1]


def test_only_a_full_transport_is_owed_to() -> None:
    frames, wire = pending()
    frames.control(b"taken")
    assert frames.owed_bytes == 0
    wire.full = True
    frames.control(b"four")
    frames.control(b"five!")
    assert frames.owed_bytes == 9
    frames.flush()
    assert frames.owed_bytes == 9
    frames.drained()
    assert frames.owed_bytes == 0


class Growing(PendingFrames):
    """A frame writer whose last frame grows until it is closed, with a full stop."""

    is_open = False

    def grow(self, data: bytes) -> None:
        self.is_open = True
        self._pending += data
        self._request()

    def _close_frame(self) -> None:
        if self.is_open:
            self.is_open = False
            self._pending += b"."


def test_what_still_grew_is_closed_before_anything_follows_it_or_it_leaves() -> None:
    wire = Wire()
    frames = Growing(wire)
    frames.grow(b"a")
    frames.grow(b"b")
    frames.control(b"|")
    frames.control(b"|")
    frames.grow(b"c")
    frames.flush()
    frames.flush()
    assert bytes(wire.sent) == b"ab.||c."
    assert wire.flushes == 1
