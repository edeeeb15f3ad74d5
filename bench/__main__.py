"""Measure every figure on every row, interleaved round by round; one JSON object a line on stdout."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import footprint, machine, probe, records, report, tables
from bench.against import comparison
from bench.figures import FIGURES, Figure, Sample
from bench.goals import OURS
from bench.program import ProgramFailed
from bench.progress import say, time_left, watched
from bench.rows import ROWS, Pair, RowMissing, running

FOOTPRINT = "footprint"
ROUNDS, AGAINST_ROUNDS = 5, 9
"""The rounds of a figure, and those of a comparison: with 9 it may leave out the most extreme ratio on each side,
and uses three pairs of processes.
"""


class Pairs:
    """The rows that run. One whose program has ended is started anew for the next figure."""

    def __init__(self, rows: list[str], profiles: str | None) -> None:
        self._profiles = profiles
        self._stacks: dict[str, contextlib.ExitStack] = {}
        self.pairs: dict[str, Pair] = {}
        self.left_out: dict[str, str] = {}
        for row in rows:
            self.start(row)

    def start(self, row: str) -> None:
        """Start a row, or say why it is left out."""
        stack = contextlib.ExitStack()
        try:
            self.pairs[row] = stack.enter_context(running(row, self._profiles))
            self._stacks[row] = stack
        except (RowMissing, ProgramFailed) as reason:
            self.left_out[row] = str(reason)
            say(f"left out: {row}: {reason}")

    def revive(self) -> None:
        """Start every row again whose program has ended."""
        for row in [row for row, pair in self.pairs.items() if not pair.running]:
            self._stacks.pop(row).close()
            del self.pairs[row]
            self.start(row)

    def used_s(self) -> float:
        """Return the processor time of all programs so far, and of this one, in seconds."""
        return machine.own_s() + sum(pair.used_s() for pair in self.pairs.values())

    def close(self) -> None:
        """End them all."""
        for stack in self._stacks.values():
            stack.close()


class Measurement:
    """All rounds of one figure; in each, every row has its turn, and none is always the first."""

    def __init__(self, figure: Figure, pairs: dict[str, Pair], left: Callable[[], str]) -> None:
        self._figure, self._pairs, self._left = figure, pairs, left
        self.left_out: dict[str, str] = {}

    def lines(self, rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
        """Return the lines to print."""
        figure = self._figure
        one_round: dict[str, Callable[[], Sample]] = {}
        for row in [row for row in figure.rows if row in self._pairs]:
            with self._leaving_out(row):
                one_round[row] = figure.prepare(self._pairs[row], seconds)
        samples: dict[str, list[Sample]] = {row: [] for row in one_round}
        rounds = min(rounds, figure.most_rounds)
        for number in range(rounds):
            rows = [row for row in one_round if row not in self.left_out]
            first = number % max(len(rows), 1)
            for row in rows[first:] + rows[:first]:
                self._one_round(row, one_round[row], samples[row])
            latest = "  ".join(f"{row} {samples[row][-1].value:,.4g}" for row in rows if samples[row])
            say(f"{figure.name} {number + 1}/{rounds} {figure.unit}: {latest}   [{self._left()}]")
        measured = [row for row in samples if row not in self.left_out]
        lines = [report.row_line(figure, row, samples[row]) for row in measured]
        yield from lines
        yield from report.ratio_lines(figure.name, figure.more_is_better, lines)
        for row, reason in self.left_out.items():
            yield {"figure": figure.name, "row": row, "left_out": reason}

    def _one_round(self, row: str, measure: Callable[[], Sample], samples: list[Sample]) -> None:
        with self._leaving_out(row):
            samples.append(measure())

    @contextlib.contextmanager
    def _leaving_out(self, row: str) -> Iterator[None]:
        """A row that cannot do this figure leaves its cell empty."""
        try:
            yield
        except ProgramFailed as reason:
            self.left_out[row] = str(reason)
            say(f"left out: {self._figure.name} of {row}: {reason}")


def about(pairs: dict[str, Pair]) -> dict[str, Any]:
    """The machine and the versions that the figures were measured with."""
    line: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Python": platform.python_version(),
        "cores": machine.cores(),
        **probe.about(),
    }
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        line["uvloop"] = importlib.metadata.version("uvloop")
    for row, pair in pairs.items():
        if implementation := pair.server.listening.get("implementation"):
            line[row] = implementation
    return line | {"load at the start": machine.load()}


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield every line to print."""
    chosen = [FIGURES[name] for name in options.only if name != FOOTPRINT]
    with contextlib.closing(Pairs(options.rows if chosen else [], options.profile)) as pairs:
        yield {"about": about(pairs.pairs)}
        for row, reason in pairs.left_out.items():
            yield {"row": row, "left_out": reason}
        started = time.monotonic()
        for number, figure in enumerate(chosen):
            pairs.revive()
            left = functools.partial(time_left, started, number, len(options.only))
            measurement = Measurement(figure, pairs.pairs, left)
            yield from watched(measurement.lines(options.rounds, options.seconds), pairs.used_s)
    for name in footprint.NAMES if FOOTPRINT in options.only else ():
        say(f"{name} {options.rounds} rounds   [the last figures]")
        yield from watched(footprint.measure(name, options.rounds, options.rows), machine.own_s)
    yield {"about": {"load at the end": machine.load()}}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} when none are named, {AGAINST_ROUNDS} for --against")
    parser.add_argument("--seconds", type=float, default=1.0, help="about so long is a round")
    parser.add_argument(
        "--only", type=_names([*FIGURES, FOOTPRINT]), default=[*FIGURES, FOOTPRINT], metavar="FIGURE,..."
    )
    parser.add_argument("--rows", type=_names(list(ROWS)), default=list(ROWS), metavar="ROW,...")
    parser.add_argument("--write-docs", action="store_true", help="write page, plot and lines in docs/explanation")
    parser.add_argument(
        "--from", dest="sources", nargs="+", metavar="FILE", help="measure nothing; merge lines printed earlier"
    )
    parser.add_argument("--profile", metavar="DIRECTORY", help="run ours under cProfile, results into this directory")
    parser.add_argument(
        "--against",
        metavar="CHECKOUT",
        help="our rows of this tree and of another, a directory or a revision, by turns; 1 if this one is worse",
    )
    options = parser.parse_args()
    if options.against is not None and (options.write_docs or options.sources or options.profile):
        parser.error("--against measures and prints alone: no --write-docs, --from or --profile with it")
    if options.rounds is None:
        options.rounds = ROUNDS if options.against is None else AGAINST_ROUNDS
    return options


def _names(known: list[str]) -> Any:
    def split(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return split


def main() -> int:
    """Print lines as they come, then the tables. 1 if something of ours could not be measured."""
    options = parse()
    if options.against is not None:
        return comparison.main(options, about({}))
    if options.sources:
        runs = records.merged([Path(file).read_text(encoding="utf-8").splitlines() for file in options.sources])
    else:
        lines = []
        for line in run(options):
            print(json.dumps(line), flush=True)
            lines.append(line)
        runs = {records.Machine.of(lines): lines}
    for kind, lines in runs.items():
        say(f"\n{kind.title}\n\n{tables.text(lines)}\n")
        for missed in tables.missed(lines):
            say(f"not met: {missed}")
    if options.write_docs:
        records.write(runs)
    lines = [line for lines in runs.values() for line in lines]
    return int(any("left_out" in line and "figure" in line and line["row"] in OURS for line in lines))


if __name__ == "__main__":
    sys.exit(main())
