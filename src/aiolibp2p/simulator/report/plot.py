"""Plots as inline SVG, in colours that the page sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 86, 16, 12, 44
TICKS = 7
"""The number of ticks on an axis, about."""

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))


@dataclass(frozen=True)
class Axis:
    """One axis of a plot: what it shows, and from where to where."""

    label: str
    low: float
    high: float
    unit: str = ""

    def ticks(self) -> list[float]:
        """Return a handful of round values."""
        span = self.high - self.low
        rough = span / TICKS
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), power)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, min(last, first + 4 * TICKS) + 1)]


def axis(label: str, values: Sequence[float], unit: str = "", from_zero: bool = True) -> Axis:
    """Return an axis on which all the values fit."""
    low = min([0.0, *values] if from_zero else values, default=0.0)
    high = max(values, default=1.0)
    return Axis(label, low, high if high > low else low + 1.0, unit)


def curve(title: str, x: Axis, y: Axis, points: Sequence[tuple[float, float]], filled: bool = False) -> str:
    """Return a line through the points; `filled` fills the area down to the axis."""
    place_x, place_y = _places(x, y)
    path = "L".join(f"{place_x(at):.1f},{place_y(value):.1f}" for at, value in points)
    shapes = []
    if points and filled:
        base = place_y(max(y.low, 0.0))
        first, last = place_x(points[0][0]), place_x(points[-1][0])
        shapes.append(f'<path class="area" d="M{first:.1f},{base:.1f}L{path}L{last:.1f},{base:.1f}Z"/>')
    if points:
        shapes.append(f'<path class="line" d="M{path}"/>')
    return _framed(title, x, y, "".join(shapes))


def steps(title: str, x: Axis, y: Axis, points: Sequence[tuple[float, float]]) -> str:
    """Return a line that stays level between points, as a distribution does."""
    corners: list[tuple[float, float]] = []
    height = 0.0
    for at, value in points:
        corners += [(at, height), (at, value)]
        height = value
    return curve(title, x, y, corners)


def bars(title: str, x: Axis, y: Axis, counts: Sequence[tuple[float, float, int]], left: float = 0.0) -> str:
    """Return a bar for each (from, to, height), all of them moved to the left by `left` on the axis."""
    place_x, place_y = _places(x, y)
    base = place_y(0.0)
    shapes = []
    for low, high, count in counts:
        start, end, top = place_x(low - left), place_x(high - left), place_y(count)
        width, height = max(0.5, end - start - 1), base - top
        hint = f"<title>{_number(low)}: {count}</title>"
        shapes.append(
            f'<rect class="bar" x="{start:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}">{hint}</rect>'
        )
    return _framed(title, x, y, "".join(shapes))


def _places(x: Axis, y: Axis) -> tuple[Callable[[float], float], Callable[[float], float]]:
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return (
        lambda value: LEFT + (value - x.low) / (x.high - x.low) * width,
        lambda value: TOP + (1 - (value - y.low) / (y.high - y.low)) * height,
    )


def _framed(title: str, x: Axis, y: Axis, shapes: str) -> str:
    place_x, place_y = _places(x, y)
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for tick in y.ticks():
        at = place_y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_text(tick, y)}</text>')
    for tick in x.ticks():
        at = place_x(tick)
        parts.append(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{_text(tick, x)}</text>')
    parts.append(shapes)
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    middle_x, middle_y = (LEFT + right) / 2, (TOP + bottom) / 2
    parts.append(f'<text class="label" x="{middle_x}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x.label)}</text>')
    turned = f'transform="rotate(-90 14 {middle_y})"'
    parts.append(
        f'<text class="label" x="14" y="{middle_y}" text-anchor="middle" {turned}>{escape(y.label)}</text></svg>'
    )
    return "".join(parts)


def _text(value: float, along: Axis) -> str:
    return escape(quantity(value, along.unit) if along.unit else _number(value))


def _number(value: float) -> str:
    return quantity(value, "") if abs(value) >= 10_000 else f"{value:.6g}"


def quantity(value: float, unit: str) -> str:
    """Return the value with a prefix and its unit: `12 ms`."""
    if value == 0:
        return f"0 {unit}".strip()
    prefixes = _PREFIXES[3:] if unit == "s" else _PREFIXES if unit == "" else _PREFIXES[:4]
    factor, prefix = next(((f, p) for f, p in prefixes if abs(value) >= f * 0.9995), prefixes[-1])
    return f"{value / factor:.3g} {prefix}{unit}".strip()
