"""`p2p simulate`, run as a user runs it, on real hosts over a simulated network."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

SCENARIO = "connect-identify-ping"
BROKEN = '''
"""A scenario that does not hold."""


async def broken(simulation):
    """A node that is not there."""
    node = simulation.add_node()
    await node.start()
    await simulation.wait(simulation.random.uniform(1, 2))
    raise ValueError("nothing was <right>")
'''


def p2p(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiolibp2p", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def summaries(*arguments: str) -> list[dict[str, object]]:
    done = p2p(*arguments, "--json")
    assert done.returncode in {0, 1}, done.stderr
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_list_names_what_can_be_run() -> None:
    listed = [json.loads(line) for line in p2p("--list", "--json").stdout.splitlines()]
    assert SCENARIO in [line["scenario"] for line in listed]
    assert all(line["nodes"] >= 2 and line["summary"] for line in listed)


def test_a_run_is_the_same_in_every_process() -> None:
    arguments = (SCENARIO, "--nodes", "6", "--seeds", "1..3")
    here, there = summaries(*arguments, "--jobs", "1"), summaries(*arguments, "--jobs", "2")
    [alone] = summaries(SCENARIO, "--nodes", "6", "--seed", "2")
    traces = [line["trace_sha256"] for line in here]
    assert traces == [line["trace_sha256"] for line in there]
    assert traces[1] == alone["trace_sha256"]
    assert len(set(traces)) == 3
    assert not any(line["violations"] for line in here)


def test_a_failure_of_a_file_is_replayed_by_its_command(tmp_path: Path) -> None:
    file = tmp_path / "my scenarios.py"
    file.write_text(BROKEN)
    told = p2p(f"{file}:broken", "--seeds", "1..2", "--jobs", "2")
    assert told.returncode == 1
    assert not told.stderr
    assert "nothing was <right>" in told.stdout
    failed = summaries(f"{file}:broken", "--seeds", "1..2", "--jobs", "2")[1]
    program = shlex.split(str(failed["replay"]))
    assert program[:4] == [Path(sys.executable).name, "-m", "aiolibp2p", "simulate"]
    [again] = summaries(*program[4:])
    assert again["trace_sha256"] == failed["trace_sha256"]
    assert again["violations"] == failed["violations"]
    assert again["seed"] == 2


def test_a_report_of_real_runs(tmp_path: Path) -> None:
    assert p2p(SCENARIO, "--nodes", "6", "--seeds", "1..2", "--report", str(tmp_path)).returncode == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<b>ping_s</b> distribution" in page
    assert "<b>degree</b> histogram" in page


def test_wrong_usage_is_told_in_one_line() -> None:
    for arguments in ([], ["nope"], [SCENARIO, "--nodes", "1"], ["nowhere.toml"], ["nowhere.py:f"], ["--seeds", "1"]):
        done = p2p(*arguments)
        assert done.returncode == 2, arguments
        assert len(done.stderr.splitlines()) == 1
        assert not done.stdout
