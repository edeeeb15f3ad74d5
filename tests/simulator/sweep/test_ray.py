"""A sweep over a Ray cluster of this machine."""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.sweep import ray_cluster
from aiolibp2p.simulator.sweep.processes import run_in_processes
from aiolibp2p.simulator.sweep.runs import LOST, Sweep
from simulator.sweep import fake_runs

HAS_RAY = importlib.util.find_spec("ray") is not None
REQUIRED = os.environ.get("INTEROP") == "require"

needs_ray = pytest.mark.skipif(not HAS_RAY and not REQUIRED, reason="Ray is not installed: aiolibp2p[ray]")
pytestmark = [
    pytest.mark.alone,  # a cluster has a process for each processor, and more
    pytest.mark.timeout(180),
    # Ray leaves sockets and files to the garbage collector, and warns of what it will do one day.
    pytest.mark.filterwarnings("ignore"),
]


@needs_ray
def test_a_cluster_runs_every_seed_as_one_process_does() -> None:
    with warnings.catch_warnings(action="ignore"):
        results = list(ray_cluster.run_on_ray(Sweep("fake", range(1, 7)), "local", run=fake_runs.third_fails))
    assert sorted(result.options.seed for result in results) == [1, 2, 3, 4, 5, 6]
    for result in results:
        assert result == fake_runs.third_fails("fake", result.options)


@needs_ray
def test_a_real_scenario_is_the_same_on_a_cluster() -> None:
    sweep = Sweep("connect-identify-ping", [1, 2], nodes=6)
    here = [result.trace_sha256 for result in run_in_processes(sweep, 1)]
    with warnings.catch_warnings(action="ignore"):
        there = {result.options.seed: result.trace_sha256 for result in ray_cluster.run_on_ray(sweep, "local")}
    assert [there[1], there[2]] == here


@needs_ray
def test_a_run_that_ray_loses_is_a_violation() -> None:
    with warnings.catch_warnings(action="ignore"):
        sweep = Sweep("fake", [1, 2, 3])
        results = {one.options.seed: one for one in ray_cluster.run_on_ray(sweep, "local", 2, fake_runs.second_dies)}
    [violation] = results[2].violations
    assert violation.checker == LOST
    assert violation.what.startswith("Ray lost it: ")
    assert not results[1].violations
    assert not results[3].violations


@needs_ray
def test_a_cluster_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(ConnectionError, match="no Ray cluster answers at 127.0.0.1:1: "):
        list(ray_cluster.run_on_ray(Sweep("fake", [1]), "127.0.0.1:1", run=fake_runs.fine))


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'aiolibp2p\[ray\]'"):
        list(ray_cluster.run_on_ray(Sweep("fake", [1]), "local", run=fake_runs.fine))
