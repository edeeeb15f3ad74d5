"""The figures of runs, cut down to what a table or a plot can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from aiolibp2p.simulator.scenario import RunResult

Points: TypeAlias = list[tuple[float, float]]
"""The points of a figure: (virtual seconds, value)."""

MAX_KEPT_POINTS = 200_000
"""The most points of one figure, over all runs of a sweep."""

MIN_KEPT_POINTS = 50
"""The fewest points of one figure that are kept of one run, enough for a curve."""


def thinned(result: RunResult, runs: int) -> RunResult:
    """Return the result with as few points a figure as `runs` like it can afford; distributions and sums stay."""
    limit = max(MIN_KEPT_POINTS, MAX_KEPT_POINTS // max(runs, 1))
    if all(len(points) <= limit for points in result.figures.values()):
        return result
    return replace(result, figures={name: _fewer(name, points, limit) for name, points in result.figures.items()})


def _fewer(name: str, points: Points, limit: int) -> Points:
    if len(points) <= limit:
        return points
    if name.endswith("_bytes"):
        return _summed(points, limit)
    ordered = sorted(points, key=lambda point: point[1])
    return [ordered[round(index * (len(ordered) - 1) / (limit - 1))] for index in range(limit)]


def _summed(points: Points, limit: int) -> Points:
    """Return the points with neighbours in time summed up, at the time of the last of them."""
    ordered = sorted(points)
    step = math.ceil(len(ordered) / limit)
    groups = [ordered[start : start + step] for start in range(0, len(ordered), step)]
    return [(group[-1][0], sum(value for _, value in group)) for group in groups]


def pooled(results: Sequence[RunResult]) -> dict[str, Points]:
    """Return the figures of all runs together, by name, the names in order."""
    found: dict[str, Points] = {}
    for result in results:
        for name, points in result.figures.items():
            found.setdefault(name, []).extend(point for point in points if all(map(math.isfinite, point)))
    return dict(sorted(found.items()))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share of them lies; `ordered` ascends and is not empty."""
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def distribution(values: Sequence[float], limit: int) -> Points:
    """Return a distribution: (value, share of the values up to it), at most `limit` of them."""
    ordered = sorted(values)
    last = len(ordered) - 1
    count = min(limit, len(ordered))
    places = [round(index * last / max(count - 1, 1)) for index in range(count)]
    return [(ordered[place], (place + 1) / len(ordered)) for place in places]


def rate(points: Points, runs: int, limit: int) -> Points:
    """Return a rate over at most `limit` equal stretches: (virtual seconds, amount a second in an average run)."""
    if not points:
        return []
    end_s = max(at for at, _ in points)
    count = max(1, min(limit, len(points) // 2))
    width_s = end_s / count
    if width_s <= 0:
        return []
    sums = [0.0] * count
    for at, value in points:
        sums[min(count - 1, max(0, int(at / width_s)))] += value
    return [((index + 0.5) * width_s, amount / width_s / max(runs, 1)) for index, amount in enumerate(sums)]


def histogram(values: Sequence[float], limit: int) -> list[tuple[float, float, int]]:
    """Return a histogram: (from, to, how many of the values); whole numbers get a bar each if there are few enough."""
    if not values:
        return []
    low, high = min(values), max(values)
    whole = all(value == int(value) for value in values)
    step = max(1.0, math.ceil((high - low + 1) / limit)) if whole else (high - low) / min(limit, 30) or 1.0
    count = min(limit, int((high - low) / step) + 1)
    counts = [0] * count
    for value in values:
        counts[min(count - 1, int((value - low) / step))] += 1
    return [(low + index * step, low + (index + 1) * step, amount) for index, amount in enumerate(counts)]
