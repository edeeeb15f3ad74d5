"""The benches run end to end. What they measure here says nothing: the rounds are far too short."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "explanation"
RATES = ["pings-1", "pings-64", "bulk-pings", "opens-1", "opens-32", "dial", "dials-8"]
OTHER_LAYERS = ["upload-tls", "download-tls", "dials-8-tls", "upload-mplex", "download-mplex"]

Line = dict[str, Any]


def bench(*options: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `python -m bench`."""
    command = [sys.executable, "-m", "bench", *options]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=50, check=False)


def tiny(figures: str, rows: str) -> list[Line]:
    """Return the output of a bench whose rounds are as short as can be."""
    done = bench("--only", figures, "--rows", rows, "--rounds", "2", "--seconds", "0.02")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def medians(lines: list[Line]) -> dict[tuple[str, str], Line]:
    """The measured cells, by figure and row."""
    return {(line["figure"], line["row"]): line for line in lines if "median" in line}


def test_bulk_is_measured_on_our_rows_and_against_bare_and_sealed_sockets() -> None:
    lines = tiny("upload,download,writes-1k,writes-4k", "raw,noise,ours-stdlib")
    cells = medians(lines)
    assert set(cells) == {
        *((figure, row) for figure in ("upload", "download") for row in ("raw", "noise", "ours-stdlib")),
        *((figure, row) for figure in ("writes-1k", "writes-4k") for row in ("raw", "ours-stdlib")),
    }
    for cell in cells.values():
        assert len(cell["rounds"]) == 2
        assert cell["median"] > 0
        assert cell["cpu"]["both"] >= 0
    about, *_, end = lines
    assert {"Python", "load at the start"} <= set(about["about"])
    assert "load at the end" in end["about"]
    beside = [line["figure"] for line in lines if "machine" in line]
    assert beside == (["upload", "download", "writes-1k", "writes-4k"] if Path("/proc/stat").exists() else [])
    upload = [line for line in lines if line.get("figure") == "upload" and "goal" in line]
    goals = {(line["ratio"], line["of"]): line["goal"] for line in upload}
    assert goals.pop(("ours-stdlib/noise", "value")) == 0.7
    assert goals in ({}, {("ours-stdlib/noise", "cpu"): 1.45})  # a round as short as this may cost no tick


def test_rates_are_measured_with_their_latencies() -> None:
    lines = tiny(",".join(RATES), "ours-stdlib")
    cells = medians(lines)
    assert [figure for figure, _row in cells] == RATES
    assert all(cell["median"] > 0 for cell in cells.values())
    beside = cells["bulk-pings", "ours-stdlib"]["beside"]
    assert beside["p99 ms"] >= cells["bulk-pings", "ours-stdlib"]["best"]
    assert beside["bulk MB/s"] > 0
    assert cells["bulk-pings", "ours-stdlib"]["goal"] == 1.0
    assert cells["dial", "ours-stdlib"]["unit"] == "ms"


def test_other_layers_are_measured_on_the_same_row() -> None:
    lines = tiny("upload,upload-tls,download-tls,dials-8-tls,upload-mplex,download-mplex", "ours-stdlib")
    cells = medians(lines)
    assert [figure for figure, _row in cells] == ["upload", *OTHER_LAYERS]
    assert all(cell["median"] > 0 for cell in cells.values())
    assert not [line for line in lines if "left_out" in line]


def test_tls_is_measured_as_a_share_of_noise_in_the_same_rounds() -> None:
    cells = medians(tiny("tls-of-noise", "noise,ours-stdlib"))
    assert list(cells) == [("tls-of-noise", "ours-stdlib")]
    cell = cells["tls-of-noise", "ours-stdlib"]
    assert cell["goal"] == 0.8
    assert cell["met"] == (cell["median"] >= 0.8)
    assert set(cell["beside"]) == {"TLS MB/s", "noise MB/s"}


