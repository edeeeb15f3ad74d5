"""Every figure of every row of ours, on two checkouts by turns, with fresh processes every few rounds."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench import footprint, machine
from bench.against import trees, verdicts
from bench.against.trees import Tree
from bench.figures import FIGURES, Figure, Sample
from bench.goals import OURS
from bench.program import ProgramFailed
from bench.progress import say, time_left, watched
from bench.report import Line, rounded
from bench.rows import RowMissing, started

BEFORE, AFTER = SIDES = ("before", "after")
FRESH_EVERY = 3
"""Rounds that two processes serve before others take their place: where a process lies in memory makes it some
hundredths faster or slower for as long as it lives, so more processes tell more than more rounds of the same."""

Turn = Callable[[], Sample]
Trees = Mapping[str, Tree]


class Subject(Protocol):
    """One figure of one row."""

    @property
    def name(self) -> str:
        """The figure's name in the output."""

    @property
    def row(self) -> str:
        """The row that it is measured on."""

    @property
    def unit(self) -> str:
        """The unit of its values."""

    @property
    def more_is_better(self) -> bool:
        """Whether the figure is a rate, not a time or a size."""

    @property
    def most_rounds(self) -> int:
        """The rounds past which more of them would tell nothing new."""

    def start(self, tree: Tree, stack: contextlib.ExitStack) -> Turn:
        """Start fresh processes of a tree that end with the stack, and return what runs a round.

        Raises ProgramFailed or RowMissing.
        """


@dataclass(frozen=True)
class Driven:
    """A figure that two running programs are driven through."""

    figure: Figure
    row: str
    seconds: float

    @property
    def name(self) -> str:
        return self.figure.name

    @property
    def unit(self) -> str:
        return self.figure.unit

    @property
    def more_is_better(self) -> bool:
        return self.figure.more_is_better

    @property
    def most_rounds(self) -> int:
        return max(self.figure.most_rounds, verdicts.FEWEST_ROUNDS)

    def start(self, tree: Tree, stack: contextlib.ExitStack) -> Turn:
        pair = stack.enter_context(started(self.row, tree.commands(self.row)))
        return self.figure.prepare(pair, self.seconds)


@dataclass(frozen=True)
class Footprint:
    """A figure of which each round is a process of its own."""

    name: str
    row: str = OURS[0]
    more_is_better: bool = False
    most_rounds: int = sys.maxsize

    @property
    def unit(self) -> str:
        return footprint.NAMES[self.name][1]

    def start(self, tree: Tree, stack: contextlib.ExitStack) -> Turn:
        cache = stack.enter_context(tempfile.TemporaryDirectory())
        around = footprint.Surroundings(cache, tree.home, tree.environment)

        def one_round() -> Sample:
            return Sample(footprint.told([sys.executable], footprint.CODES[self.name], around), 0.0, 0.0)

        one_round()  # compiles
        return one_round


class Lacking(Exception):
    """One of the two trees cannot do a figure."""

    def __init__(self, side: str, reason: Exception) -> None:
        super().__init__(str(reason))
        self.side = side


def compared(subject: Subject, both: Trees, rounds: int, left: Callable[[], str]) -> Iterator[Line]:
    """The line of one subject: both medians, their ratio, how sure it is, and the verdict."""
    samples: dict[str, list[Sample]] = {side: [] for side in SIDES}
    rounds = min(rounds, subject.most_rounds)
    line: Line = {"figure": subject.name, "row": subject.row}
    try:
        for start in range(0, rounds, FRESH_EVERY):
            _some_rounds(subject, both, range(start, min(start + FRESH_EVERY, rounds)), samples)
            latest = "  ".join(f"{side} {samples[side][-1].value:,.4g}" for side in SIDES)
            say(f"{subject.name} {subject.row} {len(samples[AFTER])}/{rounds} {subject.unit}: {latest}   [{left()}]")
    except Lacking as reason:
        say(f"left out: {subject.name} of {subject.row}: {reason}")
        yield {**line, "left_out": f"{reason.side}: {trees.last_line(str(reason))}", "lacking": reason.side}
        return
    values = {side: [sample.value for sample in samples[side]] for side in SIDES}
    ratio = verdicts.ratio(values[BEFORE], values[AFTER], subject.more_is_better)
    if ratio is None:
        yield {**line, "left_out": "its values are nothing"}
        return
    line |= {"unit": subject.unit} | {side: _values(values[side]) for side in SIDES}
    line |= {"ratio": round(ratio.median, 4), "spread": [round(ratio.low, 4), round(ratio.high, 4)]}
    used = {side: [sample.client_cpu + sample.server_cpu for sample in samples[side]] for side in SIDES}
    if cpu := verdicts.ratio(used[BEFORE], used[AFTER], more_is_better=True):  # a share, as it is: less is cheaper
        line["cpu"] = round(cpu.median, 4)
    yield {**line, "verdict": ratio.verdict}


