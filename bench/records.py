"""The records of runs: for each kind of machine its lines, its plot, and its section of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import plot, tables
from bench.program import ROOT
from bench.report import Line

HOME = ROOT / "docs" / "explanation"
PAGE = "performance.md"
BEGIN = "<!-- what follows is written by: make bench -->"
END = "<!-- end of what is written -->"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Machine:
    """One kind of machine: a model of processor, and whether system calls are `dear` or `cheap` where it runs."""

    processor: str
    calls: str

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Machine:
        """Return the machine that these lines were measured on. Raises ValueError when there are several."""
        starts = [line["about"] for line in lines if "date" in line.get("about", {})]
        kinds = [cls(one.get("processor", NOT_RECORDED), one.get("system calls", NOT_RECORDED)) for one in starts]
        found = list(dict.fromkeys(kinds)) or [cls(NOT_RECORDED, NOT_RECORDED)]
        if len(found) > 1:
            raise ValueError(f"lines of several machines in one file: {'; '.join(kind.title for kind in found)}")
        return found[0]

    @property
    def title(self) -> str:
        """The machine's title on the page."""
        known = self.calls in {"dear", "cheap"}
        processor = f"processor {NOT_RECORDED}" if self.processor == NOT_RECORDED else self.processor
        return f"{processor}, {f'{self.calls} system calls' if known else f'cost of system calls {self.calls}'}"

    @property
    def record(self) -> str:
        """The name of the file of its lines."""
        return f"performance.{self._slug}.jsonl"

    @property
    def plot(self) -> str:
        """The name of the file of its plot."""
        return f"performance.{self._slug}.svg"

    @property
    def _slug(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", f"{self.processor} {self.calls}".lower()).strip("-")


Runs = Mapping[Machine, Sequence[Line]]


def merged(files: Sequence[Iterable[str]]) -> dict[Machine, list[Line]]:
    """Lines printed by several runs, by machine; of a figure that more than one has, the last one's.

    Raises ValueError when one file has lines of several machines.
    """
    parts: dict[Machine, list[list[Line]]] = {}
    for file in files:
        lines = [json.loads(text) for text in file if text.strip()]
        parts.setdefault(Machine.of(lines), []).append(lines)
    return {kind: _one_run(runs) for kind, runs in parts.items()}


def _one_run(runs: Iterable[Sequence[Line]]) -> list[Line]:
    figures: dict[str, list[Line]] = {}
    about: list[Line] = []
    for lines in runs:
        about += [line for line in lines if "figure" not in line]
        for name in dict.fromkeys(line["figure"] for line in lines if "figure" in line):
            figures[name] = [line for line in lines if line.get("figure") == name]
    order = {name: position for position, name in enumerate(tables.TITLES)}
    for name in sorted(figures, key=lambda name: order.get(name, len(order))):
        about += figures[name]
    return about


def write(runs: Runs, home: Path = HOME) -> None:
    """Replace the lines and plots of these machines, and write the page anew from the lines of all that are kept."""
    old = (home / PAGE).read_text(encoding="utf-8")
    _halves(old)
    for kind, lines in runs.items():
        (home / kind.record).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        (home / kind.plot).write_text(plot.svg(lines, tables.TITLES), encoding="utf-8")
    (home / PAGE).write_text(page(old, kept(home)), encoding="utf-8")


def kept(home: Path = HOME) -> dict[Machine, list[Line]]:
    """All lines on record, by machine, in the order of their files' names."""
    files = sorted(home.glob("performance.*.jsonl"), key=lambda path: path.name)
    return merged([file.read_text(encoding="utf-8").splitlines() for file in files])


def page(old: str, runs: Runs) -> str:
    """A page with what stands between its two marks written anew. Raises ValueError when they are not there."""
    before, after = _halves(old)
    parts = [_section(kind, lines) for kind, lines in runs.items()]
    if len(runs) > 1:
        beside = tables.side_by_side({kind.title: lines for kind, lines in runs.items()})
        parts.insert(0, f"## Machines side by side\n\n{beside}")
    return "\n\n".join([f"{before}{BEGIN}", *parts, f"{END}{after}"])


def _section(kind: Machine, lines: Sequence[Line]) -> str:
    links = f"![Ratios to go]({kind.plot})\n\n[The lines]({kind.record}) of this machine."
    return f"## {kind.title}\n\n{links}\n\n{tables.text(lines)}"


def _halves(old: str) -> tuple[str, str]:
    before, begin, rest = old.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks to write between")
    return before, after
