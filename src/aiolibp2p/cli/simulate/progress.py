"""The bar on stderr that shows how far a sweep is, if that is a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

BAR_EVERY_S = 0.1
"""The seconds between two states of the bar: the eye sees no more than ten a second."""
BAR_WIDTH = 24
"""The width of the bar, in characters, so that a line fits a terminal of 80."""
_CLEAR = "\r\x1b[K"


class Progress:
    """The number of runs that ended, shown as a bar."""

    def __init__(self, total: int, for_people: bool, now: Callable[[], float]) -> None:
        self._total = total
        self._has_bar = for_people and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._now = now
        self._began_at = now()
        self._next_at = 0.0
        self._ended = self._failed = 0
        self._latest: tuple[int, float] | None = None

    def moved(self, seed: int, virtual_s: float) -> None:
        """Show how far the run of this seed is, in virtual seconds."""
        self._latest = seed, virtual_s
        self._show()

    def ended(self, failed: bool) -> None:
        """Count a run that has ended."""
        self._ended += 1
        self._failed += failed
        self._show()

    def clear(self) -> None:
        """Take the bar away, because something else is going to be printed."""
        if self._has_bar:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._next_at = 0.0

    def _show(self) -> None:
        if self._has_bar and (now := self._now()) >= self._next_at:
            self._next_at = now + BAR_EVERY_S
            width = shutil.get_terminal_size().columns - 1
            print(_CLEAR + self.line()[:width], end="", file=sys.stderr, flush=True)

    def line(self) -> str:
        """Return the bar as text."""
        passed_s = self._now() - self._began_at
        where = "" if self._latest is None else f"seed {self._latest[0]} at {self._latest[1]:.1f} virtual s  "
        if self._total == 1:
            return f"{where}{passed_s:.0f} s passed"
        filled = BAR_WIDTH * self._ended // self._total
        failed = f"{self._failed} failed  " if self._failed else ""
        left_s = passed_s / self._ended * (self._total - self._ended) if self._ended else 0.0
        left = f"{_duration(left_s)} left" if self._ended else ""
        return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {self._ended}/{self._total} runs  {failed}{where}{left}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
