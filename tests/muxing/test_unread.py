"""What is unread, and what of it is reserved: exactly up to the limit, and seldom asked for."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.muxing.unread import SPARE_BYTES, STEP_BYTES, UnreadBytes
from aiolibp2p.testing.muxer_suite.fakes import Scope


@dataclass
class Counting(Scope):
    """A scope that counts its calls."""

    calls: int = 0

    def reserve(self, n: int, priority: int = 255) -> None:
        self.calls += 1
        super().reserve(n, priority)

    def release(self, n: int) -> None:
        self.calls += 1
        super().release(n)


def came(unread: UnreadBytes, n: int) -> bool:
    """Count bytes that came, with the sums that a session does; return whether there was room."""
    unread.spare -= n
    if unread.spare < 0 and unread.reserve() is not None:
        unread.release(n)
        return False
    return True


def was_read(unread: UnreadBytes, n: int) -> None:
    """Count bytes that were read, with the sums that a session does."""
    unread.spare += n
    if unread.spare > SPARE_BYTES:
        unread.shrink()


def test_small_pieces_that_are_read_at_once_ask_once() -> None:
    unread = UnreadBytes(scope := Counting())
    for _ in range(1000):
        assert came(unread, 100)
        was_read(unread, 100)
    assert (scope.calls, scope.held) == (1, STEP_BYTES)


def test_a_bulk_that_is_read_as_it_comes_asks_seldom() -> None:
    unread = UnreadBytes(scope := Counting())
    for _ in range(1000):
        assert came(unread, STEP_BYTES)
        was_read(unread, STEP_BYTES)
    assert scope.calls == 1


def test_the_limit_holds_to_the_byte() -> None:
    limit = 3 * STEP_BYTES + 1000
    unread = UnreadBytes(scope := Scope(limit))
    assert came(unread, 3 * STEP_BYTES)
    assert came(unread, 999)
    assert came(unread, 1)
    assert not came(unread, 1)
    assert scope.held == limit
    was_read(unread, 1)
    assert came(unread, 1)


def test_a_refusal_says_which_limit() -> None:
    unread = UnreadBytes(Scope(10))
    unread.spare = -11
    refusal = unread.reserve()
    assert refusal is not None
    assert "limit of 10" in str(refusal)
    assert refusal.__traceback__ is None, "it would hold the frames it came through"


def test_what_is_read_is_given_back_but_for_a_step() -> None:
    unread = UnreadBytes(scope := Scope())
    came(unread, 10 * STEP_BYTES)
    was_read(unread, 10 * STEP_BYTES)
    assert scope.held == STEP_BYTES
    unread.release_all()
    assert (scope.held, unread.total) == (0, 0)
    unread.release_all()


@given(st.integers(0, 5 * STEP_BYTES), st.lists(st.tuples(st.booleans(), st.integers(1, 3 * STEP_BYTES)), max_size=60))
def test_enough_is_reserved_and_little_more(limit: int, steps: list[tuple[bool, int]]) -> None:
    unread, scope, held = UnreadBytes(scope := Scope(limit)), scope, 0
    for comes, n in steps:
        if comes:
            if came(unread, n):
                held += n
            else:
                assert held + n > limit, "refused, though there was room"
        elif held:
            n = min(n, held)
            was_read(unread, n)
            held -= n
        assert unread.total == held <= unread.reserved == scope.held <= max(limit, 0)
        assert scope.held - held <= SPARE_BYTES
