"""Messages of a run while it goes on: on stderr, and in the lines what else the machine did."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

from bench import machine
from bench.report import Line


def say(text: str) -> None:
    """Print something beside the figures, which have stdout for themselves."""
    print(text, file=sys.stderr, flush=True)


def time_left(started: float, done: int, of: int) -> str:
    """Return how long the figures that are left may take, by those done since `started` (seconds of the monotonic
    clock).
    """
    if done >= of:
        return "the last figure"
    left = f"{of - done} figures left"
    return f"{left}, about {(time.monotonic() - started) / done * (of - done) / 60:.1f} min" if done else left


def watched(lines: Iterator[Line], used_s: Callable[[], float]) -> Iterator[Line]:
    """The lines of one figure, then what the machine did beside. `used_s`: processor time of us and ours so far."""
    before, used = machine.Counters.read(), used_s()
    figure = ""
    for line in lines:
        figure = line["figure"]
        yield line
    beside = machine.beside(before, machine.Counters.read(), used_s() - used)
    if beside and figure:
        yield {"figure": figure, "machine": beside}
