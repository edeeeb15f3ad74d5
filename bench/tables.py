"""From JSON lines to the tables of the page, and into it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import plot
from bench.figures import FIGURES
from bench.footprint import NAMES
from bench.goals import BASES, FLOORS, OURS, Kind
from bench.program import ROOT
from bench.report import Line
from bench.rows import ROWS

HOME = ROOT / "docs" / "explanation"
PAGE, RECORD, PLOT = "performance.md", "performance.jsonl", "performance.svg"
BEGIN = "<!-- what follows is written by: make bench -->"
END = "<!-- end of what is written -->"

TITLES = {figure.name: f"{figure.title}, {figure.unit}" for figure in FIGURES.values()}
TITLES |= {name: f"{title}, {unit}" for name, (title, unit) in NAMES.items()}


class Run:
    """The lines of a run, to be asked."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = list(lines)
        self.about = [line["about"] for line in self.lines if "about" in line]
        self.medians = {(line["figure"], line["row"]): line for line in self.lines if "median" in line}
        self.ratios = {(line["figure"], line["of"], line["ratio"]): line for line in self.lines if "ratio" in line}
        self.busy = {line["figure"]: line["machine"] for line in self.lines if line.get("machine", {}).get("busy")}
        self.rows = [row for row in ROWS if any(key[1] == row for key in self.medians)]
        self.ours = [row for row in OURS if row in self.rows]
        self.figures = [name for name in TITLES if any(key[0] == name for key in self.medians)]

    def title(self, figure: str) -> str:
        """With a mark when the machine was busy with something else."""
        return f"{TITLES[figure]}{' †' if figure in self.busy else ''}"

    def ratio(self, figure: str, of: Kind, row: str, base: str) -> Line | None:
        """Ours against another row."""
        return self.ratios.get((figure, of, f"{row}/{base}"))


def merged(files: Sequence[Iterable[str]]) -> list[Line]:
    """Lines printed by several runs; of a figure that more than one has, the last one's."""
    figures: dict[str, list[Line]] = {}
    about: list[Line] = []
    for file in files:
        lines = [json.loads(text) for text in file if text.strip()]
        about += [line for line in lines if "figure" not in line]
        for name in dict.fromkeys(line["figure"] for line in lines if "figure" in line):
            figures[name] = [line for line in lines if line.get("figure") == name]
    order = {name: position for position, name in enumerate(TITLES)}
    for name in sorted(figures, key=lambda name: order.get(name, len(order))):
        about += figures[name]
    return about


def text(lines: Iterable[Line]) -> str:
    """All of it as Markdown."""
    run = Run(lines)
    parts = [_about(run), _medians(run), _against(run, "value"), _processor(run), _against(run, "cpu"), _ceilings(run)]
    return "\n\n".join(part for part in (*parts, _notes(run)) if part)


def missed(lines: Iterable[Line]) -> list[str]:
    """Each goal that is not met, in words."""
    said = []
    for line in lines:
        if line.get("met") is False:
            what = line["ratio"] if "ratio" in line else line["row"]
            kind = " processor time" if line.get("of") == "cpu" else ""
            value = line["value"] if "ratio" in line else line["median"]
            said.append(f"{line['figure']} {what}{kind}: {value:g}, goal {line['goal']:g}")
    return said


def page(old: str, lines: Sequence[Line]) -> str:
    """A page with what stands between its two marks written anew. Raises ValueError when they are not there."""
    before, begin, rest = old.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no marks to write between")
    return f"{before}{begin}\n\n![Ratios to go]({PLOT})\n\n{text(lines)}\n\n{end}{after}"


