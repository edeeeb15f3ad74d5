"""A sweep over processes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from aiolibp2p.simulator.sweep.processes import default_jobs, run_in_processes
from aiolibp2p.simulator.sweep.runs import LOST, Sweep
from simulator.sweep import fake_runs


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_seed_runs_once_and_alike(jobs: int) -> None:
    sweep = Sweep("fake", range(1, 8), nodes=5, fidelity="fast")
    results = list(run_in_processes(sweep, jobs, run=fake_runs.fine))
    assert sorted(result.options.seed for result in results) == list(range(1, 8))
    alone = {result.options.seed: result for result in run_in_processes(sweep, 1, run=fake_runs.fine)}
    assert all(alone[result.options.seed] == result for result in results)
    assert {(result.nodes, result.fidelity) for result in results} == {(5, "fast")}


def test_one_job_runs_here_in_order() -> None:
    told: list[tuple[int, float]] = []
    results = run_in_processes(
        Sweep("fake", [5, 2, 9]), 1, lambda seed, virtual_s: told.append((seed, virtual_s)), fake_runs.fine
    )
    assert [result.options.seed for result in results] == [5, 2, 9]
    assert told == [(5, 30.0), (2, 30.0), (9, 30.0)]


def test_processes_tell_how_far_they_are() -> None:
    told: list[tuple[int, float]] = []
    sweep = Sweep("fake", range(4))
    list(run_in_processes(sweep, 2, lambda seed, virtual_s: told.append((seed, virtual_s)), fake_runs.fine))
    assert {30.0} == {virtual_s for _, virtual_s in told}


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_process_that_dies_fails_its_own_run_only() -> None:
    results = {
        result.options.seed: result
        for result in run_in_processes(Sweep("fake", range(1, 7)), 2, run=fake_runs.second_dies)
    }
    assert len(results) == 6
    [violation] = results[2].violations
    assert violation.checker == LOST
    assert violation.what == "its process ended with signal 9 (is there memory enough?)"
    assert not any(results[seed].violations for seed in (1, 3, 4, 5, 6))


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    class EnoughSeen(Exception):
        pass

    began: list[int] = []

    def progress(seed: int, _virtual_s: float) -> None:
        began.append(seed)
        if len(began) == 2:
            raise EnoughSeen

    before = threading.active_count()
    with pytest.raises(EnoughSeen):
        list(run_in_processes(Sweep(str(tmp_path), range(10)), 2, progress, fake_runs.never_ends))
    processes = [int(file.name) for file in tmp_path.iterdir()]
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert threading.active_count() == before


def test_there_is_room_for_a_run() -> None:
    assert default_jobs() >= 1
