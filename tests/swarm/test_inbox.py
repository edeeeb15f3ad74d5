"""What was received and not yet read."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.swarm.stream.inbox import GATHERED_BYTES, JOIN_BELOW_BYTES, Inbox

CHUNKS = st.lists(st.binary(min_size=1, max_size=50))


@given(chunks=CHUNKS, sizes=st.lists(st.integers(1, 60)), early=st.booleans())
def test_it_gives_back_what_was_put_and_tells_each_byte_once(
    chunks: list[bytes], sizes: list[int], early: bool
) -> None:
    inbox = Inbox()
    for chunk in chunks:
        inbox.put(memoryview(chunk))
    told = inbox.settle_early() if early else 0
    taken = b""
    for size in sizes:
        if inbox.available:
            piece = inbox.take(size)
            assert 0 < len(piece) <= size
            told += inbox.settle(len(piece))
            taken += piece
    rest = inbox.take_exactly(inbox.available)
    told += inbox.settle(len(rest))
    assert taken + rest == b"".join(chunks)
    assert told == len(taken + rest)


@given(chunks=CHUNKS, n=st.integers(1, 200))
def test_peeking_takes_nothing(chunks: list[bytes], n: int) -> None:
    inbox = Inbox()
    for chunk in chunks:
        inbox.put(chunk)
    whole = b"".join(chunks)
    assert inbox.peek(n) == whole[:n]
    assert inbox.available == len(whole)
    assert inbox.take_exactly(len(whole)) == whole


def test_settling_early_counts_what_comes_later_once() -> None:
    inbox = Inbox()
    inbox.put(b"abc")
    assert inbox.settle_early() == 3
    assert inbox.settle_early() == 0
    inbox.put(b"de")
    assert inbox.settle_early() == 2
    assert inbox.settle(len(inbox.take_exactly(4))) == 0
    inbox.put(b"f")
    assert inbox.settle(len(inbox.take_exactly(2))) == 1


def test_a_long_chunk_is_handed_out_as_it_is() -> None:
    inbox = Inbox()
    long = bytes(JOIN_BELOW_BYTES)
    inbox.put(long)
    inbox.put(b"more")
    assert inbox.take(1 << 20) is long
    assert inbox.take(1 << 20) == b"more"


def test_a_chunk_of_just_the_size_is_handed_out_as_it_is() -> None:
    inbox = Inbox()
    answer = bytes(GATHERED_BYTES)
    inbox.put(answer)
    inbox.put(b"more")
    assert inbox.take_exactly(GATHERED_BYTES) is answer
    assert inbox.take_exactly(2) + inbox.take_exactly(2) == b"more"
    assert inbox.take_exactly(0) == b""
    inbox.put(memoryview(b"view"))
    assert type(inbox.take_exactly(4)) is bytes
    assert inbox.available == 0


def test_clearing_forgets_everything() -> None:
    inbox = Inbox()
    inbox.put(b"abc")
    inbox.settle_early()
    inbox.clear()
    inbox.put(b"x")
    assert inbox.settle(len(inbox.take(1))) == 1


def test_crumbs_cost_little_more_than_they_hold() -> None:
    inbox = Inbox()
    tracemalloc.start()
    try:
        for n in range(50_000):
            inbox.put(n.to_bytes(2, "big"))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.5 * inbox.available
    assert inbox.take_exactly(100_000) == b"".join(n.to_bytes(2, "big") for n in range(50_000))
