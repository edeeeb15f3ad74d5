"""Fixtures for pytest: `pytest_plugins = ["aiolibp2p.testing.pytest_plugin"]` in conftest.py, or `-p` with that name.

`virtual_time` runs a coroutine under virtual time, `host_pair` gives it two connected hosts, `simulated_network` a
whole network; tests stay plain functions. With pytest-asyncio, `@pytest.mark.virtual_time` runs a coroutine test under
virtual time. `--simulator-seed N` replays a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from typing import Any, TypeAlias, TypeVar

import pytest

from aiolibp2p.host import Host
from aiolibp2p.simulator.loop import VirtualTimeLoop, run_virtual
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import Fidelity, RunOptions, RunResult, Scenario
from aiolibp2p.simulator.simulation import Simulation

T = TypeVar("T")

Program: TypeAlias = Callable[[Simulation], Awaitable[None]]
PairProgram: TypeAlias = Callable[[Host, Host], Awaitable[None]]

DEFAULT_SEED = 1
"""The seed of a simulated test unless told otherwise."""
DEFAULT_LIMIT_S = 3600.0
"""The virtual seconds of a test unless told otherwise: an hour costs next to nothing."""
SHOWN_EVENTS = 20
"""The last events that a failure shows, about a screen."""

ENDS = (Exception, pytest.fail.Exception, pytest.skip.Exception, pytest.xfail.Exception)
"""The exceptions by which a program may end its test.

What pytest raises to fail, skip or expect a failure is no Exception.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--simulator-seed`."""
    group = parser.getgroup("aiolibp2p")
    group.addoption("--simulator-seed", type=int, default=None, help="the seed of simulated networks, to replay a run")


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker `virtual_time`."""
    config.addinivalue_line(
        "markers", "virtual_time: run this coroutine test under virtual time (needs pytest-asyncio)"
    )


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Generator[None, Mapping[str, Callable[[], asyncio.AbstractEventLoop]], object]:
    """Give a test that is marked so a loop under virtual time; any other what it would get without this plugin."""
    others = yield
    if item.get_closest_marker("virtual_time") is not None:
        return {"virtual": VirtualTimeLoop}
    return others or {"asyncio": asyncio.new_event_loop}


class VirtualTime:
    """The runner of coroutines under virtual time: `virtual_time(coroutine)`."""

    def __call__(self, main: Coroutine[Any, Any, T], limit_s: float | None = DEFAULT_LIMIT_S) -> T:
        """Run the coroutine; return what it returns.

        Raises what it raises, Deadlock, and LimitExceeded past `limit_s` virtual seconds.
        """
        return run_virtual(main, limit_s)


class SimulatedNetwork:
    """The runner of programs over a simulated network: `simulated_network(program, nodes=5)`."""

    def __init__(self, node_id: str, seed: int | None) -> None:
        self._node_id = node_id
        self._seed = seed

    def __call__(
        self, program: Program, nodes: int = 2, seed: int = DEFAULT_SEED, fidelity: Fidelity = "full"
    ) -> RunResult:
        """Run the program; return how the run went.

        Raises what the program raises, and AssertionError when an invariant did not hold. `--simulator-seed` takes the
        place of `seed`. The program is given a Simulation, `nodes` in its `size`.
        """
        seed = seed if self._seed is None else self._seed
        failures: list[BaseException] = []

        async def watched(simulation: Simulation) -> None:
            try:
                await program(simulation)
            except ENDS as error:
                failures.append(error)
                raise

        scenario = Scenario(self._node_id, "a test", watched, nodes, fidelity, DEFAULT_LIMIT_S, min_nodes=0)
        result = run_scenario(scenario, RunOptions(seed, nodes, fidelity))
        for failure in failures:
            # It may be what comes of another violation, so all are told.
            failure.add_note(self._told(result))
            raise failure
        if result.violations:
            raise AssertionError(self._told(result))
        return result

    def _told(self, result: RunResult) -> str:
        seed = result.options.seed
        lines = [f"seed {seed}, {result.virtual_s:.6f} virtual s"]
        lines += [f"  {one.at_s:.6f} s  {one.checker}: {one.what}" for one in result.violations]
        lines += ["the last events:", *(f"  {line}" for line in result.last_events[-SHOWN_EVENTS:])]
        lines.append(f"replay: pytest {self._node_id!r} --simulator-seed {seed}")
        return "\n".join(lines)


class HostPair:
    """The runner of programs over two connected hosts: `host_pair(program)`."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network = network

    def __call__(self, program: PairProgram, seed: int = DEFAULT_SEED, fidelity: Fidelity = "full") -> RunResult:
        """Run the program on a client and a server, the first connected to the second, as `simulated_network` does."""

        async def over_two(simulation: Simulation) -> None:
            client, server = simulation.add_node("client"), simulation.add_node("server")
            await simulation.start_nodes()
            await client.running.connect(server.address)
            await program(client.running, server.running)

        return self._network(over_two, 2, seed, fidelity)


@pytest.fixture
def virtual_time() -> VirtualTime:
    """The fixture `virtual_time(coroutine, limit_s=3600)`, which returns what the coroutine does."""
    return VirtualTime()


@pytest.fixture
def simulated_network(request: pytest.FixtureRequest) -> SimulatedNetwork:
    """The fixture `simulated_network(program, nodes=2, seed=1, fidelity="full")`; `async def program(simulation)`."""
    return SimulatedNetwork(request.node.nodeid, request.config.getoption("--simulator-seed"))


@pytest.fixture
def host_pair(simulated_network: SimulatedNetwork) -> HostPair:
    """The fixture `host_pair(program, seed=1, fidelity="full")`, which runs `async def program(client, server)`."""
    return HostPair(simulated_network)