OVER = """
import json
from bench.program import ProgramFailed
from bench.rows import running

def answer(client, address):
    try:
        return client.ask("perf", address=address, upload_bytes=1, download_bytes=1)["ok"]
    except ProgramFailed:
        return False

tls = ("--security", "tls")
with running("ours-stdlib") as pair:
    kept = [pair.over(tls) is pair.over(tls), pair.over(()) is pair]
    other = pair.over(tls)
    pairs = [(one, another) for one in (pair, other) for another in (pair, other)]
    talks = [answer(one.client, another.address) for one, another in pairs]
    other.client.close()
    anew = pair.over(tls)
    again = [anew is other, answer(anew.client, anew.address)]
running_after = [one.client.running or one.server.running for one in (pair, other, anew)]
print(json.dumps([kept, talks, again, running_after]))
"""


def test_a_pair_over_other_layers_speaks_these_alone_is_kept_and_ends_with_the_first() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OVER], cwd=ROOT, capture_output=True, text=True, timeout=50, check=True
    )
    kept, talks, again, running = json.loads(done.stdout)
    assert kept == [True, True]
    assert talks == [True, False, False, True]
    assert again == [False, True]
    assert running == [False, False, False]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_memory_of_a_connection_is_told_for_each_side() -> None:
    cell = medians(tiny("connection", "ours-stdlib"))["connection", "ours-stdlib"]
    assert cell["beside"]["connections"] == 20
    assert cell["median"] == max(cell["beside"]["dialled kB"], cell["beside"]["accepted kB"])
    assert cell["goal"] == 25.0


def test_import_time_and_idle_memory_have_goals_of_their_own() -> None:
    cells = medians(tiny("footprint", "raw"))
    assert cells["import-time", "ours-stdlib"]["goal"] == 0.15
    assert cells["import-time", "ours-stdlib"]["median"] > 0
    if sys.platform == "linux":
        assert cells["idle-rss", "ours-stdlib"]["median"] > 5


LACKING = """
import json, sys
if "--security" in sys.argv:
    sys.exit(2)
print(json.dumps({"event": "listening", "addresses": ["/ip4/127.0.0.1/tcp/1"]}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    known = {"usage": {"user_seconds": 0, "system_seconds": 0}, "perf": {"upload_seconds": 1}}.get(request["cmd"])
    answer = {"ok": True, **known} if known else {"ok": False, "error": "no such command", "kind": "bad_command"}
    print(json.dumps({"id": request["id"], **answer}), flush=True)
    if request["cmd"] == "opens_rate":
        sys.exit(1)
"""

WITH_A_LACKING_PEER = """
import sys
from bench import __main__ as bench, rows

def missing(profiles):
    raise rows.RowMissing("nobody has a compiler here")

program = [sys.executable, "-c", sys.argv.pop(1)]
rows.ROWS["rust"] = lambda profiles: rows.Commands(program, program)
rows.ROWS["js"] = missing
sys.exit(bench.main())
"""


