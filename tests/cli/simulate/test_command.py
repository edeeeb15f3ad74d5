"""`p2p simulate`, over runs that cost nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.simulate.outcome import MAX_SHOWN_FAILURES
from aiolibp2p.cli.simulate.table import MAX_ROWS
from cli.simulate import fake_command
from cli.simulate.fake_command import simulate
from simulator.sweep.fake_runs import fine, second_dies, third_fails

Lines = list[dict[str, object]]
Captured = pytest.CaptureFixture[str]


def printed(capsys: Captured) -> Lines:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_list(capsys: Captured) -> None:
    assert simulate(fine, "--list") == 0
    assert capsys.readouterr().out.splitlines()[0] == "fake     10 nodes  full  Nothing at all."
    assert simulate(fine, "--list", "--json") == 0
    assert printed(capsys) == [{"scenario": "fake", "summary": "Nothing at all.", "nodes": 10, "fidelity": "full"}]


def test_one_run(capsys: Captured) -> None:
    assert simulate(fine, "fake", "--seed", "7", "--nodes", "20", "--fidelity", "fast", "--json") == 0
    [summary] = printed(capsys)
    assert summary == {
        "event": "summary",
        "scenario": "fake",
        "seed": 7,
        "nodes": 20,
        "fidelity": "fast",
        "virtual_s": 67.0,
        "wall_s": 0.5,
        "events": 700,
        "trace_sha256": f"{7:064x}",
        "violations": [],
    }


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_sweep_tells_each_run_in_order_and_the_first_failure_last(capsys: Captured, jobs: str) -> None:
    assert simulate(third_fails, "fake", "--seeds", "1..6", "--jobs", jobs, "--json") == 1
    lines = printed(capsys)
    assert [line["seed"] for line in lines] == [1, 2, 3, 4, 5, 6, 3]
    assert {line["event"] for line in lines} == {"summary"}
    assert lines[-1] == lines[2]
    assert lines[-1]["violations"] == [{"at_s": 12.25, "checker": "delivery", "what": "<b>message 7</b> never came"}]
    assert str(lines[-1]["replay"]).endswith(" simulate fake --seed 3")
    assert simulate(third_fails, "fake", "--seeds", "1..3", "--jobs", jobs, "--json") == 1
    assert [line["seed"] for line in printed(capsys)] == [1, 2, 3]


def test_a_failure_is_told_with_its_replay(capsys: Captured) -> None:
    arguments = ["my file.toml", "--seeds", "1..4", "--nodes", "12", "--fidelity", "fast", "--jobs", "1"]
    assert simulate(third_fails, *arguments) == 1
    told = capsys.readouterr().out
    assert "seed 3: 1 violation\n  at 12.250000 s  delivery: <b>message 7</b> never came\n" in told
    assert "    2.5 something worse happened\n" in told
    assert "simulate 'my file.toml' --seed 3 --nodes 12 --fidelity fast\n" in told
    assert "4 runs, 1 failed" in told


def test_a_table_for_people(capsys: Captured) -> None:
    assert simulate(fine, "fake", "--seeds", "1..2", "--jobs", "1") == 0
    told = capsys.readouterr().out
    assert "2     ok          62.000    0.50     200  000000000000" in told
    assert "ping_s" in told
    assert "fake, 10 nodes, full: 2 runs, all held; 123.0 virtual s in" in told
    assert "replay" not in told


def test_long_sweeps_are_told_in_short(capsys: Captured) -> None:
    assert simulate(fine, "fake", "--seeds", f"1..{MAX_ROWS + 5}", "--jobs", "1") == 0
    told = capsys.readouterr().out
    assert "... and 5 runs more" in told
    assert MAX_SHOWN_FAILURES < MAX_ROWS


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_process_that_dies_is_a_failed_run(capsys: Captured) -> None:
    assert simulate(second_dies, "fake", "--seeds", "1..3", "--jobs", "2", "--json") == 1
    lines = printed(capsys)
    assert [line["seed"] for line in lines] == [1, 2, 3, 2]


def test_the_report(tmp_path: Path, capsys: Captured) -> None:
    directory = tmp_path / "out"
    assert simulate(fine, "fake", "--seeds", "1..3", "--report", str(directory), "--jobs", "1") == 0
    assert f"report: {directory / 'index.html'}\n" in capsys.readouterr().out
    assert len(json.loads((directory / "results.json").read_text())["runs"]) == 3


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "--list shows what there is"),
        (["fake", "--list"], "takes no scenario"),
        (["missing"], "there is: fake"),
        (["fake", "--nodes", "0"], "from 1 to"),
        (["fake", "--nodes", "2"], "at least 3 nodes"),
        (["fake", "--jobs", "0"], "from 1 to"),
        (["fake", "--fidelity", "best"], "full or fast"),
        (["fake", "--seed", "x"], "a number from 0 up"),
        (["fake", "--seeds", "9..1"], "1..9?"),
        (["fake", "--report", ""], "its name is empty"),
    ],
)
def test_wrong_usage(arguments: list[str], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        simulate(fine, *arguments)
    assert hint in str(caught.value)


def test_the_simulator_is_loaded_by_its_command_only() -> None:
    script = "import sys; from aiolibp2p.cli.main import main; print(main(['simulate']), sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=40, check=False)
    assert done.stdout.startswith("2 ")
    assert "aiolibp2p.cli.simulate.command" in done.stdout
    assert "aiolibp2p.simulator" not in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs signals and process groups")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_signal_ends_it_and_its_processes(number: signal.Signals, status: int, jobs: int, tmp_path: Path) -> None:
    command = [sys.executable, fake_command.__file__, "never_ends", str(tmp_path), "--seeds", "1..9"]
    with subprocess.Popen(
        [*command, "--jobs", str(jobs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        workers = [int(process.stdout.readline().split()[1]) for _ in range(jobs)]
        if number == signal.SIGINT:
            # As a terminal does: to all of them.
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == status, errors
    assert not errors
    assert "Traceback" not in output
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


@pytest.mark.skipif(os.name == "nt", reason="needs signals and process groups")
def test_ctrl_c_while_processes_start(tmp_path: Path) -> None:
    command = [sys.executable, fake_command.__file__, "never_ends", str(tmp_path), "--seeds", "1..9", "--jobs", "8"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert not errors
