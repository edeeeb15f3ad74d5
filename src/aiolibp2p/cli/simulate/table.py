"""The table of runs, and of their figures, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiolibp2p.simulator.report.figures import pooled, quantile

if TYPE_CHECKING:
    from aiolibp2p.simulator.scenario import RunResult

MAX_ROWS = 40
"""The most runs that the table shows, about a screen; those that failed come first."""

MAX_FIGURES = 30
"""The most figures that the table shows, about a screen."""

_QUANTILES = (0.5, 0.9, 0.99, 1.0)


def lines(results: Sequence[RunResult]) -> list[str]:
    """Return a row for each run, and a row for each figure."""
    chosen = results
    if len(results) > MAX_ROWS:
        failed = [one for one in results if one.violations]
        fine = [one for one in results if not one.violations]
        chosen = [*failed, *fine][:MAX_ROWS]
        chosen = sorted(chosen, key=lambda one: one.options.seed)
    rows = [["seed", "outcome", "virtual s", "wall s", "events", "trace"]]
    for one in chosen:
        outcome = f"{len(one.violations)} violated" if one.violations else "ok"
        rows.append(
            [
                str(one.options.seed),
                outcome,
                f"{one.virtual_s:.3f}",
                f"{one.wall_s:.2f}",
                str(one.events),
                one.trace_sha256[:12],
            ]
        )
    found = _aligned(rows)
    if len(results) > len(chosen):
        found.append(f"... and {len(results) - len(chosen)} runs more")
    return [*found, "", *_figures(results)]


def _figures(results: Sequence[RunResult]) -> list[str]:
    rows = [["figure", "count", "p50", "p90", "p99", "max"]]
    for name, points in list(pooled(results).items())[:MAX_FIGURES]:
        values = sorted(value for _, value in points)
        if values:
            rows.append([name, str(len(values)), *(f"{quantile(values, share):.4g}" for share in _QUANTILES)])
    return [*_aligned(rows), ""] if len(rows) > 1 else []


def verdict(results: Sequence[RunResult], passed_s: float) -> str:
    """Return how all runs went, in one line."""
    failed = sum(1 for one in results if one.violations)
    first = results[0]
    runs = f"{len(results)} runs" if len(results) > 1 else "1 run"
    virtual_s = sum(one.virtual_s for one in results)
    outcome = f"{failed} failed" if failed else "all held" if len(results) > 1 else "held"
    return (
        f"{first.scenario}, {first.nodes} nodes, {first.fidelity}: {runs}, {outcome}; "
        f"{virtual_s:.1f} virtual s in {passed_s:.1f} s"
    )


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in (0, 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
