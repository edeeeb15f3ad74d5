"""Verdicts on rounds of two checkouts by turns: a ratio, how sure it is, and what may be said of it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.report import Line
from bench.tables import TITLES, markdown

WORSE_BY = 0.05
"""How much worse a figure may get. What a bench on shared cores can tell in a quarter of an hour is not much less."""
FEWEST_ROUNDS = 5
"""The rounds below which nothing is judged.

The widest interval there is, from the least ratio to the greatest, would miss the true median more often than one time
in ten.
"""
MISSED = 0.05
"""How often the interval may miss the median of all rounds there could have been."""

Verdict = Literal["worse", "better", "level", "unclear"]


@dataclass(frozen=True)
class Ratio:
    """How many times as good a figure is after as before: the median of the rounds, and an interval around it."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def verdict(self) -> Verdict:
        """Worse or better only where all of the interval says so; level where all of it is within what is allowed."""
        if self.rounds < FEWEST_ROUNDS:
            return "unclear"
        if self.high < 1 - WORSE_BY:
            return "worse"
        if self.low > 1 + WORSE_BY:
            return "better"
        return "level" if self.low >= 1 - WORSE_BY else "unclear"


def ratio(before: Sequence[float], after: Sequence[float], more_is_better: bool) -> Ratio | None:
    """Compare values round by round, so that what the machine does to two neighbours alike falls out.

    Rounds in which either value is nothing are left out; None when none is left.
    """
    pairs = [(old, new) for old, new in zip(before, after, strict=True) if old > 0 and new > 0]
    ratios = sorted(new / old if more_is_better else old / new for old, new in pairs)
    if not ratios:
        return None
    skipped = _skipped(len(ratios))
    return Ratio(statistics.median(ratios), ratios[skipped], ratios[-1 - skipped], len(ratios))


def _skipped(rounds: int) -> int:
    """How many of the least and of the greatest ratios lie outside an interval that misses the median seldom enough.

    A ratio is below the true median as often as a coin falls on heads, however the ratios are distributed, so one may
    count; for 9 rounds it is one on each side, for 5 to 8 none.
    """
    missed, skipped = 2 / 2**rounds, 0
    while (missed := missed + 2 * math.comb(rounds, skipped + 1) / 2**rounds) <= MISSED:
        skipped += 1
    return skipped


def worse(lines: Iterable[Line]) -> list[str]:
    """Each figure that is worse by more than is allowed, in words."""
    return [
        f"{line['figure']} {line['row']}: {line['ratio']:.3f} times as good as before, "
        f"{line['spread'][0]:.3f} to {line['spread'][1]:.3f}"
        for line in lines
        if line.get("verdict") == "worse"
    ]


def lacking(lines: Iterable[Line]) -> list[str]:
    """Each figure that the tree itself could not be measured in, in words."""
    return [f"{line['figure']} {line['row']}: {line['left_out']}" for line in lines if line.get("lacking") == "after"]


def text(lines: Sequence[Line]) -> str:
    """All of it as Markdown."""
    busy = {line["figure"] for line in lines if line.get("machine", {}).get("busy")}
    titles = ["", "before", "after", "times as good", "spread", "processor time", "verdict"]
    body = [_cells(line, busy) for line in lines if "verdict" in line]
    table = markdown(titles, body) if body else "nothing could be compared"
    return "\n\n".join(part for part in (table, "\n".join(_notes(lines, bool(busy)))) if part)


def _cells(line: Line, busy: set[str]) -> list[str]:
    low, high = line["spread"]
    return [
        f"{TITLES[line['figure']]}, {line['row']}{' †' if line['figure'] in busy else ''}",
        f"{line['before']['median']:,g}",
        f"{line['after']['median']:,g}",
        f"{line['ratio']:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{line['cpu']:.3f}" if "cpu" in line else "",
        line["verdict"],
    ]


def _notes(lines: Sequence[Line], busy: bool) -> Iterator[str]:
    if busy:
        yield "- † other processes took a part of the machine meanwhile."
    if any(line.get("verdict") == "unclear" for line in lines):
        yield f"- unclear: the spread reaches below {1 - WORSE_BY:g}, or there were too few rounds; more of them tell."
    for line in lines:
        if "left_out" in line:
            yield f"- left out: {line['figure']} of {line['row']}: {line['left_out']}"
