"""The report: samples become JSON lines here, which tables.py makes into tables."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.figures import Figure, Sample
from bench.goals import BASES, OURS, Kind, goal, kinds, limit

Line = dict[str, Any]


def row_line(figure: Figure, row: str, samples: Sequence[Sample]) -> Line:
    """One row of one figure."""
    values = [sample.value for sample in samples]
    median = statistics.median(values)
    line: Line = {
        "figure": figure.name,
        "row": row,
        "unit": figure.unit,
        "median": rounded(median),
        "best": rounded(max(values) if figure.more_is_better else min(values)),
        "rounds": [rounded(value) for value in values],
    }
    if samples[0].beside:
        names = samples[0].beside
        line["beside"] = {name: rounded(statistics.median(one.beside[name] for one in samples)) for name in names}
    if figure.cpu_unit:
        line["cpu"] = {
            "unit": figure.cpu_unit,
            "client": rounded(statistics.median(sample.client_cpu for sample in samples)),
            "server": rounded(statistics.median(sample.server_cpu for sample in samples)),
            "both": rounded(statistics.median(sample.client_cpu + sample.server_cpu for sample in samples)),
        }
    return line | verdict(figure.name, row, median)


def verdict(figure: str, row: str, median: float) -> Line:
    """Return the goal of the figure itself, and whether it is met."""
    wanted = limit(figure, median) if row in OURS else None
    return {"goal": wanted[0], "met": wanted[1]} if wanted else {}


def ratio_lines(figure: str, more_is_better: bool, lines: Iterable[Line]) -> Iterator[Line]:
    """Return ours against every other row, by medians.

    `value`: how many times as good; `cpu`: what share ours takes.
    """
    measured = {line["row"]: line for line in lines}
    bases = [base for base in BASES if base in measured]
    for of, row, base in itertools.product(kinds(figure), [row for row in OURS if row in measured], bases):
        value = _ratio(of, more_is_better, measured[row], measured[base])
        if value is None:
            continue
        line: Line = {"figure": figure, "ratio": f"{row}/{base}", "of": of, "value": round(value, 3)}
        if wanted := goal(figure, row, base, of):
            line |= {"goal": wanted.bound, "met": wanted.met(value)}
        yield line


def _ratio(of: Kind, more_is_better: bool, ours: Line, base: Line) -> float | None:
    """Return a ratio; None where one of the two is nothing."""
    if of == "cpu":
        ours_cpu, base_cpu = ours["cpu"]["both"], base["cpu"]["both"]
        return float(ours_cpu / base_cpu) if base_cpu else None
    above, below = ours["median"], base["median"]
    if not more_is_better:
        above, below = below, above
    return float(above / below) if below else None


def rounded(value: float) -> float:
    """Return the value with four digits: more are finer than a round is."""
    return float(f"{value:.4g}")
