"""What faults do to paths: cuts, delays, loss. Asked for every packet, so cheap when nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Way: TypeAlias = tuple[str | None, str | None]

NOTHING_S = 1e-12
"""What is left of delays that were added and taken back."""


class Conditions:
    """By the names of interfaces, one way; None stands for any."""

    def __init__(self) -> None:
        self.is_normal = True
        self._cuts: dict[Way, None] = {}
        self._group_of: dict[str, int] = {}
        self._extra_s: dict[Way, float] = {}
        self._losses: dict[Way, float] = {}

    def _changed(self) -> None:
        self.is_normal = not (self._cuts or self._group_of or self._extra_s or self._losses)

    def cut(self, a: str | None, b: str | None) -> None:
        """Nothing gets from `a` to `b` any more."""
        self._cuts[a, b] = None
        self._changed()

    def partition(self, *groups: Sequence[str]) -> None:
        """Nothing gets from one group to another. Who is in none of them is cut from nobody."""
        self._group_of = {name: number for number, group in enumerate(groups) for name in group}
        self._changed()

    def heal(self) -> None:
        """No cut and no partition any more."""
        self._cuts.clear()
        self._group_of.clear()
        self._changed()

    def add_latency_s(self, a: str | None, b: str | None, extra_s: float) -> None:
        """Packets from `a` to `b` take so much longer than they do now; a negative value takes it back."""
        total = self._extra_s.pop((a, b), 0.0) + extra_s
        if total > NOTHING_S:
            self._extra_s[a, b] = total
        self._changed()

    def lose(self, a: str | None, b: str | None, share: float) -> None:
        """So many of the packets from `a` to `b` are lost, if the link does not lose more; 0 ends it."""
        self._losses.pop((a, b), None)
        if share > 0:
            self._losses[a, b] = share
        self._changed()

    def is_cut(self, a: str, b: str) -> bool:
        """Nothing gets from `a` to `b`."""
        if self.is_normal:
            return False
        groups = self._group_of
        if a in groups and b in groups and groups[a] != groups[b]:
            return True
        return any(way in self._cuts for way in _ways(a, b))

    def extra_s(self, a: str, b: str) -> float:
        """How much longer a packet takes."""
        return sum(self._extra_s.get(way, 0.0) for way in _ways(a, b))

    def loss(self, a: str, b: str) -> float:
        """The share of packets lost, if the link does not lose more."""
        return max(self._losses.get(way, 0.0) for way in _ways(a, b))


def _ways(a: str, b: str) -> tuple[Way, ...]:
    return (a, b), (a, None), (None, b), (None, None)
