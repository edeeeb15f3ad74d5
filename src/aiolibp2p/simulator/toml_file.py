"""Scenarios as TOML files: a topology, what the nodes do, what goes wrong and when.

    name = "three-regions"
    duration_s = 60
    [topology]
    kind = "random-regular"      # or full-mesh, star
    degree = 4
    regions = true               # else [link] and [interface] say how far and how fast
    [[workload]]
    kind = "ping"                # or connect, echo
    every_s = 10
    [[fault]]
    at_s = 20
    kind = "crash"               # see FAULTS
    node = 3

Unknown keys are refused. Nodes are named by number, from 0.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.network import InterfaceConfig, LinkConfig
from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import workloads
from aiolibp2p.simulator.topology import Edge, full_mesh, star

if TYPE_CHECKING:
    from aiolibp2p.simulator.node import Node
    from aiolibp2p.simulator.simulation import Simulation

Keys: TypeAlias = Mapping[str, type | tuple[type, ...]]
"""The keys that a table may hold, and the type of each."""

NUMBER = (int, float)

TOP: Keys = {
    "name": str,
    "summary": str,
    "nodes": int,
    "fidelity": str,
    "duration_s": NUMBER,
    "topology": dict,
    "link": dict,
    "interface": dict,
    "workload": list,
    "fault": list,
}
TOPOLOGY: Keys = {"kind": str, "degree": int, "regions": bool}
TOPOLOGIES = ("random-regular", "full-mesh", "star")
WORKLOADS: Mapping[str, Keys] = {
    "connect": {"over_s": NUMBER, "redial_every_s": NUMBER},
    "ping": {"every_s": NUMBER},
    "echo": {"bytes": int, "every_s": NUMBER},
}
FAULTS: Mapping[str, Keys] = {
    "partition": {"groups": list},
    "heal": {},
    "cut": {"from": int, "to": int},
    "spike": {"extra_s": NUMBER, "for_s": NUMBER, "from": int, "to": int},
    "loss": {"share": NUMBER, "for_s": NUMBER, "from": int, "to": int},
    "crash": {"node": int},
    "stop": {"node": int},
    "restart": {"node": int, "with_disk": bool},
    "skew": {"node": int, "wall_offset_s": NUMBER, "rate": NUMBER},
    "slow_reader": {"node": int, "stalled": bool},
}
REQUIRED = ("at_s", "node", "extra_s", "for_s", "share")
"""The keys without a default; `from` and `to` of a cut have none either."""


def load(path: str) -> Scenario:
    """Read a file. Raises ConfigError that names the file, the key, and what is known."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the scenario {path!r}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the scenario {path!r} is no text in UTF-8: {error.reason}") from error
    try:
        return parse(text, Path(path).stem)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(text: str, name: str = "scenario") -> Scenario:
    """Return the scenario that TOML text describes; `name` unless it names itself. Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not TOML: {error}") from error
    _check(table, TOP, "the file")
    plan = _Plan(table)
    fidelity = table.get("fidelity", "full")
    if fidelity not in ("full", "fast"):
        raise ConfigError(f"fidelity is full or fast, not {fidelity!r}")
    return Scenario(
        name=table.get("name", name),
        summary=table.get("summary", "a scenario from a file"),
        run=plan.run,
        nodes=table.get("nodes", 10),
        fidelity=fidelity,
        limit_s=plan.duration_s * 2 + 600.0,
        min_nodes=plan.min_nodes,
    )


class _Plan:
    """The content of a file that was found to be right."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.duration_s = float(table.get("duration_s", 60.0))
        self._topology = table.get("topology", {})
        _check(self._topology, TOPOLOGY, "[topology]")
        self._kind = _choice(self._topology.get("kind", TOPOLOGIES[0]), TOPOLOGIES, "kind of [topology]")
        self._uses_regions = self._topology.get("regions", not {"link", "interface"} & table.keys())
        self._link = _config(LinkConfig, table.get("link", {}), "[link]")
        self._interface = _config(InterfaceConfig, table.get("interface", {}), "[interface]")
        self._workloads = [_entry(one, WORKLOADS, "[[workload]]", ()) for one in table.get("workload", [])]
        faults = [_entry(one, FAULTS, "[[fault]]", ("at_s",)) for one in table.get("fault", [])]
        self._faults = sorted(faults, key=lambda fault: float(fault["at_s"]))
        self.min_nodes = max(2, 1 + max((_highest(fault) for fault in faults), default=0))

    async def run(self, simulation: Simulation) -> None:
        """Build the network, then let workloads and faults run beside one another."""
        if self._uses_regions:
            simulation.use_regions()
        else:
            simulation.link, simulation.interface = lambda _from, _to: self._link, self._interface
        for _ in range(simulation.size):
            simulation.add_node()
        await simulation.start_nodes()
        for node in simulation.nodes:
            node.running.set_stream_handler(workloads.ECHO_ID, workloads.serve_echo)
        edges = self._edges(simulation)
        simulation.spawn(self._go_wrong(simulation), "faults")
        await asyncio.gather(*(self._work(simulation, edges, one) for one in self._workloads))
        await simulation.wait_until(self.duration_s)

    def _edges(self, simulation: Simulation) -> list[Edge]:
        if self._kind == "full-mesh":
            return full_mesh(simulation.size)
        if self._kind == "star":
            return star(simulation.size)
        return workloads.regular_edges(simulation, self._topology.get("degree", 8))

    async def _work(self, simulation: Simulation, edges: list[Edge], work: Mapping[str, Any]) -> None:
        every_s = float(work.get("every_s", 10.0))
        if work["kind"] == "connect":
            await workloads.connect_all(simulation, edges, float(work.get("over_s", workloads.CONNECT_OVER_S)))
            for edge in edges if "redial_every_s" in work else ():
                again = workloads.keep_connected(simulation, edge, float(work["redial_every_s"]))
                simulation.spawn(again, f"keep {edge} connected")
        elif work["kind"] == "ping":
            await workloads.ping_all(simulation, edges, every_s, self.duration_s)
        else:
            await workloads.echo_all(simulation, edges, work.get("bytes", 65536), every_s, self.duration_s)

    async def _go_wrong(self, simulation: Simulation) -> None:
        for fault in self._faults:
            await simulation.wait_until(float(fault["at_s"]))
            simulation.spawn(_break(simulation, fault), f"fault {fault['kind']}")


