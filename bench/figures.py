"""What is measured, and what we want of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.rows import Pair

WARM_UP_BYTES = 64 * 1024 * 1024
WARM_UP_S = 0.2
MOST_BYTES = 64 * 1024**3


@dataclass(frozen=True)
class Sample:
    """One round of one row. Processor time is of one operation (us), or of a GB (s)."""

    value: float
    client_cpu: float
    server_cpu: float


class Figure(Protocol):
    """One thing to measure."""

    @property
    def name(self) -> str:
        """What it is called in the output."""

    @property
    def title(self) -> str:
        """What it is called in the tables."""

    @property
    def unit(self) -> str:
        """Of the figure."""

    @property
    def cpu_unit(self) -> str:
        """Of the processor time beside it."""

    @property
    def more_is_better(self) -> bool:
        """It is a rate, not a time."""

    @property
    def rows(self) -> tuple[str, ...]:
        """Which rows it can be measured on."""

    @property
    def goals(self) -> Mapping[str, float]:
        """By row: how many times as good as go it has to be."""

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        """Warm a row up, and return what runs one round of about so many seconds."""


ALL_ROWS = ("raw", "ours-stdlib", "ours-uvloop", "go", "rust")
LIBRARIES = ("ours-stdlib", "ours-uvloop", "go", "rust")
FASTER_THAN_GO = {"ours-stdlib": 1.5, "ours-uvloop": 1.5}
NEAR_GO = {"ours-stdlib": 0.4, "ours-uvloop": 0.5}


@dataclass(frozen=True)
class Bulk:
    """One stream, one direction, as many bytes as take about the time asked for; writes of 64 KiB."""

    name: str
    title: str
    unit: str = "MB/s"
    cpu_unit: str = "s/GB"
    more_is_better: bool = True
    rows: tuple[str, ...] = ALL_ROWS
    goals: Mapping[str, float] = field(default_factory=lambda: FASTER_THAN_GO)

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        """See `Figure`."""
        self._transfer(pair, WARM_UP_BYTES // 4)
        rate = WARM_UP_BYTES / self._transfer(pair, WARM_UP_BYTES)
        size = min(max(int(rate * seconds), 1), MOST_BYTES)

        def one_round() -> Sample:
            client, server = pair.client.processor_s(), pair.server.processor_s()
            elapsed = self._transfer(pair, size)
            client, server = pair.client.processor_s() - client, pair.server.processor_s() - server
            return Sample(size / elapsed / 1e6, client / size * 1e9, server / size * 1e9)

        return one_round

    def _transfer(self, pair: Pair, size: int) -> float:
        sizes = {"upload_bytes": 0, "download_bytes": 0, f"{self.name}_bytes": size}
        return float(pair.client.ask("perf", address=pair.address, **sizes)[f"{self.name}_seconds"])


@dataclass(frozen=True)
class Rate:
    """Rounds of a `_rate` command of interop/README.md, for the time asked for."""

    name: str
    title: str
    command: str
    fields: Mapping[str, int]
    unit: str = "1/s"
    cpu_unit: str = "us"
    more_is_better: bool = True
    rows: tuple[str, ...] = LIBRARIES
    goals: Mapping[str, float] = field(default_factory=lambda: NEAR_GO)

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        """See `Figure`."""
        self._run(pair, min(WARM_UP_S, seconds))

        def one_round() -> Sample:
            client, server = pair.client.processor_s(), pair.server.processor_s()
            answer = self._run(pair, seconds)
            client, server = pair.client.processor_s() - client, pair.server.processor_s() - server
            count = answer["count"]
            value = count / answer["seconds"] if self.more_is_better else answer["p50_ms"]
            return Sample(value, client / count * 1e6, server / count * 1e6)

        return one_round

    def _run(self, pair: Pair, seconds: float) -> dict[str, Any]:
        return pair.client.ask(self.command, address=pair.address, seconds=seconds, **self.fields)


FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Bulk("upload", "one stream, upload"),
        Bulk("download", "one stream, download"),
        Rate("pings-1", "pings, 1 stream", "pings_rate", {"streams": 1}, rows=ALL_ROWS),
        Rate("pings-64", "pings, 64 streams", "pings_rate", {"streams": 64}),
        Rate("opens-1", "streams opened, one by one", "opens_rate", {"concurrency": 1}),
        Rate("opens-32", "streams opened, 32 at once", "opens_rate", {"concurrency": 32}),
        Rate("dial", "dial + upgrade + ping", "dials_rate", {"concurrency": 1}, "ms", "us", False, ALL_ROWS),
    )
}