def _some_rounds(subject: Subject, both: Trees, numbers: Iterable[int], samples: Mapping[str, list[Sample]]) -> None:
    """Return rounds of the same fresh processes; the first tree changes from one round to the next. Raises Lacking."""
    with contextlib.ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for side in SIDES:
            with _of(side):
                turns[side] = subject.start(both[side], stack)
        for side in (side for number in numbers for side in (SIDES if number % 2 == 0 else SIDES[::-1])):
            with _of(side):
                samples[side].append(turns[side]())


@contextlib.contextmanager
def _of(side: str) -> Iterator[None]:
    try:
        yield
    except (ProgramFailed, RowMissing) as reason:
        raise Lacking(side, reason) from reason


def _values(values: Sequence[float]) -> dict[str, Any]:
    return {"median": rounded(statistics.median(values)), "rounds": [rounded(value) for value in values]}


def subjects(only: Sequence[str], rows: Sequence[str], seconds: float) -> Iterator[list[Subject]]:
    """Return the subjects to compare, figure by figure: those named, on those of the rows that are ours."""
    for name in only:
        if name in FIGURES:
            figure = FIGURES[name]
            if found := [Driven(figure, row, seconds) for row in OURS if row in rows and row in figure.rows]:
                yield list(found)
        elif OURS[0] in rows:
            for one in footprint.NAMES if footprint.LINUX else ("import-time",):
                yield [Footprint(one)]


def run(figures: Sequence[Sequence[Subject]], both: Trees, rounds: int) -> Iterator[Line]:
    """Yield every line to print of these figures."""
    began = time.monotonic()
    for number, figure in enumerate(figures):
        left = functools.partial(time_left, began, number, len(figures))
        yield from watched((line for one in figure for line in compared(one, both, rounds, left)), machine.own_s)


def main(options: argparse.Namespace, about: Line) -> int:
    """Compare, print, judge. `about`: what the first line says of the machine.

    1 when a figure is worse, cannot be measured any more, or nothing was compared; 2 when a tree cannot be had.
    """
    try:
        with trees.opened(options.against) as before:
            both = {BEFORE: before, AFTER: trees.here()}
            for tree in both.values():
                tree.check()
            figures = list(subjects(options.only, options.rows, options.seconds))
            start: Line = {"about": {**about, **{side: tree.name for side, tree in both.items()}}}
            return judged(printed([start], run(figures, both, options.rounds)))
    except trees.TreeMissing as reason:
        say(str(reason))
        return 2


def printed(*parts: Iterable[Line]) -> Iterator[Line]:
    """The lines of all parts, each printed as it comes."""
    for part in parts:
        for line in part:
            print(json.dumps(line), flush=True)
            yield line


def judged(lines: Iterable[Line]) -> int:
    """Print what the lines come to; return the process's exit code."""
    lines = list(lines)
    say(f"\n{verdicts.text(lines)}\n")
    bad = [f"worse: {words}" for words in verdicts.worse(lines)]
    bad += [f"cannot be measured any more: {words}" for words in verdicts.lacking(lines)]
    if not any("verdict" in line for line in lines):
        bad.append("nothing was compared")
    for words in bad:
        say(words)
    return int(bool(bad))
