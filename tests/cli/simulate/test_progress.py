"""The bar of a sweep."""

from __future__ import annotations

import sys

import pytest

from aiolibp2p.cli.simulate.progress import BAR_EVERY_S, Progress


class Clock:
    """A clock of the test's own."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Terminal:
    """Takes what is printed, and says it is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stderr a terminal. A fixture would not do: pytest sets stderr anew between a fixture and its test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return terminal


def test_what_it_says() -> None:
    clock = Clock()
    progress = Progress(4, False, clock)
    assert progress.line().startswith("[........................] 0/4 runs")
    clock.seconds += 60
    progress.moved(3, 12.5)
    progress.ended(False)
    progress.ended(True)
    assert progress.line() == "[############............] 2/4 runs  1 failed  seed 3 at 12.5 virtual s  1 min 00 s left"
    clock.seconds += 7200
    assert progress.line().endswith("2 h 01 min left")


def test_a_single_run_has_no_bar() -> None:
    clock = Clock()
    progress = Progress(1, False, clock)
    progress.moved(7, 3.25)
    clock.seconds += 2
    assert progress.line() == "seed 7 at 3.2 virtual s  2 s passed"


def test_it_is_drawn_on_a_terminal_but_not_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    clock = Clock()
    progress = Progress(4, True, clock)
    for _ in range(100):
        progress.moved(1, 1.0)
    assert terminal.text.count("runs") == 1
    clock.seconds += BAR_EVERY_S
    progress.ended(False)
    assert terminal.text.count("runs") == 2
    progress.clear()
    assert terminal.text.endswith("\r\x1b[K")


def test_it_is_for_people_and_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    Progress(4, False, Clock()).ended(False)
    monkeypatch.setenv("TERM", "dumb")
    progress = Progress(4, True, Clock())
    progress.ended(False)
    progress.clear()
    assert not terminal.text
