"""The tables of the page, made from JSON lines; records.py puts them into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.figures import FIGURES
from bench.footprint import NAMES
from bench.goals import BASES, FLOORS, OURS, Kind
from bench.report import Line
from bench.rows import ROWS

TITLES = {figure.name: f"{figure.title}, {figure.unit}" for figure in FIGURES.values()}
TITLES |= {name: f"{title}, {unit}" for name, (title, unit) in NAMES.items()}


class Run:
    """The lines of a run, and what can be asked of them."""

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
        """Return the title of a figure, with a mark when the machine was busy with something else."""
        return f"{TITLES[figure]}{' †' if figure in self.busy else ''}"

    def ratio(self, figure: str, of: Kind, row: str, base: str) -> Line | None:
        """Return our ratio to another row."""
        return self.ratios.get((figure, of, f"{row}/{base}"))


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


def side_by_side(machines: Mapping[str, Iterable[Line]]) -> str:
    """The ratios of several machines, by their titles, in one table: a cell holds one of each machine, in order."""
    runs = [Run(lines) for lines in machines.values()]
    bases = [base for base in BASES if any(base in run.rows for run in runs)]
    body = []
    for figure in TITLES:
        for row in OURS:
            found = [[run.ratio(figure, "value", row, base) for run in runs] for base in bases]
            if any(line for lines in found for line in lines):
                body.append([f"{TITLES[figure].rpartition(',')[0]}, {row}", *(_beside(lines) for lines in found)])
    heading = "How many times as good ours is as the others, by medians. In each cell, in this order:"
    order = "\n".join(f"{number}. {title}" for number, title in enumerate(machines, 1))
    return f"{heading}\n\n{order}\n\n{markdown(['', *bases], body)}"


def _beside(lines: Sequence[Line | None]) -> str:
    return " · ".join(f"{line['value']:.2f}" if line else "–" for line in lines) if any(lines) else ""


def _about(run: Run) -> str:
    return "  \n".join(", ".join(f"{name} {value}" for name, value in one.items()) for one in run.about)


def _medians(run: Run) -> str:
    body = []
    for figure in run.figures:
        cells = [run.medians.get((figure, row)) for row in run.rows]
        body.append(
            [run.title(figure), *(f"{line['median']:,g} ({line['best']:,g})" if line else "" for line in cells)]
        )
    return "Medians (best):\n\n" + markdown(["", *run.rows], body)


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
    return f"{heading}\n\n{markdown(['', *bases], body)}"


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
    return f"Processor time of client + server, for a GB or for one operation:\n\n{markdown(['', *run.rows], body)}"


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
    return "What has a goal of its own, and what was measured beside:\n\n" + markdown(
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


def markdown(titles: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table of these columns and rows."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *body))
