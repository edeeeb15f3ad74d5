"""Measure every figure on every row, interleaved round by round; one JSON object a line on stdout."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import footprint, report
from bench.figures import FIGURES, Figure, Sample
from bench.rows import ROWS, Pair, RowMissing, running

FOOTPRINT = "footprint"


def say(text: str) -> None:
    """Progress, beside the figures."""
    print(text, file=sys.stderr, flush=True)


def measure(figure: Figure, pairs: dict[str, Pair], rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """All rounds of one figure; in each, every row has its turn, and none is always the first."""
    rows = [row for row in figure.rows if row in pairs]
    one_round = {row: figure.prepare(pairs[row], seconds) for row in rows}
    samples: dict[str, list[Sample]] = {row: [] for row in rows}
    for number in range(rounds):
        first = number % max(len(rows), 1)
        for row in rows[first:] + rows[:first]:
            samples[row].append(one_round[row]())
        latest = "  ".join(f"{row} {samples[row][-1].value:,.4g}" for row in rows)
        say(f"{figure.name} {number + 1}/{rounds} {figure.unit}: {latest}")
    lines = [report.row_line(figure, row, samples[row]) for row in rows]
    yield from lines
    yield from report.ratio_lines(figure, lines)


def about(pairs: dict[str, Pair]) -> dict[str, Any]:
    """On what machine, and with what."""
    line: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
    }
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        line["uvloop"] = importlib.metadata.version("uvloop")
    if "go" in pairs:
        line["go peer"] = pairs["go"].server.listening["implementation"]
    return line


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every line there is to print."""
    chosen = [FIGURES[name] for name in options.only if name != FOOTPRINT]
    with contextlib.ExitStack() as stack:
        pairs: dict[str, Pair] = {}
        for row in options.rows if chosen else ():
            try:
                pairs[row] = stack.enter_context(running(row, options.profile))
            except RowMissing as reason:
                say(f"left out: {row}: {reason}")
        yield {"about": about(pairs)}
        for figure in chosen:
            yield from measure(figure, pairs, options.rounds, options.seconds)
    if FOOTPRINT in options.only:
        yield from footprint.measure(options.rounds)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="about so long is a round")
    parser.add_argument(
        "--only", type=_names([*FIGURES, FOOTPRINT]), default=[*FIGURES, FOOTPRINT], metavar="FIGURE,..."
    )
    parser.add_argument("--rows", type=_names(list(ROWS)), default=list(ROWS), metavar="ROW,...")
    parser.add_argument("--write-docs", action="store_true", help="put the tables into docs/explanation/performance.md")
    parser.add_argument("--from", dest="source", metavar="FILE", help="measure nothing; take lines printed earlier")
    parser.add_argument("--profile", metavar="DIRECTORY", help="run ours under cProfile, results into this directory")
    return parser.parse_args()


def _names(known: list[str]) -> Any:
    def split(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return split


def main() -> None:
    """Print lines as they come, then the tables."""
    options = parse()
    if options.source:
        lines = [json.loads(line) for line in Path(options.source).read_text(encoding="utf-8").splitlines()]
    else:
        lines = []
        for line in run(options):
            print(json.dumps(line), flush=True)
            lines.append(line)
    say(f"\n{report.about(lines)}\n\n{report.table(lines)}")
    if options.write_docs:
        report.write_page(lines)


if __name__ == "__main__":
    main()