async def _break(simulation: Simulation, fault: Mapping[str, Any]) -> None:
    faults, nodes = simulation.faults, simulation.nodes
    one: Node = nodes[fault.get("node", 0)]
    start, end = (nodes[fault[key]] if key in fault else None for key in ("from", "to"))
    half = len(nodes) // 2
    groups = fault.get("groups", [range(half), range(half, len(nodes))])
    now: Mapping[str, Callable[[], object]] = {
        "partition": lambda: faults.partition(*([nodes[i] for i in group] for group in groups)),
        "heal": faults.heal,
        "cut": lambda: faults.cut(nodes[fault["from"]], nodes[fault["to"]]),
        "spike": lambda: faults.spike(float(fault["extra_s"]), float(fault["for_s"]), start, end),
        "loss": lambda: faults.lose(float(fault["share"]), float(fault["for_s"]), start, end),
        "skew": lambda: faults.skew(one, float(fault.get("wall_offset_s", 0.0)), float(fault.get("rate", 1.0))),
        "slow_reader": lambda: faults.slow_reader(one, fault.get("stalled", True)),
    }
    later: Mapping[str, Callable[[], Awaitable[None]]] = {
        "crash": lambda: faults.crash(one),
        "stop": lambda: faults.stop(one),
        "restart": lambda: faults.restart(one, fault.get("with_disk", True)),
    }
    if fault["kind"] in now:
        now[fault["kind"]]()
    else:
        await later[fault["kind"]]()


# Finding mistakes


def _check(table: Mapping[str, Any], keys: Keys, where: str) -> None:
    for key, value in table.items():
        if key not in keys:
            raise ConfigError(f"{where} has no key {key!r}; known: {', '.join(keys)}")
        wanted = keys[key]
        allowed = wanted if isinstance(wanted, tuple) else (wanted,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ConfigError(f"{key} in {where} is {' or '.join(one.__name__ for one in allowed)}, not {value!r}")
        if isinstance(value, int | float) and value < 0 and key != "wall_offset_s":
            raise ConfigError(f"{key} in {where} is not negative, as {value!r} is")
    for key in ("every_s", "redial_every_s", "nodes", "duration_s", "rate"):
        if key in table and table[key] == 0:
            raise ConfigError(f"{key} in {where} is more than 0")


def _entry(entry: Mapping[str, Any], kinds: Mapping[str, Keys], where: str, always: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} is a table, not {entry!r}")
    kind = _choice(entry.get("kind"), tuple(kinds), f"kind of {where}")
    keys: Keys = {"kind": str, **dict.fromkeys(always, NUMBER), **kinds[kind]}
    _check(entry, keys, f"{where} {kind}")
    required = (*REQUIRED, *(("from", "to") if kind == "cut" else ()))
    for key in keys:
        if key in required and key not in entry:
            raise ConfigError(f"{where} {kind} needs {key}")
    for group in entry.get("groups", ()):
        if not isinstance(group, list) or not all(type(one) is int and one >= 0 for one in group):
            raise ConfigError(f"groups in {where} {kind} is a list of lists of node numbers, not {entry['groups']!r}")
    return entry


def _choice(value: object, known: Sequence[str], what: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{what} is one of {', '.join(known)}, not {value!r}")
    return value


def _config(kind: type[Any], table: Mapping[str, Any], where: str) -> Any:
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    _check(
        table, {name: NUMBER if isinstance(value, float) else type(value) for name, value in defaults.items()}, where
    )
    return kind(**table)


def _highest(fault: Mapping[str, Any]) -> int:
    """Return the highest node number that a fault names."""
    named = [fault[key] for key in ("node", "from", "to") if key in fault]
    return max((*named, *(one for group in fault.get("groups", ()) for one in group)), default=0)
