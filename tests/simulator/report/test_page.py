"""The report's page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from aiolibp2p.simulator.report import write_report
from aiolibp2p.simulator.report.page import MAX_PLOT_POINTS, MAX_ROWS, html
from aiolibp2p.simulator.report.plot import Axis, quantity
from aiolibp2p.simulator.scenario import RunOptions, RunResult
from simulator.sweep.fake_runs import fine, result_of, third_fails

VOID = {"meta"}


class Outline(HTMLParser):
    """Every element of a page; fails on one that is not closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.references: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.references += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    return found


def results(count: int) -> list[RunResult]:
    return [third_fails("fake", RunOptions(seed=seed)) for seed in range(1, count + 1)]


def test_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    page = Path(write_report(str(tmp_path / "deep" / "out"), results(5))).read_text(encoding="utf-8")
    found = outline(page)
    assert found.found.count("svg") == 3
    assert not found.references
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme:dark" in page
    assert "<b>ping_s</b> distribution" in page
    assert "<b>received_bytes</b> bandwidth over time" in page
    assert "<b>degree</b> histogram" in page


def test_text_is_escaped() -> None:
    assert "&lt;b&gt;message 7&lt;/b&gt; never came" in html(results(3))
    hostile = result_of(RunOptions())
    hostile.figures['<script>"&_s'] = [(1.0, 2.0)]
    hostile.figures["<script>"] = [(1.0, 2.0)]
    hostile.counters["<script>"] = 1
    assert "script" not in outline(html([hostile])).found


def test_the_same_as_data(tmp_path: Path) -> None:
    write_report(str(tmp_path), results(4))
    runs = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"]
    assert [run["seed"] for run in runs] == [1, 2, 3, 4]
    assert runs[2]["violations"] == [{"at_s": 12.25, "checker": "delivery", "what": "<b>message 7</b> never came"}]
    assert runs[0]["figures"]["degree"]["max"] == 4
    assert runs[0]["counters"] == {"pings": 49}


def test_it_does_not_grow_with_what_was_measured() -> None:
    small = fine("fake", RunOptions())
    large = fine("fake", RunOptions())
    for name, points in large.figures.items():
        large.figures[name] = [(at / 100, value + at % 977) for at in range(50_000) for _, value in points[:1]]
    assert len(html([large])) < len(html([small])) + 3 * 2 * MAX_PLOT_POINTS * 80
    assert outline(html([small] * (MAX_ROWS + 50))).found.count("tr") < MAX_ROWS + 10


def test_nothing_measured_and_nothing_run() -> None:
    bare = result_of(RunOptions())
    bare.figures.clear()
    assert "svg" not in outline(html([bare])).found
    outline(html([]))
    bare.figures.update({"a_s": [(0.0, 0.0)], "b_bytes": [(0.0, 0.0)], "c": [(0.0, 0.0)], "d_s": []})
    assert outline(html([bare])).found.count("svg") == 3


def test_ticks_are_round() -> None:
    assert Axis("", 0.0, 1.0).ticks() == [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert Axis("", 0.0, 47.0).ticks() == [0, 10, 20, 30, 40]
    assert quantity(0.0123, "s") == "12.3 ms"
    assert quantity(1_230_000, "B/s") == "1.23 MB/s"
