"""Runs of one seed have one trace: in every process, whatever the order of its sets."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import RunOptions
from aiolibp2p.simulator.scenarios import find
for seed in (1, 2, 3):
    result = run_scenario(find({scenario!r}), RunOptions(seed=seed, nodes=10, fidelity={fidelity!r}))
    assert result.events > 100 and not result.violations, result
    print(result.trace_sha256)
"""


def hashes(scenario: str, fidelity: str, hash_seed: str) -> list[str]:
    program = PROGRAM.format(scenario=scenario, fidelity=fidelity)
    environment = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("fidelity", ["full", "fast"])
@pytest.mark.parametrize("scenario", ["connect-identify-ping", "churn"])
def test_same_seed_same_trace(scenario: str, fidelity: str) -> None:
    first, second, third = (hashes(scenario, fidelity, hash_seed) for hash_seed in ("0", "1", "4711"))
    assert first == second == third
    assert len(dict.fromkeys(first)) == 3