def record(lines: Iterable[Line]) -> str:
    """The lines as they are kept."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def write(lines: Sequence[Line], home: Path = HOME) -> None:
    """The page, the plot, and the lines that both are made of."""
    new = page((home / PAGE).read_text(encoding="utf-8"), lines)
    (home / RECORD).write_text(record(lines), encoding="utf-8")
    (home / PLOT).write_text(plot.svg(lines, TITLES), encoding="utf-8")
    (home / PAGE).write_text(new, encoding="utf-8")


def _about(run: Run) -> str:
    return "  \n".join(", ".join(f"{name} {value}" for name, value in one.items()) for one in run.about)


def _medians(run: Run) -> str:
    body = []
    for figure in run.figures:
        cells = [run.medians.get((figure, row)) for row in run.rows]
        body.append(
            [run.title(figure), *(f"{line['median']:,g} ({line['best']:,g})" if line else "" for line in cells)]
        )
    return "Medians (best):\n\n" + _markdown(["", *run.rows], body)


def _against(run: Run, of: Kind) -> str:
    bases = [base for base in BASES if base in run.rows]
    body = []
    for figure in run.figures:
        for row in run.ours:
            lines = [run.ratio(figure, of, row, base) for base in bases]
            if any(lines):
                body.append([f"{TITLES[figure].rpartition(',')[0]}, {row}", *(_ratio(line) for line in lines)])
    if not body:
        return ""
    heading = {
        "value": "How many times as good ours is as the others, by medians, and whether that meets the goal:",
        "cpu": "Processor time of both sides, ours as a share of the others':",
    }[of]
    return f"{heading}\n\n{_markdown(['', *bases], body)}"


def _ratio(line: Line | None) -> str:
    if line is None:
        return ""
    sign = "≤" if line["of"] == "cpu" else "≥"
    return f"{line['value']:.2f}" + (f" ({sign} {line['goal']:g}{_verdict(line)})" if "goal" in line else "")


def _verdict(line: Line) -> str:
    return " met" if line["met"] else " **not met**"


def _processor(run: Run) -> str:
    body = []
    for figure in run.figures:
        lines = [run.medians.get((figure, row)) for row in run.rows]
        cpus = [line["cpu"] if line and "cpu" in line else None for line in lines]
        unit = next((cpu["unit"] for cpu in cpus if cpu), None)
        if unit:
            cells = [f"{cpu['client']:g} + {cpu['server']:g}" if cpu else "" for cpu in cpus]
            body.append([f"{TITLES[figure].rpartition(',')[0]}, {unit}", *cells])
    if not body:
        return ""
    return f"Processor time of client + server, for a GB or for one operation:\n\n{_markdown(['', *run.rows], body)}"


def _ceilings(run: Run) -> str:
    body = []
    for (figure, row), line in run.medians.items():
        if "goal" in line or "beside" in line:
            beside = ", ".join(f"{name} {value:g}" for name, value in line.get("beside", {}).items())
            sign = "≥" if figure in FLOORS else "≤"
            wanted = f"{sign} {line['goal']:g}{_verdict(line)}" if "goal" in line else ""
            body.append([TITLES[figure], row, f"{line['median']:g}", wanted, beside])
    if not body:
        return ""
    return "What has a goal of its own, and what was measured beside:\n\n" + _markdown(
        ["", "row", "median", "goal", "beside"], body
    )


def _notes(run: Run) -> str:
    return "\n".join(f"- {note}" for note in _each_note(run))


def _each_note(run: Run) -> Iterator[str]:
    if run.busy:
        shares = "; ".join(
            f"{name} {machine['others']:.0%} taken by others, {machine['steal']:.0%} withheld"
            for name, machine in run.busy.items()
        )
        yield f"† the machine was visibly busy with something else, of all its processors: {shares}."
    reasons: dict[str, list[str]] = {}
    for line in run.lines:
        if "left_out" in line:
            reasons.setdefault(f"{line['row']}: {_one_line(line['left_out'])}", []).append(line.get("figure", "all"))
    for reason, figures in reasons.items():
        yield f"left out: {', '.join(figures)} of {reason}"


def _one_line(reason: Any) -> str:
    return str(reason).strip().splitlines()[0]


def _markdown(titles: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *body))
