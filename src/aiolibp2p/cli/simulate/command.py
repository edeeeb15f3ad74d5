"""The command `p2p simulate`: run a scenario on a simulated network, with one seed or many."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.output import Output
from aiolibp2p.cli.simulate import seeds

if TYPE_CHECKING:
    from aiolibp2p.cli.simulate.outcome import Outcome
    from aiolibp2p.simulator.scenario import RunResult, Scenario
    from aiolibp2p.simulator.sweep.runs import RunOne, Sweep, SweepProgress

NAME = "simulate"
SUMMARY = "run scenarios on a simulated network, from seeds"
DESCRIPTION = """\
Run a scenario: real hosts on a simulated network, under virtual time. A seed decides everything that happens, so what
fails once fails again: every violation comes with the command that replays it.
"""
EXAMPLES = """\
examples:
  p2p simulate --list
  p2p simulate connect-identify-ping --seed 7
  p2p simulate connect-identify-ping --seeds 1..100 --report out      out/index.html has the plots
  p2p simulate my-network.toml --nodes 50
  p2p simulate my_scenarios.py:storm --seeds 1..10000 --ray auto
"""

FIDELITIES = ("full", "fast")
MAX_NODES = 1_000_000
"""The most nodes of a run; far fewer fit into memory."""
MAX_JOBS = 512
"""The most runs at a time, each in a process of its own."""
FAILED, INTERRUPTED, TERMINATED = 1, 130, 143


@dataclass(frozen=True)
class Engine:
    """The simulator, as far as the command needs it: it finds scenarios and runs them."""

    catalogue: Callable[[], Sequence[Scenario]]
    find: Callable[[str], Scenario]
    run: RunOne


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `p2p simulate`."""
    parser.add_argument(
        "scenario", metavar="SCENARIO", nargs="?", help="a name (--list has them), a file.toml, or file.py:function"
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios that come with the package")
    parser.add_argument("--nodes", metavar="N", type=int, help="how many nodes (default: the scenario says)")
    parser.add_argument(
        "--fidelity",
        metavar="|".join(FIDELITIES),
        help="full: every byte as on a real wire; fast: connections come secured (default: the scenario says)",
    )
    parser.add_argument("--seed", metavar="S", help=f"what decides all that happens (default: {seeds.DEFAULT_SEED})")
    parser.add_argument("--seeds", metavar="A..B", help="a run for each seed from A to B")
    parser.add_argument("--jobs", metavar="J", type=int, help="runs at a time (default: one for each CPU)")
    parser.add_argument("--report", metavar="DIR", help="write index.html, with plots, and results.json there")
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="run on a Ray cluster: its address, auto, or local for one of this machine"
    )


def run(arguments: argparse.Namespace) -> int:
    """List the scenarios, or run one of them."""
    check(arguments)
    return run_with(_engine(), arguments)


def _engine() -> Engine:
    from aiolibp2p.simulator import scenarios
    from aiolibp2p.simulator.sweep.runs import run_one

    return Engine(scenarios.catalogue, scenarios.find, run_one)


def check(arguments: argparse.Namespace) -> None:
    """Raise UsageError when the arguments make no sense together; load nothing."""
    if not arguments.list and arguments.scenario is None:
        raise UsageError("SCENARIO is missing: p2p simulate --list shows what there is")
    if arguments.list and arguments.scenario is not None:
        raise UsageError("--list takes no scenario; leave --list out to run it")
    if arguments.fidelity not in (None, *FIDELITIES):
        raise UsageError(f"--fidelity takes {' or '.join(FIDELITIES)}, not {arguments.fidelity!r}")
    if arguments.nodes is not None and not 1 <= arguments.nodes <= MAX_NODES:
        raise UsageError(f"--nodes takes a number from 1 to {MAX_NODES}, not {arguments.nodes}")
    if arguments.jobs is not None and not 1 <= arguments.jobs <= MAX_JOBS:
        raise UsageError(f"--jobs takes a number from 1 to {MAX_JOBS}, not {arguments.jobs}")
    if arguments.report == "":
        raise UsageError("--report takes a directory; its name is empty")
    seeds.parse(arguments.seed, arguments.seeds)


def run_with(engine: Engine, arguments: argparse.Namespace) -> int:
    """Run the command over `engine` in place of the simulator."""
    if arguments.list:
        return _list(engine.catalogue(), Output(arguments.json))

    import logging

    from aiolibp2p.cli.simulate.outcome import Outcome
    from aiolibp2p.simulator.sweep.runs import Sweep

    levels = (logging.CRITICAL, logging.INFO, logging.DEBUG)
    level = levels[min(arguments.verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    scenario = _found(engine, arguments)
    if arguments.report is not None:
        # Before hours of running, not after.
        import os

        os.makedirs(arguments.report, exist_ok=True)
    sweep = Sweep(arguments.scenario, seeds.parse(arguments.seed, arguments.seeds), arguments.nodes, arguments.fidelity)
    outcome = Outcome(sweep, scenario, Output(arguments.json), arguments.verbose)
    try:
        with _terminable():
            _take_all(_results(engine, sweep, arguments, outcome.moved), outcome)
        status = FAILED if outcome.has_failed else 0
    except KeyboardInterrupt:
        outcome.stopped()
        status = INTERRUPTED
    if arguments.report is not None and outcome.results:
        from aiolibp2p.simulator.report import write_report

        outcome.reported(write_report(arguments.report, outcome.results))
    return status


def _list(found: Sequence[Scenario], output: Output) -> int:
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        fields = {"scenario": one.name, "summary": one.summary, "nodes": one.nodes, "fidelity": one.fidelity}
        output.record(f"{one.name:{width}}  {one.nodes:5} nodes  {one.fidelity}  {one.summary}", fields)
    output.hint("\np2p simulate SCENARIO runs one; p2p simulate --help says how")
    return 0


def _found(engine: Engine, arguments: argparse.Namespace) -> Scenario:
    from aiolibp2p.errors import ConfigError

    try:
        scenario = engine.find(arguments.scenario)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    if arguments.nodes is not None and arguments.nodes < scenario.min_nodes:
        raise UsageError(f"{scenario.name} needs at least {scenario.min_nodes} nodes, not {arguments.nodes}")
    return scenario


def _results(
    engine: Engine, sweep: Sweep, arguments: argparse.Namespace, progress: SweepProgress
) -> Iterator[RunResult]:
    jobs = arguments.jobs or 0
    if arguments.ray is not None:
        from aiolibp2p.simulator.sweep.ray_cluster import run_on_ray

        return run_on_ray(sweep, arguments.ray, jobs, engine.run)
    from aiolibp2p.simulator.sweep.processes import run_in_processes

    return run_in_processes(sweep, jobs, progress, engine.run)


def _take_all(results: Iterator[RunResult], outcome: Outcome) -> None:
    for result in results:
        outcome.ended(result)
    outcome.finished()


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the sweep as Ctrl-C does, its processes included."""

    def stop(_number: int, _frame: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
