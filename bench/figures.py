"""The figures that are measured; goals.py has what we want of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.goals import OURS
from bench.program import ProgramFailed
from bench.rows import Pair

WARM_UP_S = 0.2
FIRST_BYTES = 1024 * 1024
MOST_BYTES = 64 * 1024**3
CONNECTIONS = 1000
HOLD_TIMEOUT_S = 150.0


@dataclass(frozen=True)
class Sample:
    """One round of one row. Processor time is of one operation (us), or of a GB (s)."""

    value: float
    client_cpu: float
    server_cpu: float
    beside: Mapping[str, float] = field(default_factory=dict)
    """The other values of the round, by name and unit."""


class Figure(Protocol):
    """One thing to measure."""

    @property
    def name(self) -> str:
        """The figure's name in the output."""

    @property
    def title(self) -> str:
        """The figure's title in the tables."""

    @property
    def unit(self) -> str:
        """The unit of the figure."""

    @property
    def cpu_unit(self) -> str:
        """The unit of the processor time beside the figure; empty where it says nothing."""

    @property
    def more_is_better(self) -> bool:
        """Whether the figure is a rate, not a time or a size."""

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that it can be measured on."""

    @property
    def most_rounds(self) -> int:
        """The rounds past which more of them would tell nothing new."""

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        """Warm a row up, and return a function that runs one round of about `seconds` seconds. Raises ProgramFailed."""


LIBRARIES = ("ours-stdlib", "ours-uvloop", "go", "rust", "js", "py")
AND_RAW = ("raw", *LIBRARIES)
ALL_ROWS = ("raw", "noise", *LIBRARIES)
ALL_LAYERS = ("ours-stdlib", "ours-uvloop", "go", "rust", "js")
TLS = ("--security", "tls")
MPLEX = ("--muxer", "mplex")
ALWAYS = 1_000_000


class Meter:
    """Processor time of a pair's two sides since it was made."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._client, self._server = pair.client.processor_s(), pair.server.processor_s()

    def used(self) -> tuple[float, float]:
        """Return the seconds that the client and the server have used."""
        return self._pair.client.processor_s() - self._client, self._pair.server.processor_s() - self._server


@dataclass(frozen=True)
class Bulk:
    """Bulk data on one stream, in one direction, as much as takes about the time asked for."""

    name: str
    title: str
    direction: str
    chunk: int = 64 * 1024
    rows: tuple[str, ...] = ALL_ROWS
    flags: tuple[str, ...] = ()
    unit: str = "MB/s"
    cpu_unit: str = "s/GB"
    more_is_better: bool = True
    most_rounds: int = ALWAYS

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        pair = pair.over(self.flags)
        size = self.warmed_up(pair, seconds)

        def one_round() -> Sample:
            meter = Meter(pair)
            elapsed = self.transfer(pair, size)
            client, server = meter.used()
            return Sample(size / elapsed / 1e6, client / size * 1e9, server / size * 1e9)

        return one_round

    def warmed_up(self, pair: Pair, seconds: float) -> int:
        """Return how many bytes take about `seconds` seconds on this pair, which has been warmed up."""
        size, elapsed = FIRST_BYTES, self.transfer(pair, FIRST_BYTES)
        while elapsed < min(WARM_UP_S, seconds) and size < MOST_BYTES:
            size *= 4
            elapsed = self.transfer(pair, size)
        return min(max(int(size / elapsed * seconds), 1), MOST_BYTES)

    def transfer(self, pair: Pair, size: int) -> float:
        """Move `size` bytes; return the seconds that took. Raises ProgramFailed."""
        fields = {"upload_bytes": 0, "download_bytes": 0, f"{self.direction}_bytes": size}
        if self.chunk != Bulk.chunk:
            fields["chunk"] = self.chunk
        answer = pair.client.ask("perf", address=pair.address, **fields)
        if answer.get("chunk", Bulk.chunk) != self.chunk:
            raise ProgramFailed("its perf does not take the size of a write")
        return float(answer[f"{self.direction}_seconds"])


@dataclass(frozen=True)
class Share:
    """Bulk data over other layers, as a share of bulk data without them, both in one round and by turns."""

    name: str
    title: str
    flags: tuple[str, ...]
    names: tuple[str, str]
    """The names of the two: the one measured, the one it is a share of."""
    rows: tuple[str, ...] = OURS
    unit: str = "share"
    cpu_unit: str = ""
    more_is_better: bool = True
    most_rounds: int = ALWAYS

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        """Warm a row up. Each direction has half of a round; which one goes first changes with each round."""
        bulks = [Bulk(direction, direction, direction) for direction in ("upload", "download")]
        other = pair.over(self.flags)
        sizes = [self._size(bulk, (other, pair), seconds / 4) for bulk in bulks]

        def one_round() -> Sample:
            (up, down), (up_size, down_size) = bulks, sizes
            base = up.transfer(pair, up_size)
            over = up.transfer(other, up_size) + down.transfer(other, down_size)
            base += down.transfer(pair, down_size)
            rates = [sum(sizes) / elapsed / 1e6 for elapsed in (over, base)]
            beside = {f"{name} MB/s": rate for name, rate in zip(self.names, rates, strict=True)}
            return Sample(rates[0] / rates[1], 0.0, 0.0, beside)

        return one_round

    def _size(self, bulk: Bulk, pairs: Sequence[Pair], seconds: float) -> int:
        """Return the same size for both directions, so that they move the same bytes."""
        return sum(bulk.warmed_up(pair, seconds) for pair in pairs) // len(pairs)