def test_what_a_peer_cannot_do_and_a_peer_that_cannot_be_had_are_left_out_with_the_reason() -> None:
    command = [sys.executable, "-c", WITH_A_LACKING_PEER, LACKING, "--rows", "ours-stdlib,rust,js", "--rounds", "1"]
    command += ["--seconds", "0.02", "--only", "upload,upload-tls,writes-1k,opens-1,pings-1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    ours = [(figure, "ours-stdlib") for figure in ("upload", "upload-tls", "writes-1k", "opens-1", "pings-1")]
    assert set(medians(lines)) == {("upload", "rust"), *ours}
    reasons = {(line.get("figure"), line["row"]): line["left_out"] for line in lines if "left_out" in line}
    assert reasons.pop((None, "js")) == "nobody has a compiler here"
    assert "rust --security tls server gave no answer to start" in reasons.pop(("upload-tls", "rust"))
    assert "size of a write" in reasons.pop(("writes-1k", "rust"))
    assert set(reasons) == {("opens-1", "rust"), ("pings-1", "rust")}
    assert all("no such command" in reason for reason in reasons.values())
    assert "left out: opens-1 of rust" in done.stderr


def cell(figure: str, row: str, median: float, **more: Any) -> Line:
    """A measured cell."""
    cpu = {"unit": "us", "client": 20.0, "server": 30.0, "both": 50.0}
    return {
        "figure": figure,
        "row": row,
        "unit": "1/s",
        "median": median,
        "best": median,
        "rounds": [median],
        "cpu": cpu,
        **more,
    }


LINES: list[Line] = [
    {"about": {"date": "2026-01-01", "load at the start": 0.1}},
    cell("pings-1", "ours-stdlib", 9000.0),
    cell("pings-1", "ours-uvloop", 14000.0),
    cell("pings-1", "go", 20000.0),
    {"figure": "pings-1", "ratio": "ours-stdlib/go", "of": "value", "value": 0.45, "goal": 0.4, "met": True},
    {"figure": "pings-1", "ratio": "ours-uvloop/go", "of": "value", "value": 0.7, "goal": 0.8, "met": False},
    {"figure": "pings-1", "machine": {"others": 0.31, "steal": 0.0, "busy": True}},
    {"figure": "pings-1", "row": "rust", "left_out": "no compiler"},
]


def from_files(*texts: str, home: Path) -> str:
    """The tables of lines printed earlier, in several files."""
    files = [home / f"{number}.jsonl" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8")
    done = bench("--from", *map(str, files))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def as_text(lines: list[Line]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_tables_mark_goals_busy_figures_and_what_was_left_out(tmp_path: Path) -> None:
    own = [
        cell("tls-of-noise", "ours-stdlib", 0.75, beside={"noise MB/s": 400.0}, goal=0.8, met=False),
        cell("connection", "ours-stdlib", 20.0, goal=25.0, met=True),
    ]
    said = from_files(as_text(LINES + own), home=tmp_path)
    assert "| pings, 1 stream, 1/s † | 9,000 (9,000) | 14,000 (14,000) | 20,000 (20,000) |" in said
    assert "| one stream, TLS of noise, share | ours-stdlib | 0.75 | ≥ 0.8 **not met** | noise MB/s 400 |" in said
    assert "not met: tls-of-noise ours-stdlib: 0.75, goal 0.8" in said
    assert "| memory of an idle connection, kB | ours-stdlib | 20 | ≤ 25 met |  |" in said
    assert "| pings, 1 stream, ours-stdlib | 0.45 (≥ 0.4 met) |" in said
    assert "| pings, 1 stream, ours-uvloop | 0.70 (≥ 0.8 **not met**) |" in said
    assert "pings-1 31% taken by others" in said
    assert "left out: pings-1 of rust: no compiler" in said
    assert "not met: pings-1 ours-uvloop/go: 0.7, goal 0.8" in said


def ratios(
    figure: str, rising: bool, cells: list[Line]
) -> dict[tuple[str, str], tuple[float, float | None, bool | None]]:
    """Value, goal and verdict of each ratio of these cells."""
    code = "import json, sys; from bench import report\n"
    code += "print(json.dumps(list(report.ratio_lines(sys.argv[1], sys.argv[2] == 'True', json.loads(sys.argv[3])))))"
    command = [sys.executable, "-c", code, figure, str(rising), json.dumps(cells)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    lines = json.loads(done.stdout)
    return {(line["ratio"], line["of"]): (line["value"], line.get("goal"), line.get("met")) for line in lines}


def test_a_rate_is_better_when_it_is_higher_and_a_time_when_it_is_lower() -> None:
    rates = [cell("dials-8", "ours-uvloop", 990.0), cell("dials-8", "go", 1000.0), cell("dials-8", "py", 16.0)]
    found = ratios("dials-8", True, rates)
    assert found == {
        ("ours-uvloop/go", "value"): (0.99, 1.0, False),
        ("ours-uvloop/py", "value"): (61.875, 2.0, True),
    }
    times = [cell("dial", "ours-stdlib", 2.0), cell("dial", "go", 2.0), cell("dial", "rust", 1.0)]
    assert ratios("dial", False, times) == {
        ("ours-stdlib/go", "value"): (1.0, 1.0, True),
        ("ours-stdlib/rust", "value"): (0.5, None, None),
    }


def test_loops_have_goals_of_their_own_and_processor_time_has_most_it_may_be() -> None:
    pings = [cell("pings-64", row, 80.0) for row in ("ours-stdlib", "ours-uvloop")]
    found = ratios("pings-64", True, [*pings, cell("pings-64", "rust", 100.0)])
    assert found == {
        ("ours-stdlib/rust", "value"): (0.8, 0.7, True),
        ("ours-uvloop/rust", "value"): (0.8, 1.0, False),
    }
    cheap = cell("upload", "ours-uvloop", 2000.0) | {"cpu": {"both": 0.9}}
    dear = cell("upload", "noise", 2500.0) | {"cpu": {"both": 0.6}}
    assert ratios("upload", True, [cheap, dear, cell("upload", "go", 1000.0) | {"cpu": {"both": 1.5}}]) == {
        ("ours-uvloop/noise", "value"): (0.8, 0.7, True),
        ("ours-uvloop/go", "value"): (2.0, 1.5, True),
        ("ours-uvloop/noise", "cpu"): (1.5, 1.45, False),
        ("ours-uvloop/go", "cpu"): (0.6, 0.7, True),
    }


def test_other_layers_have_goals_against_go_and_rust() -> None:
    both = [cell("any", "ours-stdlib", 100.0), cell("any", "go", 100.0), cell("any", "rust", 125.0)]
    tls = {("ours-stdlib/go", "value"): (1.0, 1.0, True), ("ours-stdlib/rust", "value"): (0.8, 1.0, False)}
    go_alone = {**tls, ("ours-stdlib/rust", "value"): (0.8, None, None)}
    assert {figure: ratios(figure, True, both) for figure in OTHER_LAYERS} == {
        "upload-tls": tls,
        "download-tls": tls,
        "dials-8-tls": go_alone,
        "upload-mplex": go_alone,
        "download-mplex": go_alone,
    }


def test_lines_of_several_runs_merge_and_the_last_run_of_a_figure_counts(tmp_path: Path) -> None:
    again = [{"about": {"date": "2026-01-02"}}, cell("pings-1", "go", 1.0), cell("opens-1", "go", 3.0)]
    said = from_files(as_text(LINES), as_text(again), home=tmp_path)
    assert "date 2026-01-01" in said
    assert "date 2026-01-02" in said
    assert "| pings, 1 stream, 1/s | 1 (1) |" in said
    assert "| streams opened, one by one, 1/s | 3 (3) |" in said
    assert "9,000" not in said


BESIDE = """
import json, sys
from bench.machine import Counters, beside
before, after = (Counters(clock, busy, stolen, 2) for clock, busy, stolen in ((5.0, 100.0, 1.0), (15.0, 112.0, 1.0)))
stolen = Counters(15.0, 112.0, 1.5, 2)
print(json.dumps([beside(before, after, 9.0), beside(before, after, 11.5), beside(before, stolen, 12.0)]))
"""


def test_a_figure_is_busy_when_others_took_time_or_the_hypervisor_withheld_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BESIDE], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert json.loads(done.stdout) == [
        {"others": 0.15, "steal": 0.0, "busy": True},
        {"others": 0.025, "steal": 0.0, "busy": False},
        {"others": 0.0, "steal": 0.025, "busy": True},
    ]


def test_a_figure_nobody_knows_is_refused_with_the_list_of_those_there_are() -> None:
    done = bench("--only", "throughput")
    assert done.returncode == 2
    assert "upload" in done.stderr
