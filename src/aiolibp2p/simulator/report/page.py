"""The report: one page that needs no other file, and its data as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from html import escape

from aiolibp2p.simulator.report import plot
from aiolibp2p.simulator.report.figures import Points, distribution, histogram, pooled, quantile, rate
from aiolibp2p.simulator.report.style import STYLE
from aiolibp2p.simulator.scenario import RunResult

MAX_PLOT_POINTS = 500
"""The most points of a plot: it is some 600 pixels wide."""
MAX_STRETCHES = 200
"""The most stretches of time in a plot: what passes in one is averaged, more would be noise."""

MAX_PLOTS = 60
"""The most plots of a page, so that a browser opens it at once."""
MAX_ROWS = 1000
"""The most runs in the table; those that failed come first."""

MAX_ROW_VIOLATIONS = 20
"""The most violations that the table shows of one run."""
MAX_ROW_EVENTS = 50
"""The most events that the table shows of one run."""
MAX_TEXT_LENGTH = 500
"""The most characters of one violation or event."""

_SUMMARY = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))


def write_report(directory: str, results: Sequence[RunResult]) -> str:
    """Write `index.html` and `results.json` there; return the path of the page. Raises OSError."""
    os.makedirs(directory, exist_ok=True)
    page = os.path.join(directory, "index.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write(html(results))
    with open(os.path.join(directory, "results.json"), "w", encoding="utf-8") as file:
        json.dump({"runs": [_as_data(result) for result in results]}, file, indent=1)
        file.write("\n")
    return page


def _as_data(result: RunResult) -> dict[str, object]:
    return {
        "scenario": result.scenario,
        "seed": result.options.seed,
        "nodes": result.nodes,
        "fidelity": result.fidelity,
        "virtual_s": result.virtual_s,
        "wall_s": result.wall_s,
        "events": result.events,
        "trace_sha256": result.trace_sha256,
        "violations": [{"at_s": one.at_s, "checker": one.checker, "what": one.what} for one in result.violations],
        "last_events": list(result.last_events),
        "figures": {name: _statistics(points) for name, points in pooled([result]).items()},
        "counters": dict(sorted(result.counters.items())),
    }


def _statistics(points: Points) -> dict[str, float]:
    values = sorted(value for _, value in points)
    if not values:
        return {"count": 0}
    quantiles = {name: quantile(values, share) for name, share in _SUMMARY}
    mean = sum(values) / len(values)
    return {"count": len(values), "min": values[0], "mean": mean, **quantiles, "max": values[-1]}


def html(results: Sequence[RunResult]) -> str:
    """Return the page as HTML."""
    names = sorted({result.scenario: None for result in results})
    title = f"Simulation: {', '.join(names) or 'no runs'}"
    plots = [_plot(name, points, len(results)) for name, points in list(pooled(results).items())[:MAX_PLOTS]]
    body = [
        f"<h1>{escape(title)}</h1>",
        _tiles(results),
        f'<section class="plots">{"".join(plots)}</section>' if plots else "",
        _counters(results),
        "<h2>Runs</h2>",
        _table(results),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main></body></html>\n"
    )


def _tiles(results: Sequence[RunResult]) -> str:
    failed = sum(1 for result in results if result.violations)
    shapes = sorted({f"{result.nodes} nodes, {result.fidelity}": None for result in results})
    tiles = [
        ("runs", str(len(results)), ""),
        ("failed", str(failed), "bad" if failed else "good"),
        ("network", "; ".join(shapes[:3]), ""),
        ("virtual time", f"{sum(result.virtual_s for result in results):,.1f} s", ""),
        ("computing time", f"{sum(result.wall_s for result in results):,.1f} s", ""),
        ("events", f"{sum(result.events for result in results):,}", ""),
    ]
    cells = (
        f'<div class="tile {kind}"><span>{escape(name)}</span><b>{escape(value)}</b></div>'
        for name, value, kind in tiles
    )
    return f'<section class="tiles">{"".join(cells)}</section>'


def _plot(name: str, points: Points, runs: int) -> str:
    values = [value for _, value in points]
    if not values:
        return ""
    if name.endswith("_s"):
        shares = distribution(values, MAX_PLOT_POINTS)
        x, y = plot.axis("seconds", values, "s"), plot.Axis("share of all", 0.0, 1.0)
        drawn, kind = plot.steps(name, x, y, shares), "distribution"
        ordered = sorted(values)
        note = ", ".join(f"{label} {plot.quantity(quantile(ordered, share), 's')}" for label, share in _SUMMARY)
    elif name.endswith("_bytes"):
        over_time = rate(points, runs, MAX_STRETCHES)
        x = plot.Axis("virtual seconds", 0.0, max((at for at, _ in points), default=1.0) or 1.0)
        y = plot.axis("bytes a second", [amount for _, amount in over_time], "B/s")
        drawn, kind = plot.curve(name, x, y, over_time, filled=True), "bandwidth over time, an average run"
        note = f"{plot.quantity(sum(values) / max(runs, 1), 'B')} a run"
    else:
        counts = histogram(values, MAX_PLOT_POINTS)
        # A bar for one whole number stands around it.
        left = 0.5 if counts[0][1] - counts[0][0] == 1 else 0.0
        x = plot.Axis(name, counts[0][0] - left, counts[-1][1] - left)
        y = plot.axis("how many", [float(count) for _, _, count in counts])
        drawn, kind = plot.bars(name, x, y, counts, left), "histogram"
        note = f"mean {sum(values) / len(values):.3g}, from {min(values):.6g} to {max(values):.6g}"
    count = f"{len(values):,} measurements"
    caption = f"<figcaption><b>{escape(name)}</b> {escape(kind)}<small>{escape(note)}; {count}</small></figcaption>"
    return f"<figure>{caption}{drawn}</figure>"


def _counters(results: Sequence[RunResult]) -> str:
    totals: dict[str, int] = {}
    for result in results:
        for name, count in result.counters.items():
            totals[name] = totals.get(name, 0) + count
    if not totals:
        return ""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{count:,}</td>'
        f'<td class="number">{count / len(results):,.1f}</td></tr>'
        for name, count in sorted(totals.items())
    )
    head = '<tr><th>counter</th><th class="number">all runs</th><th class="number">a run</th></tr>'
    return f'<h2>Counted</h2><div class="wide"><table>{head}{rows}</table></div>'


def _table(results: Sequence[RunResult]) -> str:
    chosen = sorted(results, key=lambda result: (not result.violations, result.options.seed))[:MAX_ROWS]
    head = "".join(
        f"<th{kind}>{name}</th>"
        for name, kind in (
            ("seed", ' class="number"'),
            ("outcome", ""),
            ("virtual s", ' class="number"'),
            ("wall s", ' class="number"'),
            ("events", ' class="number"'),
            ("trace", ""),
        )
    )
    left = len(results) - len(chosen)
    more = f"<p>and {left} runs more: results.json has them</p>" if left else ""
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(map(_row, chosen))}</table></div>{more}'


def _row(result: RunResult) -> str:
    return (
        f'<tr><td class="number">{result.options.seed}</td><td>{_violations(result)}</td>'
        f'<td class="number">{result.virtual_s:,.3f}</td><td class="number">{result.wall_s:.2f}</td>'
        f'<td class="number">{result.events:,}</td><td><code>{escape(result.trace_sha256[:16])}</code></td></tr>'
    )


def _violations(result: RunResult) -> str:
    if not result.violations:
        return '<span class="good">held</span>'
    items = "".join(
        f"<li>at {one.at_s:.6f} s <b>{escape(one.checker)}</b>: {escape(one.what[:MAX_TEXT_LENGTH])}</li>"
        for one in result.violations[:MAX_ROW_VIOLATIONS]
    )
    events = "\n".join(escape(event[:MAX_TEXT_LENGTH]) for event in result.last_events[-MAX_ROW_EVENTS:])
    trace = f"<p>the last events</p><pre>{events}</pre>" if events else ""
    many = len(result.violations)
    told = f'<summary class="bad">{many} violation{"s" if many > 1 else ""}</summary>'
    return f"<details>{told}<ul>{items}</ul>{trace}</details>"
