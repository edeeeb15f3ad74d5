"""The conditions between interfaces, which faults change while a simulation runs."""

from __future__ import annotations

from collections.abc import Sequence


class Conditions:
    """Cuts, partitions, extra latency and loss, looked up for each packet. Names are those of interfaces."""

    def __init__(self) -> None:
        self.is_set = False
        """Whether anything differs from the links' own settings."""
        self._cuts: dict[tuple[str, str], None] = {}
        self._groups: dict[str, int] = {}
        self._extra_s: dict[tuple[str | None, str | None], float] = {}
        self._loss: dict[tuple[str | None, str | None], float] = {}

    def cut(self, a: str, b: str) -> None:
        """Let nothing pass from `a` to `b` any more; the other way is not touched."""
        self._cuts[a, b] = None
        self._look()

    def mend(self, a: str, b: str) -> None:
        """End the cut from `a` to `b`."""
        self._cuts.pop((a, b), None)
        self._look()

    def partition(self, *groups: Sequence[str]) -> None:
        """Let nothing pass from one group to another, in place of the last partition.

        An interface in no group reaches all.
        """
        self._groups = {name: index for index, group in enumerate(groups) for name in group}
        self._look()

    def heal(self) -> None:
        """End all cuts and the partition. Latency and loss stay."""
        self._cuts.clear()
        self._groups.clear()
        self._look()

    def add_latency_s(self, a: str | None, b: str | None, extra_s: float) -> None:
        """Add to the latency from `a` to `b`, in seconds; None is any interface. A negative number takes back."""
        total = self._extra_s.pop((a, b), 0.0) + extra_s
        if abs(total) > 1e-12:
            self._extra_s[a, b] = total
        self._look()

    def set_loss(self, a: str | None, b: str | None, loss: float | None) -> None:
        """Lose this share of packets from `a` to `b`, whatever the link says; None goes back to the link's."""
        self._loss.pop((a, b), None)
        if loss is not None:
            self._loss[a, b] = loss
        self._look()

    def is_cut(self, a: str, b: str) -> bool:
        """Return whether nothing gets from `a` to `b`."""
        if (a, b) in self._cuts:
            return True
        one, other = self._groups.get(a), self._groups.get(b)
        return one is not None and other is not None and one != other

    def extra_s(self, a: str, b: str) -> float:
        """Return how many seconds longer a packet from `a` to `b` takes."""
        extra = self._extra_s
        if not extra:
            return 0.0
        return sum(extra.get(pair, 0.0) for pair in ((a, b), (a, None), (None, b), (None, None)))

    def loss(self, a: str, b: str, usual: float) -> float:
        """Return the share of packets lost from `a` to `b`; the most precise setting counts."""
        if not self._loss:
            return usual
        set_here = (pair for pair in ((a, b), (a, None), (None, b), (None, None)) if pair in self._loss)
        pair = next(set_here, None)
        return usual if pair is None else self._loss[pair]

    def _look(self) -> None:
        self.is_set = bool(self._cuts or self._groups or self._extra_s or self._loss)
