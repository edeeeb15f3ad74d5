"""The lines of `p2p perf`: one a second for programs on stdout, a bar and a summary for people on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiolibp2p.cli.perf import sizes

if TYPE_CHECKING:
    from aiolibp2p.protocols.perf import PerfResult

LINE_EVERY_S = 1.0
"""The seconds between two lines of the report, as libp2p's common benchmarks want them."""
BAR_EVERY_S = 0.1
"""The seconds between two states of the bar: the eye sees no more than ten a second."""
BAR_WIDTH = 24
"""The width of the bar, in characters, so that a line fits a terminal of 80."""
_CLEAR = "\r\x1b[K"


@dataclass(frozen=True)
class Plan:
    """The sizes to be measured, in bytes, and the seconds for each direction if there is a limit."""

    upload_bytes: int
    download_bytes: int
    seconds: float | None


class Report:
    """The state of a measurement, which prints how far it is when `tick` is called."""

    def __init__(self, plan: Plan, for_people: bool, now: Callable[[], float]) -> None:
        self._plan = plan
        self._for_people = for_people
        self._has_bar = for_people and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._now = now
        self._began_at = self._line_at = self._phase_began_at = now()
        self._lines = 0
        self._uploaded = self._downloaded = 0
        self._told_uploaded = self._told_downloaded = 0

    def moved(self, uploaded: int, downloaded: int) -> None:
        """Note how many bytes have passed so far."""
        if downloaded and not self._downloaded:
            self._phase_began_at = self._now()
        self._uploaded, self._downloaded = uploaded, downloaded

    def next_tick_s(self) -> float:
        """Return in how many seconds `tick` is to be called."""
        next_line_s = self._began_at + (self._lines + 1) * LINE_EVERY_S - self._now()
        return max(0.0, min(next_line_s, BAR_EVERY_S) if self._has_bar else next_line_s)

    def tick(self) -> None:
        """Print the line that is due, and the bar. Raises BrokenPipeError when nobody reads."""
        now = self._now()
        if now >= self._began_at + (self._lines + 1) * LINE_EVERY_S:
            self._lines = int((now - self._began_at) / LINE_EVERY_S)
            uploaded, downloaded = self._uploaded, self._downloaded
            self._tell(
                "intermediary", now - self._line_at, uploaded - self._told_uploaded, downloaded - self._told_downloaded
            )
            self._line_at, self._told_uploaded, self._told_downloaded = now, uploaded, downloaded
        if self._has_bar:
            width = shutil.get_terminal_size().columns - 1
            self._say(_CLEAR + self._bar(now)[:width], end="")

    def finished(self, result: PerfResult) -> None:
        """Print the last line, and the summary."""
        self._clear()
        self._tell("final", result.total_s, result.uploaded_bytes, result.downloaded_bytes)
        self._say(f"connected in {result.connect_s * 1000:.1f} ms")
        if self._plan.upload_bytes:
            self._say(_summary("uploaded", result.uploaded_bytes, result.upload_s))
        if self._plan.download_bytes:
            self._say(_summary("downloaded", result.downloaded_bytes, result.download_s))
        if not (self._plan.upload_bytes or self._plan.download_bytes):
            self._say(f"an empty exchange took {result.upload_s * 1000:.1f} ms")

    def stopped(self) -> None:
        """Print how much passed before the measurement was stopped."""
        self._clear()
        self._say(
            f"stopped after {self._now() - self._began_at:.1f} s: {sizes.shown(self._uploaded)} uploaded, "
            f"{sizes.shown(self._downloaded)} downloaded"
        )

    def _tell(self, kind: str, seconds: float, uploaded: int, downloaded: int) -> None:
        self._clear()
        fields = {
            "type": kind,
            "timeSeconds": round(seconds, 9),
            "uploadBytes": uploaded,
            "downloadBytes": downloaded,
        }
        print(json.dumps(fields, separators=(",", ":")), flush=True)

    def _say(self, text: str, end: str = "\n") -> None:
        if self._for_people:
            print(text, end=end, file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._has_bar:
            self._say(_CLEAR, end="")

    def _bar(self, now: float) -> str:
        uploading = not self._downloaded
        name, done, size = (
            ("upload", self._uploaded, self._plan.upload_bytes)
            if uploading
            else ("download", self._downloaded, self._plan.download_bytes)
        )
        seconds = now - self._phase_began_at
        share = done / size if size else 0.0
        if self._plan.seconds:
            share = max(share, seconds / self._plan.seconds)
        share = min(share, 1.0)
        filled = int(share * BAR_WIDTH)
        of = "" if size == sizes.MAX_SIZE_BYTES else f" of {sizes.shown(size)}"
        return (
            f"{name:8} [{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {share:4.0%}  "
            f"{sizes.shown(done)}{of}  {sizes.rate(done, seconds)}"
        )


def _summary(done: str, size: int, seconds: float) -> str:
    return f"{done} {sizes.shown(size)} in {seconds:.3f} s ({sizes.rate(size, seconds)})"
