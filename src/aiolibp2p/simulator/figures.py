"""The measurements and counters of a run, in bounded memory."""

from __future__ import annotations

MAX_POINTS = 20_000
"""The most points of one measurement: past it every second point goes, and only every second one is added."""


class Figures:
    """Measurements by name, each a list of (virtual seconds, value), and counters by name."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self._series: dict[str, _Series] = {}

    def measure(self, name: str, at_s: float, value: float) -> None:
        """Add a value to a measurement. A name ends in its unit: `ping_s`, `received_bytes`."""
        series = self._series.get(name)
        if series is None:
            series = self._series[name] = _Series()
        series.add(at_s, value)

    def count(self, name: str, n: int = 1) -> None:
        """Add `n` to the counter of this name."""
        self.counters[name] = self.counters.get(name, 0) + n

    def points(self) -> dict[str, list[tuple[float, float]]]:
        """Return the measurements by name, each in the order of time."""
        return {name: series.points for name, series in self._series.items()}


class _Series:
    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self._seen = 0
        self._stride = 1

    def add(self, at_s: float, value: float) -> None:
        if self._seen % self._stride == 0:
            self.points.append((at_s, value))
            if len(self.points) > MAX_POINTS:
                del self.points[1::2]
                self._stride *= 2
        self._seen += 1
