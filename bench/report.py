"""From samples to JSON lines, from JSON lines to tables, from tables into the page."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.figures import FIGURES, Figure, Sample
from bench.program import ROOT
from bench.rows import ROWS

Line = dict[str, Any]

PAGE = ROOT / "docs" / "explanation" / "performance.md"
BEGIN = "<!-- what follows is written by: python -m bench --write-docs -->"
END = "<!-- end of what is written -->"


def row_line(figure: Figure, row: str, samples: Sequence[Sample]) -> Line:
    """One row of one figure."""
    values = [sample.value for sample in samples]
    best = max(values) if figure.more_is_better else min(values)
    return {
        "figure": figure.name,
        "row": row,
        "unit": figure.unit,
        "median": _round(statistics.median(values)),
        "best": _round(best),
        "rounds": [_round(value) for value in values],
        "cpu": {
            "unit": figure.cpu_unit,
            "client": _round(statistics.median(sample.client_cpu for sample in samples)),
            "server": _round(statistics.median(sample.server_cpu for sample in samples)),
        },
    }


def ratio_lines(figure: Figure, lines: Sequence[Line]) -> Iterator[Line]:
    """How many times as good ours is as go and as bare TCP, by medians; only go's ratio has a goal."""
    medians = {line["row"]: line["median"] for line in lines}
    for row in ("ours-stdlib", "ours-uvloop"):
        for base in ("go", "raw"):
            if row not in medians or base not in medians:
                continue
            value = medians[row] / medians[base]
            value = value if figure.more_is_better else 1 / value
            line: Line = {"figure": figure.name, "ratio": f"{row}/{base}", "value": round(value, 3)}
            if base == "go":
                goal = figure.goals[row]
                line |= {"goal": goal, "met": value >= goal}
            yield line


def table(lines: Iterable[Line]) -> str:
    """The figures as Markdown."""
    lines = list(lines)
    medians = {(line["figure"], line["row"]): line for line in lines if "row" in line}
    ratios = {(line["figure"], line["ratio"]): line for line in lines if "ratio" in line}
    rows = [row for row in ROWS if any(key[1] == row for key in medians)]
    measured = [figure for figure in FIGURES.values() if any(key[0] == figure.name for key in medians)]
    ours = [row for row in rows if row.startswith("ours")] if "go" in rows else []
    out: list[str] = []
    if measured:
        titles = ["", *rows, *(f"{row} / go" for row in ours)]
        out += _markdown(titles, [_figure_cells(figure, rows, ours, medians, ratios) for figure in measured])
        out += ["", "Processor time of client + server, for a GB or for one operation:", ""]
        out += _markdown(["", *rows], [_cpu_cells(figure, rows, medians) for figure in measured])
    for line in lines:
        if line.get("figure") in {"import-time", "idle-rss"}:
            verdict = "met" if line["met"] else "not met"
            out += ["", f"{line['figure']}: {line['median']:g} {line['unit']} (goal {line['goal']:g}, {verdict})"]
    return "\n".join(out)


def about(lines: Iterable[Line]) -> str:
    """On what machine, and with what."""
    described = [line["about"] for line in lines if "about" in line]
    return ", ".join(f"{name} {value}" for name, value in described[0].items()) if described else ""


def write_page(lines: Sequence[Line], page: Path = PAGE) -> None:
    """Put the tables between the page's two marks. Raises ValueError when they are not there."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no marks to write between")
    page.write_text(f"{before}{begin}\n\n{about(lines)}\n\n{table(lines)}\n\n{end}{after}", encoding="utf-8")


def _figure_cells(
    figure: Figure, rows: list[str], ours: list[str], medians: dict[Any, Line], ratios: dict[Any, Line]
) -> list[str]:
    cells = [f"{figure.title}, {figure.unit}"]
    for row in rows:
        line = medians.get((figure.name, row))
        cells.append(f"{line['median']:,g} ({line['best']:,g})" if line else "")
    for row in ours:
        line = ratios.get((figure.name, f"{row}/go"))
        cells.append(_ratio(line) if line else "")
    return cells


def _ratio(line: Line) -> str:
    missed = "" if line["met"] else f" (goal {line['goal']:g})"
    return f"{line['value']:.2f}{missed}"


def _cpu_cells(figure: Figure, rows: list[str], medians: dict[Any, Line]) -> list[str]:
    cells = [f"{figure.title}, {figure.cpu_unit}"]
    for row in rows:
        line = medians.get((figure.name, row))
        cells.append(f"{line['cpu']['client']:g} + {line['cpu']['server']:g}" if line else "")
    return cells


def _markdown(titles: list[str], body: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *body)]


def _round(value: float) -> float:
    """Four digits are more than a round can tell."""
    return float(f"{value:.4g}")
