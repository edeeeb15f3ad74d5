"""The scenarios of the catalogue hold on both fidelities, for a few seeds."""

from __future__ import annotations

import pytest

from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import Fidelity, RunOptions, Scenario
from aiolibp2p.simulator.scenarios import catalogue, find


@pytest.mark.parametrize("fidelity", ["full", "fast"])
@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.name)
def test_catalogue(scenario: Scenario, fidelity: Fidelity) -> None:
    for seed in (1, 2, 3):
        result = run_scenario(scenario, RunOptions(seed=seed, nodes=min(scenario.nodes, 10), fidelity=fidelity))
        assert result.violations == ()
        assert result.events > 0
        again = run_scenario(scenario, RunOptions(seed=seed, nodes=min(scenario.nodes, 10), fidelity=fidelity))
        assert again.trace_sha256 == result.trace_sha256


@pytest.mark.parametrize("nodes", [2, 3, 7])
def test_few_nodes(nodes: int) -> None:
    result = run_scenario(find("connect-identify-ping"), RunOptions(nodes=nodes, fidelity="fast"))
    assert result.violations == ()
    assert result.counters["identified"] == nodes * (nodes - 1)


def test_nodes_ping_every_ten_seconds_and_latency_is_that_of_the_regions() -> None:
    result = run_scenario(find("connect-identify-ping"), RunOptions(nodes=20, fidelity="fast"))
    assert 20 * 4 <= result.counters["pings"] <= 20 * 6
    assert all(0.004 <= seconds < 0.5 for _, seconds in result.figures["ping_s"])
    assert [value for _, value in result.figures["degree"]] == [8] * 20
