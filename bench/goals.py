"""The goals: for which figure, against which row, on which loop. All by medians within one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

STDLIB, UVLOOP = "ours-stdlib", "ours-uvloop"
OURS = (STDLIB, UVLOOP)
BASES = ("raw", "noise", "go", "rust", "js", "py")

Kind = Literal["value", "cpu"]


@dataclass(frozen=True)
class Goal:
    """A goal. `value`: at least `bound` times as good as the base. `cpu`: at most `bound` of the base's, both sides."""

    base: str
    bound: float
    loops: tuple[str, ...] = OURS
    of: Kind = "value"

    def met(self, ratio: float) -> bool:
        """Whether a ratio, unrounded, is good enough."""
        return ratio <= self.bound if self.of == "cpu" else ratio >= self.bound


def _level(*bases: str) -> tuple[Goal, ...]:
    """Return the goals of a row that is as good as the base on uvloop, and nearly so on the standard loop."""
    return tuple(goal for base in bases for goal in (Goal(base, 1.0, (UVLOOP,)), Goal(base, 0.7, (STDLIB,))))


BULK = (
    Goal("go", 1.5),
    Goal("rust", 1.5),
    Goal("noise", 0.7),
    Goal("noise", 1.45, of="cpu"),
    Goal("go", 0.7, of="cpu"),
    Goal("rust", 0.7, of="cpu"),
)
SCRIPTED = (Goal("js", 2.0), Goal("py", 2.0))
"""The goals of every figure against libraries in scripting languages."""

RATIOS: Mapping[str, tuple[Goal, ...]] = {
    "upload": BULK,
    "download": BULK,
    "pings-1": _level("rust"),
    "pings-64": _level("go", "rust"),
    "opens-1": _level("go"),
    "opens-32": _level("go", "rust"),
    "dial": (Goal("go", 1.0),),
    "dials-8": (Goal("go", 1.0), Goal("rust", 1.0)),
    "upload-tls": (Goal("go", 1.0), Goal("rust", 1.0)),
    "download-tls": (Goal("go", 1.0), Goal("rust", 1.0)),
    "dials-8-tls": (Goal("go", 1.0),),
    "upload-mplex": (Goal("go", 1.0),),
    "download-mplex": (Goal("go", 1.0),),
}
CEILINGS: Mapping[str, float] = {
    "bulk-pings": 1.0,  # ms
    "connection": 25.0,  # kB
    "import-time": 0.15,  # s
    "idle-rss": 40.0,  # MB
}
"""The most that a figure of ours may be, in its own unit, whatever the others do."""

FLOORS: Mapping[str, float] = {"tls-of-noise": 0.8}
"""The least that a figure of ours may be, where more is better."""


def goal(figure: str, row: str, base: str, of: Kind) -> Goal | None:
    """Return the goal of this ratio, if there is one."""
    wanted = (*RATIOS.get(figure, ()), *SCRIPTED)
    return next((one for one in wanted if one.base == base and one.of == of and row in one.loops), None)


def limit(figure: str, value: float) -> tuple[float, bool] | None:
    """Return the goal of our figure by itself, if there is one, and whether this value, unrounded, meets it."""
    if figure in CEILINGS:
        return CEILINGS[figure], value <= CEILINGS[figure]
    if figure in FLOORS:
        return FLOORS[figure], value >= FLOORS[figure]
    return None


def kinds(figure: str) -> tuple[Kind, ...]:
    """Return the kinds of ratios that a figure has: processor time is compared where there is a goal for it."""
    return ("value", "cpu") if any(one.of == "cpu" for one in RATIOS.get(figure, ())) else ("value",)
