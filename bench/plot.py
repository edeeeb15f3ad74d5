"""The ratios to go as bars: one SVG, readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

BASE = "go"
SERIES = {"ours-stdlib": "#3b7dd8", "ours-uvloop": "#1f9e89", "rust": "#c8643c", "js": "#b59a1b", "py": "#9467bd"}
OCTAVES = 5  # each way: from 1/32 to 32 times as good
LABELS_PX, WIDTH_PX, BAR_PX, GAP_PX, TOP_PX = 260, 860, 9, 10, 44

STYLE = (
    "text{font:12px sans-serif;fill:#222}.grid{stroke:#8884}.one{stroke:#888}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}}"
)


def svg(lines: Iterable[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """Bars to the right of 1 are better than go, to the left worse; each grid line is a factor of two."""
    values = _ratios(list(lines))
    figures = [name for name in titles if any(key[0] == name for key in values)]
    rows = [row for row in SERIES if any(key[1] == row for key in values)]
    parts, y = [], TOP_PX
    for figure in figures:
        present = [row for row in rows if (figure, row) in values]
        label = escape(titles[figure].rpartition(",")[0])
        middle = y + BAR_PX * len(present) / 2 + 4
        parts.append(f'<text x="{LABELS_PX - 10}" y="{middle:g}" text-anchor="end">{label}</text>')
        for row in present:
            parts.append(_bar(row, figure, values[figure, row], y))
            y += BAR_PX
        y += GAP_PX
    return "\n".join([_open(y + 6), *_grid(y), *_legend(rows), *parts, "</svg>", ""])


def _ratios(lines: list[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """Return the ratios by figure and row: how many times as good as go.

    Our own ratio lines tell which way is better.
    """
    medians = {(line["figure"], line["row"]): line["median"] for line in lines if "median" in line}
    falls = {line["figure"] for line in lines if "median" in line and line["unit"] in {"ms", "s", "kB", "MB"}}
    found = {}
    for (figure, row), median in medians.items():
        go = medians.get((figure, BASE))
        if row in SERIES and go and median:
            found[figure, row] = go / median if figure in falls else median / go
    return found


def _x(ratio: float) -> float:
    octaves = min(max(math.log2(ratio), -OCTAVES), OCTAVES)
    return LABELS_PX + (octaves + OCTAVES) / (2 * OCTAVES) * (WIDTH_PX - LABELS_PX - 20)


def _bar(row: str, figure: str, ratio: float, y: float) -> str:
    start, end = sorted((_x(1), _x(ratio)))
    size = f'x="{start:.1f}" y="{y:g}" width="{max(end - start, 1):.1f}" height="{BAR_PX - 1}"'
    return f'<rect {size} fill="{SERIES[row]}"><title>{escape(figure)}, {row}: {ratio:.2f} of go</title></rect>'


def _grid(bottom: float) -> list[str]:
    parts = []
    for octave in range(-OCTAVES, OCTAVES + 1):
        x = _x(2.0**octave)
        kind = "grid" if octave else "one"
        label = f"{2**octave}" if octave >= 0 else f"1/{2**-octave}"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP_PX - 6}" y2="{bottom:g}"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP_PX - 10}" text-anchor="middle">{label}</text>')
    return parts


def _legend(rows: list[str]) -> list[str]:
    parts = ['<text x="10" y="16">times as good as go:</text>']
    for number, row in enumerate(rows):
        x = 150 + 110 * number
        parts.append(f'<rect x="{x}" y="7" width="10" height="10" fill="{SERIES[row]}"/>')
        parts.append(f'<text x="{x + 15}" y="16">{row}</text>')
    return parts


def _open(height: float) -> str:
    size = f'viewBox="0 0 {WIDTH_PX} {height:g}" width="{WIDTH_PX}" height="{height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><style>{STYLE}</style>'
