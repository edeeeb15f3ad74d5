from __future__ import annotations

import json

import pytest

from aiolibp2p.cli.perf import progress
from aiolibp2p.cli.perf.progress import Plan, Report
from aiolibp2p.cli.perf.sizes import MAX_SIZE_BYTES
from aiolibp2p.protocols.perf import PerfResult


class Clock:
    """Moved by the test."""

    time = 10.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def line(kind: str, seconds: float, uploaded: int, downloaded: int) -> dict[str, object]:
    return {"type": kind, "timeSeconds": seconds, "uploadBytes": uploaded, "downloadBytes": downloaded}


def test_each_line_says_what_passed_since_the_one_before(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Plan(100, 50, None), True, clock)
    assert report.next_tick_s() == 1
    report.moved(30, 0)
    clock.time = 10.9
    report.tick()
    assert capsys.readouterr().out == ""
    clock.time = 11.25
    assert report.next_tick_s() == 0
    report.tick()
    assert report.next_tick_s() == 0.75
    report.tick()
    report.moved(100, 0)
    report.moved(100, 7)
    clock.time = 12
    report.tick()
    clock.time = 15.5
    report.tick()
    assert report.next_tick_s() == 0.5
    report.finished(PerfResult(100, 50, 0.5, 3.0, 2.25))
    output = capsys.readouterr()
    assert lines(output.out) == [
        line("intermediary", 1.25, 30, 0),
        line("intermediary", 0.75, 70, 7),
        line("intermediary", 3.5, 0, 0),
        line("final", 5.75, 100, 50),
    ]
    assert output.err.splitlines() == [
        "connected in 500.0 ms",
        "uploaded 100 B in 3.000 s (33 B/s)",
        "downloaded 50 B in 2.250 s (22 B/s)",
    ]


def test_nothing_for_people_when_programs_read(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Plan(0, 0, None), False, clock)
    report.finished(PerfResult(0, 0, 0.5, 0.1, 0.0))
    report.stopped()
    output = capsys.readouterr()
    assert lines(output.out) == [line("final", 0.6, 0, 0)]
    assert output.err == ""


def test_an_end_before_the_end_says_how_far_it_came(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(Plan(10_000, 0, None), True, clock)
    report.moved(5000, 0)
    clock.time += 2.5
    report.stopped()
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "stopped after 2.5 s: 5.00 kB uploaded, 0 B downloaded\n"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, term: str = "xterm") -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "100")


def test_the_bar_fills(clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    on_a_terminal(monkeypatch)
    report = Report(Plan(1000, 400, None), True, clock)
    report.moved(500, 0)
    clock.time += 0.5
    assert report.next_tick_s() == progress.BAR_EVERY_S
    report.tick()
    assert capsys.readouterr().err == "\r\x1b[Kupload   [############............]  50%  500 B of 1.00 kB  1.00 kB/s"
    report.moved(1000, 100)
    clock.time += 0.25
    report.tick()
    assert capsys.readouterr().err == "\r\x1b[Kdownload [######..................]  25%  100 B of 400 B  400 B/s"
    clock.time += 0.25
    report.tick()
    output = capsys.readouterr()
    assert output.err.startswith("\r\x1b[K")
    assert lines(output.out) == [line("intermediary", 1.0, 1000, 100)]


def test_the_bar_of_a_timed_run_follows_the_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch)
    report = Report(Plan(MAX_SIZE_BYTES, MAX_SIZE_BYTES, 2.0), True, clock)
    report.moved(500, 0)
    clock.time += 0.5
    report.tick()
    assert capsys.readouterr().err == "\r\x1b[Kupload   [######..................]  25%  500 B  1.00 kB/s"
    monkeypatch.setenv("COLUMNS", "20")
    report.tick()
    assert capsys.readouterr().err == "\r\x1b[Kupload   [######..."
    clock.time += 0.4
    report.stopped()
    assert capsys.readouterr().err == "\r\x1b[Kstopped after 0.9 s: 500 B uploaded, 0 B downloaded\n"


def test_a_terminal_that_cannot_draw_gets_no_bar(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch, "dumb")
    report = Report(Plan(1000, 0, None), True, clock)
    assert report.next_tick_s() == 1
    report.tick()
    assert capsys.readouterr().err == ""
