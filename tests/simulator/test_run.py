from __future__ import annotations

import asyncio
import logging

import pytest

from aiolibp2p.errors import ConfigError, ConnectionLost
from aiolibp2p.simulator.checkers import AcknowledgedKept, AtMostOnce, Bounds, WithinBounds
from aiolibp2p.simulator.network import InterfaceConfig
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import MAX_VIOLATIONS, RunOptions, RunResult, Scenario
from aiolibp2p.simulator.simulation import Simulation


def run(program, **options: object) -> RunResult:
    scenario = Scenario("test", "a test", program, nodes=2, limit_s=100.0)
    return run_scenario(scenario, RunOptions(**options))


def said(result: RunResult) -> list[tuple[str, str]]:
    return [(violation.checker, violation.what) for violation in result.violations]


def test_a_quiet_run() -> None:
    async def program(simulation: Simulation) -> None:
        simulation.record("hello")
        simulation.measure("wait_s", 1.5)
        simulation.count("greetings", 2)
        await simulation.wait(5)

    seen: list[float] = []
    result = run_scenario(Scenario("quiet", "", program), RunOptions(seed=3), seen.append)
    assert (result.virtual_s, result.events, result.violations, result.last_events) == (5, 1, (), ())
    assert (result.nodes, result.fidelity) == (10, "full")
    assert result.figures == {"wait_s": [(0.0, 1.5)]}
    assert result.counters == {"greetings": 2}
    assert seen == [5.0]


def test_an_exception_is_a_violation() -> None:
    async def program(simulation: Simulation) -> None:
        await simulation.wait(2)
        raise ValueError("no")

    result = run(program)
    assert said(result) == [("scenario", "test: ValueError: no")]
    assert result.violations[0].at_s == 2
    assert result.last_events == ("2.0 violation scenario: test: ValueError: no",)


def test_so_is_one_in_a_part_of_it() -> None:
    async def part() -> None:
        raise ConnectionLost("gone")

    async def program(simulation: Simulation) -> None:
        simulation.spawn(part(), "a part")
        await simulation.wait(1)

    assert said(run(program)) == [("scenario", "a part: ConnectionLost: gone")]


def test_a_deadlock_is_a_violation() -> None:
    async def program(simulation: Simulation) -> None:
        await simulation.wait(2)
        await asyncio.get_running_loop().create_future()

    ((checker, what),) = said(run(program))
    assert checker == "scenario"
    assert "deadlock" in what
    assert "scenario" in what


def test_so_is_the_limit() -> None:
    async def program(simulation: Simulation) -> None:
        await simulation.wait(101)

    ((checker, what),) = said(run(program))
    assert checker == "scenario"
    assert "100 s of virtual time" in what


def test_errors_in_the_log_are_violations_unless_expected() -> None:
    async def program(simulation: Simulation) -> None:
        logging.getLogger("aiolibp2p").error("a handler %s", "failed")
        simulation.expect_errors = True
        logging.getLogger("aiolibp2p").error("as planned")

    assert said(run(program)) == [("log", "a handler failed")]


def test_an_exception_in_a_callback_is_a_violation() -> None:
    def broken() -> None:
        raise ValueError("in a timer")

    async def program(simulation: Simulation) -> None:
        asyncio.get_running_loop().call_later(1, broken)
        await simulation.wait(2)

    ((checker, what),) = said(run(program))
    assert checker == "log"
    assert "in a timer" in what


def test_too_many_violations_end_a_run() -> None:
    async def program(simulation: Simulation) -> None:
        while True:
            await simulation.wait(0.5)
            simulation.violate("test", f"at {simulation.now}")

    result = run(program)
    assert len(result.violations) == MAX_VIOLATIONS
    assert result.virtual_s < 52


def test_checkers_are_asked_during_the_run_and_after_it() -> None:
    async def program(simulation: Simulation) -> None:
        once, kept = AtMostOnce(), AcknowledgedKept()
        simulation.checkers += [once, kept]
        for _ in range(2):
            once.delivered("n0", b"m")
            once.delivered("n1", b"m")
        kept.acknowledged("here", lambda: True)
        kept.acknowledged("there", lambda: False)
        await simulation.wait(10)

    result = run(program)
    assert said(result) == [
        ("at-most-once", "n0 was handed b'm' twice"),
        ("at-most-once", "n1 was handed b'm' twice"),
        ("acknowledged-kept", "there was acknowledged and is gone"),
    ]
    assert [violation.at_s for violation in result.violations] == [10, 10, 10]