@dataclass(frozen=True)
class Rate:
    """Rounds of a `_rate` command of interop/README.md, for the time asked for."""

    name: str
    title: str
    command: str
    fields: Mapping[str, int]
    rows: tuple[str, ...] = LIBRARIES
    unit: str = "1/s"
    cpu_unit: str = "us"
    flags: tuple[str, ...] = ()
    most_rounds: int = ALWAYS

    @property
    def more_is_better(self) -> bool:
        """Whether more is better: of a rate it is, of the time of one round it is not."""
        return self.unit == "1/s"

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        pair = pair.over(self.flags)
        self._run(pair, min(WARM_UP_S, seconds))

        def one_round() -> Sample:
            meter = Meter(pair)
            answer = self._run(pair, seconds)
            client, server = meter.used()
            count = answer["count"]
            value = count / answer["seconds"] if self.more_is_better else answer["p50_ms"]
            beside = dict(_beside(answer, self.more_is_better))
            return Sample(value, client / count * 1e6, server / count * 1e6, beside)

        return one_round

    def _run(self, pair: Pair, seconds: float) -> dict[str, Any]:
        return pair.client.ask(self.command, address=pair.address, seconds=seconds, **self.fields)


def _beside(answer: Mapping[str, Any], rate: bool) -> Iterator[tuple[str, float]]:
    if not rate:
        yield "p99 ms", answer["p99_ms"]
    if "bulk_bytes" in answer:
        yield "bulk MB/s", answer["bulk_bytes"] / answer["seconds"] / 1e6


@dataclass(frozen=True)
class Connections:
    """Many idle connections between two fresh processes: what one costs in memory, on the side where it costs more."""

    name: str = "connection"
    title: str = "memory of an idle connection"
    rows: tuple[str, ...] = LIBRARIES
    unit: str = "kB"
    cpu_unit: str = "us"
    more_is_better: bool = False
    most_rounds: int = 1

    def prepare(self, pair: Pair, seconds: float) -> Callable[[], Sample]:
        """Warm a row up. What the first connections leave behind for good is no cost of the others."""
        count = max(int(CONNECTIONS * min(seconds, 1.0)), 8)

        def one_round() -> Sample:
            with pair.again() as fresh:
                self._hold(fresh, 8)
                fresh.client.ask("release_connections")
                before = fresh.server.ask("memory")["rss_bytes"]
                meter = Meter(fresh)
                held = self._hold(fresh, count)
                client_cpu, server_cpu = meter.used()
                accepted = fresh.server.ask("memory")["rss_bytes"] - before
                dialled = held["rss_after_bytes"] - held["rss_before_bytes"]
            number = held["count"]
            sides = {"dialled kB": dialled / number / 1e3, "accepted kB": accepted / number / 1e3}
            beside = {**sides, "connections": number, "in s": held["seconds"]}
            return Sample(max(sides.values()), client_cpu / number * 1e6, server_cpu / number * 1e6, beside)

        return one_round

    def _hold(self, pair: Pair, count: int) -> dict[str, Any]:
        fields = {"address": pair.address, "count": count, "concurrency": 8}
        return pair.client.ask("hold_connections", HOLD_TIMEOUT_S, **fields)


FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Bulk("upload", "one stream, upload", "upload"),
        Bulk("download", "one stream, download", "download"),
        Bulk("writes-1k", "one stream, writes of 1 KiB", "upload", 1024, AND_RAW),
        Bulk("writes-4k", "one stream, writes of 4 KiB", "upload", 4096, AND_RAW),
        Rate("pings-1", "pings, 1 stream", "pings_rate", {"streams": 1}, AND_RAW),
        Rate("pings-64", "pings, 64 streams", "pings_rate", {"streams": 64}),
        Rate("bulk-pings", "ping beside an upload", "bulk_pings_rate", {}, unit="ms", cpu_unit=""),
        Rate("opens-1", "streams opened, one by one", "opens_rate", {"concurrency": 1}),
        Rate("opens-32", "streams opened, 32 at once", "opens_rate", {"concurrency": 32}),
        Rate("dial", "dial + upgrade + ping", "dials_rate", {"concurrency": 1}, AND_RAW, "ms"),
        Rate("dials-8", "dials + upgrades + pings, 8 at once", "dials_rate", {"concurrency": 8}),
        Connections(),
        Bulk("upload-tls", "one stream, upload, TLS", "upload", rows=ALL_LAYERS, flags=TLS),
        Bulk("download-tls", "one stream, download, TLS", "download", rows=ALL_LAYERS, flags=TLS),
        Share("tls-of-noise", "one stream, TLS of noise", TLS, ("TLS", "noise")),
        Rate("dials-8-tls", "dials, 8 at once, TLS", "dials_rate", {"concurrency": 8}, ALL_LAYERS, flags=TLS),
        Bulk("upload-mplex", "one stream, upload, mplex", "upload", rows=ALL_LAYERS, flags=MPLEX),
        Bulk("download-mplex", "one stream, download, mplex", "download", rows=ALL_LAYERS, flags=MPLEX),
    )
}
