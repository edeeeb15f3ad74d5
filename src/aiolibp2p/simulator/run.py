"""One run of a scenario: a simulation, the checkers beside it, and the result."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiolibp2p.errors import ConfigError, LimitExceeded
from aiolibp2p.simulator.loop import Deadlock, VirtualTimeLoop, run_virtual
from aiolibp2p.simulator.scenario import MAX_VIOLATIONS, RunOptions, RunResult, Scenario
from aiolibp2p.simulator.simulation import Simulation, outcome

LOOK_EVERY_S = 1.0
"""The virtual seconds between two looks of the checkers."""

Progress = Callable[[float], None]

logger = logging.getLogger("aiolibp2p")


def run_scenario(scenario: Scenario, options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Run a scenario from its seed to its end; what goes wrong inside is a violation, and not raised.

    `progress` is called with the virtual time, once in each second of it. Raises ConfigError for too few nodes.
    """
    return _Run(scenario, options, progress).result()


class _Run:
    def __init__(self, scenario: Scenario, options: RunOptions, progress: Progress | None) -> None:
        self._scenario = scenario
        self._options = options
        self._progress = progress
        self._nodes = scenario.nodes if options.nodes is None else options.nodes
        self._fidelity = options.fidelity or scenario.fidelity
        self._next_look_s = LOOK_EVERY_S
        self._simulation: Simulation | None = None
        if self._nodes < scenario.min_nodes:
            raise ConfigError(f"{scenario.name} needs at least {scenario.min_nodes} nodes, not {self._nodes}")

    def result(self) -> RunResult:
        """Run, and return how it went."""
        started = time.perf_counter()
        try:
            run_virtual(self._main(), self._scenario.limit_s)
        except (Deadlock, LimitExceeded) as error:
            if self._simulation is None:
                raise
            self._simulation.failed(error, "the run")
        simulation = self._simulation
        assert simulation is not None
        return RunResult(
            scenario=self._scenario.name,
            options=self._options,
            nodes=self._nodes,
            fidelity=self._fidelity,
            virtual_s=simulation.now,
            wall_s=time.perf_counter() - started,
            events=simulation.trace.count,
            trace_sha256=simulation.trace.sha256,
            violations=tuple(simulation.violations),
            last_events=tuple(simulation.trace.last) if simulation.violations else (),
            figures=simulation.figures.points(),
            counters=simulation.counters,
        )

    async def _main(self) -> None:
        simulation = self._simulation = Simulation(self._options.seed, self._fidelity, self._nodes)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.clock.on_advance = self._advanced
        with _errors_counted(simulation, loop):
            simulation.failed(await outcome(self._program(simulation), "scenario"), self._scenario.name)
            simulation.failed(await outcome(simulation.close(), "close"), "closing")

    def _program(self, simulation: Simulation) -> Coroutine[Any, Any, None]:
        async def program() -> None:
            await self._scenario.run(simulation)

        return program()

    def _advanced(self, now: float) -> None:
        if now < self._next_look_s:
            return
        self._next_look_s = now + LOOK_EVERY_S
        assert self._simulation is not None
        self._simulation.look()
        if len(self._simulation.violations) >= MAX_VIOLATIONS:
            raise LimitExceeded(f"{MAX_VIOLATIONS} violations: the run is given up")
        if self._progress is not None:
            self._progress(now)


@contextmanager
def _errors_counted(simulation: Simulation, loop: VirtualTimeLoop) -> Iterator[None]:
    """Count errors in the package's log, and exceptions in callbacks of the loop, as violations."""

    def failed_callback(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        simulation.violate("log", f"{context.get('message')}: {context.get('exception')!r}")

    handler = _Errors(simulation)
    loop.set_exception_handler(failed_callback)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Errors(logging.Handler):
    def __init__(self, simulation: Simulation) -> None:
        super().__init__(logging.ERROR)
        self._simulation = simulation

    def emit(self, record: logging.LogRecord) -> None:
        if self._simulation.expect_errors:
            return
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}: {''.join(traceback.format_exception_only(record.exc_info[1])).strip()}"
        self._simulation.violate("log", text)
