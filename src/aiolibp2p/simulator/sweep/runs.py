"""The parts of a sweep: one run after the other, each decided by its options alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aiolibp2p.simulator.scenario import Fidelity, RunOptions, RunResult, Violation

Progress: TypeAlias = Callable[[float], None]
"""A function that is called, now and then, with the virtual seconds that a run has got to."""

RunOne: TypeAlias = Callable[[str, RunOptions, Progress | None], RunResult]
"""A function that runs the scenario that a text names. A module has it, so that it can be sent to another process."""

SweepProgress: TypeAlias = Callable[[int, float], None]
"""A function that is called, now and then, with a seed and the virtual seconds that its run has got to."""

LOST = "sweep"
"""The checker of a violation that says a run never came to its end."""


@dataclass(frozen=True)
class Sweep:
    """A scenario that a text names, once for each seed."""

    scenario: str
    """The scenario, as `scenarios.find` takes it."""
    seeds: Sequence[int]
    nodes: int | None = None
    fidelity: Fidelity | None = None

    def options(self) -> Iterator[RunOptions]:
        """The options of each run, in the order of the seeds."""
        for seed in self.seeds:
            yield RunOptions(seed=seed, nodes=self.nodes, fidelity=self.fidelity)


def run_one(scenario: str, options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Find the scenario and run it. Raises ConfigError when there is none of that name."""
    from aiolibp2p.simulator.run import run_scenario
    from aiolibp2p.simulator.scenarios import find

    return run_scenario(find(scenario), options, progress)


def lost_run(sweep: Sweep, options: RunOptions, why: str) -> RunResult:
    """Return the result of a run whose process or machine went away under it."""
    return RunResult(
        scenario=sweep.scenario,
        options=options,
        nodes=options.nodes or 0,
        fidelity=options.fidelity or "full",
        virtual_s=0.0,
        wall_s=0.0,
        events=0,
        trace_sha256="",
        violations=(Violation(0.0, LOST, why),),
    )