def test_a_task_that_is_left_is_a_leak() -> None:
    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def program(simulation: Simulation) -> None:
        simulation.leaked = asyncio.get_running_loop().create_task(wait_for_ever(), name="left behind")  # type: ignore[attr-defined]

    assert said(run(program)) == [("leaks", "1 tasks are left: left behind")]


def test_too_few_nodes() -> None:
    async def program(simulation: Simulation) -> None:
        await simulation.wait(1)

    with pytest.raises(ConfigError, match="at least 2 nodes, not 1"):
        run(program, nodes=1)


def test_a_node_starts_crashes_and_comes_back() -> None:
    async def program(simulation: Simulation) -> None:
        one, other = simulation.add_node(), simulation.add_node("other")
        await simulation.start_nodes()
        await one.running.connect(other.address)
        first = other.peer_id
        other.disk["key"] = b"value"
        await simulation.faults.crash(other)
        assert not other.is_up
        await simulation.faults.restart(other)
        assert (other.peer_id, other.disk) == (first, {"key": b"value"})
        await simulation.faults.crash(other)
        await simulation.faults.restart(other, with_disk=False)
        assert other.peer_id != first
        assert other.disk == {}
        connection = await one.running.connect(other.address)
        assert connection.remote_peer == other.peer_id

    for fidelity in ("full", "fast"):
        result = run(program, fidelity=fidelity)
        assert said(result) == []
        assert result.counters["faults"] == 4


def test_packets_are_lost_for_a_while() -> None:
    async def program(simulation: Simulation) -> None:
        one, other = simulation.add_node(), simulation.add_node()
        await simulation.start_nodes()
        await one.running.connect(other.address)
        await simulation.wait(1)
        simulation.faults.lose(0.99, for_s=5.0, a=one, b=other)
        simulation.measure("ping_s", await one.running.ping(other.peer_id))
        await simulation.wait(20)
        simulation.measure("ping_s", await one.running.ping(other.peer_id))

    result = run(program, fidelity="fast")
    assert said(result) == []
    slow, quick = (seconds for _, seconds in result.figures["ping_s"])
    assert slow > 1.0
    assert quick == pytest.approx(0.04, rel=0.02)


def test_a_spike_passes() -> None:
    async def program(simulation: Simulation) -> None:
        one, other = simulation.add_node(), simulation.add_node()
        await simulation.start_nodes()
        await one.running.connect(other.address)
        await simulation.wait(1)
        simulation.faults.spike(0.5, for_s=5.0, a=one, b=other)
        simulation.measure("ping_s", await one.running.ping(other.peer_id))
        await simulation.wait(5)
        simulation.measure("ping_s", await one.running.ping(other.peer_id))

    result = run(program, fidelity="fast")
    assert said(result) == []
    (_, during), (_, after) = result.figures["ping_s"]
    assert during > 0.5
    assert after < 0.1


def test_skew_survives_a_restart() -> None:
    async def program(simulation: Simulation) -> None:
        node = simulation.add_node()
        await node.start()
        simulation.faults.skew(node, wall_offset_s=100.0, rate=2.0)
        wall = node.running.runtime.wall()
        await node.restart()
        await simulation.wait(3)
        assert node.running.runtime.wall() >= wall + 6

    assert said(run(program, fidelity="fast")) == []


def test_what_sockets_hold_is_bounded() -> None:
    async def program(simulation: Simulation) -> None:
        simulation.checkers.append(WithinBounds(simulation, Bounds(unsent_bytes_per_socket=1000)))
        simulation.interface = InterfaceConfig(1e5, 1e5)
        one, other = simulation.add_node(), simulation.add_node()
        await simulation.start_nodes()
        stream = await one.running.new_stream(other.address, "/ipfs/ping/1.0.0")
        simulation.spawn(stream.write(bytes(200_000)), "write")
        await simulation.wait(3)

    result = run(program)
    assert any(checker == "bounds" and "unsent bytes on 1 sockets" in what for checker, what in said(result))
