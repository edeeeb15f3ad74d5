"""The benches run end to end. What they measure here says nothing: the rounds are far too short."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m bench`."""
    command = [sys.executable, "-m", "bench", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def lines_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """What it printed."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("figure", ["upload", "pings-1", "dial"])
def test_a_figure_is_measured_on_our_rows_and_on_bare_sockets(figure: str) -> None:
    done = bench("--only", figure, "--rounds", "2", "--seconds", "0.02", "--rows", "raw,ours-stdlib")
    about, raw, ours, ratio = lines_of(done)
    assert "Python" in about["about"]
    assert [raw["row"], ours["row"]] == ["raw", "ours-stdlib"]
    assert ours["figure"] == figure
    assert len(ours["rounds"]) == 2
    assert ours["median"] > 0
    assert ours["cpu"]["client"] >= 0
    assert ratio["ratio"] == "ours-stdlib/raw"
    assert "met" not in ratio


def test_a_figure_nobody_knows_is_refused_with_the_list_of_those_there_are() -> None:
    done = bench("--only", "throughput")
    assert done.returncode == 2
    assert "upload" in done.stderr


def test_tables_come_from_lines_printed_earlier(tmp_path: Path) -> None:
    cpu = {"unit": "us", "client": 20.0, "server": 30.0}
    rows = {"ours-stdlib": 9000.0, "ours-uvloop": 14000.0, "go": 20000.0}
    lines: list[dict[str, Any]] = [
        {"figure": "pings-1", "row": row, "unit": "1/s", "median": value, "best": value, "rounds": [value], "cpu": cpu}
        for row, value in rows.items()
    ]
    lines += [
        {"figure": "pings-1", "ratio": "ours-stdlib/go", "value": 0.45, "goal": 0.4, "met": True},
        {"figure": "pings-1", "ratio": "ours-uvloop/go", "value": 0.49, "goal": 0.5, "met": False},
        {"figure": "import-time", "row": "ours-stdlib", "unit": "s", "median": 0.1, "goal": 0.15, "met": True},
    ]
    source = tmp_path / "lines.json"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    done = bench("--from", str(source))
    assert lines_of(done) == []
    assert "| pings, 1 stream, 1/s | 9,000 (9,000) | 14,000 (14,000) | 20,000 (20,000) | 0.45 | 0.49 (goal 0.5) |" in (
        done.stderr
    )
    assert "import-time: 0.1 s (goal 0.15, met)" in done.stderr
