"""How a stream ends, one direction after the other: the transition table that every session of streams uses. Pure.

A direction ends by a FIN (which mplex calls close), a reset ends both. `NEXT[state][event]` is the state after an
event; one that leads back to where it began changes nothing, so it is neither sent nor passed on. The page
docs/explanation/half-close.md shows the table as a diagram.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

LOCAL_ENDED = 1
"""The bit of states in which this side writes no more. Bits: what is asked for every frame then costs one `&`."""

REMOTE_ENDED = 2
"""The bit of states in which nothing more may come from the peer: the second bit."""

UNREADABLE = 4
"""The bit of states in which nobody reads here any more, and what comes is dropped: the third bit."""

RESET = 8
"""The bit of states in which the stream says nothing any more, not even a reset: the fourth bit."""


class HalfClose(IntEnum):
    """How far a stream has ended, as one side sees it; half-closed is meant as in RFC 9113, section 5.1."""

    OPEN = 0
    """Both directions go on."""
    HALF_CLOSED_LOCAL = LOCAL_ENDED
    """Our FIN was sent; the peer may write on."""
    HALF_CLOSED_REMOTE = REMOTE_ENDED
    """The peer's FIN came; we may write on."""
    FINISHED = LOCAL_ENDED | REMOTE_ENDED
    """A FIN went each way; the stream is kept only while some of its bytes wait to be read."""
    DISCARDING = UNREADABLE
    """Our user reads no more but may write on; what comes is dropped."""
    DRAINING = UNREADABLE | LOCAL_ENDED
    """Our user neither reads nor writes any more; what comes is dropped until the peer's FIN."""
    WRITE_ONLY = UNREADABLE | REMOTE_ENDED
    """The peer's FIN came and our user reads no more; we may write on."""
    RESET_UNREAD = RESET | LOCAL_ENDED | REMOTE_ENDED
    """Reset after the peer's FIN: what came is whole, and the stream is kept only while that waits to be read."""
    CLOSED = RESET | UNREADABLE | LOCAL_ENDED | REMOTE_ENDED
    """Nothing will come, go or be read; the session forgets the stream."""


class Event(IntEnum):
    """What can happen to a stream; the values are the columns of `NEXT`."""

    LOCAL_FIN = 0
    """Our user ended the direction in which we write."""
    REMOTE_FIN = 1
    """The peer ended the direction in which it writes."""
    LOCAL_RESET = 2
    """Our user, or a time limit, gave up both directions and whatever is unread."""
    REMOTE_RESET = 3
    """The peer gave up both directions, or broke a rule and was reset for it; what is whole may still be read."""
    STOP_READING = 4
    """Our user will read no more; what is unread is dropped."""
    NOTHING_UNREAD = 5
    """No byte of the stream waits to be read. It matters in states that are kept for such bytes alone."""


OPEN, _LOCAL, _REMOTE, _FINISHED, _DISCARDING, _DRAINING, _WRITE_ONLY, RESET_UNREAD, CLOSED = HalfClose
LOCAL_FIN, REMOTE_FIN, LOCAL_RESET, REMOTE_RESET, STOP_READING, NOTHING_UNREAD = Event

# fmt: off
NEXT: Mapping[HalfClose, tuple[HalfClose, ...]] = {
    # state        LOCAL_FIN      REMOTE_FIN     LOCAL_RESET  REMOTE_RESET   STOP_READING  NOTHING_UNREAD
    OPEN:         (_LOCAL,        _REMOTE,       CLOSED,      CLOSED,        _DISCARDING,  OPEN),
    _LOCAL:       (_LOCAL,        _FINISHED,     CLOSED,      CLOSED,        _DRAINING,    _LOCAL),
    _REMOTE:      (_FINISHED,     _REMOTE,       CLOSED,      RESET_UNREAD,  _WRITE_ONLY,  _REMOTE),
    _FINISHED:    (_FINISHED,     _FINISHED,     CLOSED,      RESET_UNREAD,  CLOSED,       CLOSED),
    _DISCARDING:  (_DRAINING,     _WRITE_ONLY,   CLOSED,      CLOSED,        _DISCARDING,  _DISCARDING),
    _DRAINING:    (_DRAINING,     CLOSED,        CLOSED,      CLOSED,        _DRAINING,    _DRAINING),
    _WRITE_ONLY:  (CLOSED,        _WRITE_ONLY,   CLOSED,      CLOSED,        _WRITE_ONLY,  _WRITE_ONLY),
    RESET_UNREAD: (RESET_UNREAD,  RESET_UNREAD,  CLOSED,      RESET_UNREAD,  CLOSED,       CLOSED),
    CLOSED:       (CLOSED,        CLOSED,        CLOSED,      CLOSED,        CLOSED,       CLOSED),
}
# fmt: on

_NEXT_ALL_READ: Mapping[HalfClose, tuple[HalfClose, ...]] = {
    state: tuple(NEXT[after][NOTHING_UNREAD] for after in row) for state, row in NEXT.items()
}
"""Two steps of `NEXT` in one look-up: the event, and then that nothing is unread."""


class HalfClosing:
    """Base class of the records that sessions keep of their streams: it adds how far a stream has ended.

    A subclass sets `half` to OPEN itself: a call less for each stream that is opened.
    """

    __slots__ = ("half",)

    half: HalfClose

    def advance(self, event: Event, unread: int) -> bool:
        """Take an event, with the bytes that wait to be read after it; return whether it changed anything.

        NOTHING_UNREAD follows by itself when `unread` is 0: a state kept for unread bytes alone is left at once.
        """
        before = self.half
        self.half = after = (NEXT if unread else _NEXT_ALL_READ)[before][event]
        return after is not before


def diagram() -> str:
    """Return the table as a state diagram in the language of Mermaid, which browsers of repositories draw."""
    lines = ["stateDiagram-v2", f"    [*] --> {OPEN.name}"]
    for before, row in NEXT.items():
        for after in dict.fromkeys(row):
            if after is not before:
                events = ", ".join(event.name for event in Event if row[event] is after)
                lines.append(f"    {before.name} --> {after.name}: {events}")
    return "\n".join([*lines, f"    {CLOSED.name} --> [*]", ""])
