"""Slow lines that lose and delay packets, and a partition: the full stack over them comes to an end."""

from __future__ import annotations

import pytest

from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import Fidelity, RunOptions
from aiolibp2p.simulator.toml_file import parse

TEXT = """
duration_s = 60
[topology]
degree = 4
[link]
latency_s = 0.05
jitter_s = 0.03
distribution = "normal"
loss = 0.03
[interface]
up_bits_per_s = 5e6
down_bits_per_s = 5e6
queue_bytes = 65_536
[[workload]]
kind = "connect"
redial_every_s = 4
[[workload]]
kind = "ping"
every_s = 3
[[workload]]
kind = "echo"
bytes = 300_000
every_s = 10
[[fault]]
at_s = 30
kind = "partition"
[[fault]]
at_s = 45
kind = "heal"
"""


@pytest.mark.parametrize("fidelity", ["full", "fast"])
def test_a_bad_network(fidelity: Fidelity) -> None:
    for seed in (1, 2):
        result = run_scenario(parse(TEXT), RunOptions(seed=seed, nodes=10, fidelity=fidelity))
        assert result.violations == ()
        assert result.counters["echoes"] > 40
        assert (
            run_scenario(parse(TEXT), RunOptions(seed=seed, nodes=10, fidelity=fidelity)).trace_sha256
            == result.trace_sha256
        )
