"""The transition table of half-closed streams: every pair, what the bits promise, and the page that shows it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from aiolibp2p.muxing.half_close import (
    CLOSED,
    LOCAL_ENDED,
    LOCAL_FIN,
    LOCAL_RESET,
    NEXT,
    NOTHING_UNREAD,
    REMOTE_ENDED,
    REMOTE_FIN,
    REMOTE_RESET,
    RESET,
    STOP_READING,
    UNREADABLE,
    Event,
    HalfClose,
    HalfClosing,
    diagram,
)

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "half-close.md"
KEPT_FOR_READERS = (HalfClose.FINISHED, HalfClose.RESET_UNREAD)
PAIRS = [*itertools.product(HalfClose, Event)]


def expected(state: HalfClose, event: Event) -> HalfClose:
    """Return the next state by the rules in words, which know no table: bits come and never go."""
    local, remote, deaf, reset = (bool(state & bit) for bit in (LOCAL_ENDED, REMOTE_ENDED, UNREADABLE, RESET))
    if event is NOTHING_UNREAD:
        return CLOSED if local and remote else state
    if event is LOCAL_RESET or (event is REMOTE_RESET and (deaf or not remote)):
        return CLOSED
    local |= event in (LOCAL_FIN, REMOTE_RESET)
    remote |= event is REMOTE_FIN
    deaf |= event is STOP_READING
    if local and remote and deaf:
        return CLOSED
    reset |= event is REMOTE_RESET
    return HalfClose(local * LOCAL_ENDED + remote * REMOTE_ENDED + deaf * UNREADABLE + reset * RESET)


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda value: value.name)
def test_every_pair(state: HalfClose, event: Event) -> None:
    """The table says what the rules say, and no direction ever begins anew."""
    after = NEXT[state][event]
    assert after is expected(state, event)
    assert after & state == state
    assert NEXT[after][event] is after, "an event that comes twice changes nothing the second time"


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda value: value.name)
@pytest.mark.parametrize("unread", [0, 1])
def test_a_stream_takes_every_event_in_every_state(state: HalfClose, event: Event, unread: int) -> None:
    """No state that is kept for readers alone remains once nothing is unread."""
    stream = HalfClosing()
    stream.half = state
    changed = stream.advance(event, unread)
    assert changed is (stream.half is not state)
    if unread:
        assert stream.half is NEXT[state][event]
    else:
        assert stream.half not in KEPT_FOR_READERS
        assert stream.half is NEXT[NEXT[state][event]][NOTHING_UNREAD]


def test_the_table_is_whole() -> None:
    """Each state has a row, each row a column for each event."""
    assert list(NEXT) == list(HalfClose)
    assert all(len(row) == len(Event) for row in NEXT.values())
    assert [*Event] == [*range(len(Event))]


def test_every_state_is_reached_and_left() -> None:
    """Every state can be reached from the open one, and the closed one from each."""
    reached = [HalfClose.OPEN]
    for state in reached:
        reached += [after for after in dict.fromkeys(NEXT[state]) if after not in reached]
    assert sorted(reached) == [*HalfClose]
    assert all(row[LOCAL_RESET] is CLOSED for row in NEXT.values())


def test_the_page_shows_the_table() -> None:
    """The diagram on the page is the one drawn from the table."""
    block = f"```mermaid\n{diagram()}```\n"
    assert block in PAGE.read_text(), f"put this into {PAGE.name}:\n{block}"
