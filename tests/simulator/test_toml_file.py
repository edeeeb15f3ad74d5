from __future__ import annotations

from pathlib import Path

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import RunOptions
from aiolibp2p.simulator.scenarios import catalogue, find
from aiolibp2p.simulator.toml_file import parse

ROOT = Path(__file__).parents[2]

WRONG = {
    "nodez = 3": r"the file has no key 'nodez'; known: name, summary, nodes",
    "nodes = '3'": r"nodes in the file is int, not '3'",
    "nodes = true": r"nodes in the file is int, not True",
    "duration_s = 0": r"duration_s in the file is more than 0",
    "fidelity = 'slow'": r"fidelity is full or fast",
    "[topology]\nkind = 'ring'": r"kind of \[topology\] is one of random-regular, full-mesh, star, not 'ring'",
    "[topology]\nk = 3": r"\[topology\] has no key 'k'; known: kind, degree, regions",
    "[link]\nlatency = 3": r"\[link\] has no key 'latency'; known: latency_s",
    "[link]\nlatency_s = -3": r"not negative",
    "[interface]\nqueue_bytes = 'x'": r"queue_bytes in \[interface\] is int",
    "[[workload]]\nkind = 'talk'": r"one of connect, ping, echo, not 'talk'",
    "[[workload]]\nevery_s = 3": r"one of connect, ping, echo, not None",
    "[[workload]]\nkind = 'ping'\nevery_s = 0": r"more than 0",
    "[[fault]]\nkind = 'heal'": r"\[\[fault\]\] heal needs at_s",
    "[[fault]]\nkind = 'crash'\nat_s = 3": r"crash needs node",
    "[[fault]]\nkind = 'cut'\nat_s = 3\nfrom = 1": r"cut needs to",
    "[[fault]]\nkind = 'partition'\nat_s = 3\ngroups = [1]": r"list of lists",
    "fault = [3]": r"is a table, not 3",
    "nodes = ": r"not TOML",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text.replace("\n", " "))
def test_mistakes_are_named(text: str) -> None:
    with pytest.raises(ConfigError, match=WRONG[text]):
        parse(text)


def test_defaults() -> None:
    scenario = parse("", "nothing")
    assert (scenario.name, scenario.nodes, scenario.fidelity, scenario.min_nodes) == ("nothing", 10, "full", 2)


def test_a_fault_needs_its_node() -> None:
    assert parse("[[fault]]\nkind = 'crash'\nat_s = 3\nnode = 7").min_nodes == 8


def test_every_fault_and_workload() -> None:
    text = """
    nodes = 4
    duration_s = 60
    [topology]
    kind = "full-mesh"
    [link]
    latency_s = 0.05
    [interface]
    up_bits_per_s = 1e7
    [[workload]]
    kind = "connect"
    redial_every_s = 4
    [[workload]]
    kind = "ping"
    every_s = 3
    [[workload]]
    kind = "echo"
    bytes = 1000
    every_s = 5
    """
    faults = [
        "kind = 'partition'\nat_s = 10",
        "kind = 'heal'\nat_s = 15",
        "kind = 'cut'\nat_s = 16\nfrom = 0\nto = 1",
        "kind = 'heal'\nat_s = 18",
        "kind = 'spike'\nat_s = 19\nextra_s = 0.1\nfor_s = 3",
        "kind = 'loss'\nat_s = 20\nshare = 0.2\nfor_s = 3",
        "kind = 'crash'\nat_s = 20\nnode = 3",
        "kind = 'restart'\nat_s = 25\nnode = 3\nwith_disk = false",
        "kind = 'stop'\nat_s = 26\nnode = 2",
        "kind = 'restart'\nat_s = 28\nnode = 2",
        "kind = 'skew'\nat_s = 30\nnode = 1\nwall_offset_s = -100",
        "kind = 'slow_reader'\nat_s = 31\nnode = 0",
        "kind = 'slow_reader'\nat_s = 35\nnode = 0\nstalled = false",
    ]
    scenario = parse(text + "".join(f"\n[[fault]]\n{fault}" for fault in faults))
    result = run_scenario(scenario, RunOptions(fidelity="fast"))
    assert result.violations == ()
    assert result.counters["faults"] == len(faults)
    assert min(result.counters["pings"], result.counters["echoes"], result.counters["dials"]) > 0


def test_the_example() -> None:
    scenario = find(str(ROOT / "examples" / "simulation.toml"))
    assert scenario.name == "crash-and-spike"
    result = run_scenario(scenario, RunOptions())
    assert result.violations == ()
    assert result.counters["echoes"] > 0


def test_find() -> None:
    assert [find(scenario.name) for scenario in catalogue()] == catalogue()
    with pytest.raises(ConfigError, match=r"no scenario 'nonsense'; there are connect-identify-ping, churn"):
        find("nonsense")
    with pytest.raises(ConfigError, match=r"cannot read the scenario 'no\.toml'"):
        find("no.toml")
    with pytest.raises(ConfigError, match="no scenario file"):
        find("no.py:run")


def test_find_in_a_python_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        'async def two_sleeps(simulation):\n    """Sleeps twice.\n\n    More."""\n    await simulation.wait(2)\n'
    )
    scenario = find(f"{path}:two_sleeps")
    assert (scenario.name, scenario.summary) == ("two-sleeps", "Sleeps twice.")
    assert run_scenario(scenario, RunOptions()).virtual_s == 2
    with pytest.raises(ConfigError, match="holds no scenario 'other'; it has two_sleeps"):
        find(f"{path}:other")
