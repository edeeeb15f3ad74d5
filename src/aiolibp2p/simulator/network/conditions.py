"""What faults do to paths: cuts, delays, loss. Asked for every packet, so cheap when nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence


class Conditions:
    """By the names of interfaces, one way; "" stands for any."""

    def __init__(self) -> None:
        self.is_normal = True
        self._cuts: dict[tuple[str, str], None] = {}
        self._group_of: dict[str, int] = {}
        self._delays: dict[tuple[str, str], float] = {}
        self._losses: dict[tuple[str, str], float] = {}

    def cut(self, a: str, b: str) -> None:
        """Nothing gets from `a` to `b` any more."""
        self._cuts[a, b] = None
        self.is_normal = False

    def partition(self, *groups: Sequence[str]) -> None:
        """Nothing gets from one group to another. Who is in none of them is together with the others in none."""
        self._group_of = {name: number for number, group in enumerate(groups, 1) for name in group}
        self.is_normal = False

    def delay(self, a: str, b: str, extra_s: float) -> None:
        """Packets from `a` to `b` take so much longer; 0 ends it."""
        self._delays[a, b] = extra_s
        self.is_normal = False

    def lose(self, a: str, b: str, share: float) -> None:
        """So many of the packets from `a` to `b` are lost, beside what the link loses; 0 ends it."""
        self._losses[a, b] = share
        self.is_normal = False

    def heal(self) -> None:
        """Everything is as it was."""
        self.is_normal = True
        for table in (self._cuts, self._group_of, self._delays, self._losses):
            table.clear()

    def is_cut(self, a: str, b: str) -> bool:
        """Nothing gets from `a` to `b`."""
        if self.is_normal:
            return False
        if self._group_of.get(a, 0) != self._group_of.get(b, 0):
            return True
        return any(pair in self._cuts for pair in _pairs(a, b))

    def extra_s(self, a: str, b: str) -> float:
        """How much longer a packet takes."""
        return sum(self._delays.get(pair, 0.0) for pair in _pairs(a, b))

    def loss(self, a: str, b: str) -> float:
        """The share of packets lost beside what the link loses."""
        return max(self._losses.get(pair, 0.0) for pair in _pairs(a, b))


def _pairs(a: str, b: str) -> tuple[tuple[str, str], ...]:
    return (a, b), (a, ""), ("", b), ("", "")
