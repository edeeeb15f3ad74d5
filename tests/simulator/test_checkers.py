"""The checkers that look at hosts, shown hosts that break their rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiolibp2p.abc.services.context import ServiceContext
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.stream import Stream
from aiolibp2p.simulator.checkers import Bounds, NoLeaks, WithinBounds
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import RunOptions, RunResult, Scenario
from aiolibp2p.simulator.simulation import Simulation

Program: TypeAlias = Callable[[Simulation], Awaitable[None]]


def run(program: Program) -> RunResult:
    return run_scenario(Scenario("test", "a test", program, nodes=2, fidelity="fast"), RunOptions())


async def pair(simulation: Simulation) -> tuple[Node, Node]:
    one, other = simulation.add_node(), simulation.add_node()
    await simulation.start_nodes()
    await one.running.connect(other.address)
    return one, other


def test_a_host_past_its_bounds_is_named_once() -> None:
    async def program(simulation: Simulation) -> None:
        simulation.checkers.append(WithinBounds(simulation, Bounds(connections=0)))
        await pair(simulation)
        await simulation.wait(5)

    assert [(violation.checker, violation.what) for violation in run(program).violations] == [
        ("bounds", "n0 holds 1 connections, of at most 0"),
        ("bounds", "n1 holds 1 connections, of at most 0"),
    ]


def test_a_host_that_was_closed_and_holds_a_connection() -> None:
    async def main() -> None:
        simulation = Simulation(fidelity="fast")
        one, _ = await pair(simulation)
        leaks = NoLeaks()
        leaks.closed("liar", one.running)
        (what,) = leaks.look()
        assert what.startswith("liar is closed and holds 1 connections")
        assert not list(leaks.look())
        await simulation.close()
        assert not simulation.violations

    run_virtual(main())


class Diary(Service):
    """A service that writes to its node's disk when it is closed: after a crash nobody may find that."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def start(self, context: ServiceContext) -> None:
        self.node.disk["life"] = self.node.disk.get("life", b"") + b"start "

    async def close(self) -> None:
        self.node.disk["life"] += b"close "


def test_what_is_written_after_a_crash_is_lost() -> None:
    async def program(simulation: Simulation) -> None:
        node = simulation.add_node(services=lambda node: [Diary(node)], agent_version="diary/1")
        await node.start()
        await node.stop()
        await node.start()
        await node.crash()
        assert node.disk == {"life": b"start close start "}
        await node.restart()
        await node.restart(with_disk=False)
        assert node.disk == {"life": b"start "}

    assert run(program).violations == ()


def test_a_handler_that_fails_is_a_violation() -> None:
    async def broken(stream: Stream) -> None:
        raise ValueError("a bug")

    async def program(simulation: Simulation) -> None:
        one, other = await pair(simulation)
        other.running.set_stream_handler("/broken/1", broken)
        stream = await one.running.new_stream(other.peer_id, "/broken/1")
        await stream.write(b"x")
        await simulation.wait(1)
        stream.reset()

    (violation,) = run(program).violations
    assert violation.checker == "log"
    assert "a bug" in violation.what


def test_a_crash_is_noticed_by_peers_and_nobody_is_told() -> None:
    async def program(simulation: Simulation) -> None:
        one, other = await pair(simulation)
        await simulation.wait(5)
        await other.crash()
        await simulation.wait(10)
        assert one.running.connections()
        await simulation.wait(90)
        assert not one.running.connections()

    for fidelity in ("full", "fast"):
        scenario = Scenario("crash", "", program, nodes=2)
        assert run_scenario(scenario, RunOptions(fidelity=fidelity)).violations == ()
