"""`p2p simulate` over fake runs; as a program: `fake_command.py RUN ARGUMENT...`, RUN a function of fake_runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from aiolibp2p.cli.main import build_parser
from aiolibp2p.cli.simulate import command
from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.sweep.runs import RunOne

if TYPE_CHECKING:
    from aiolibp2p.simulator.simulation import Simulation
from simulator.sweep import fake_runs


async def _nothing(simulation: Simulation) -> None:
    pass


FAKE = Scenario("fake", "Nothing at all.", _nothing, min_nodes=3)


def find(text: str) -> Scenario:
    """Find a fake scenario for every name but `missing`."""
    if text == "missing":
        raise ConfigError("no scenario 'missing'; there is: fake")
    return FAKE


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, as the command gets them."""
    return build_parser().parse_args(["simulate", *arguments])


def simulate(run: RunOne, *arguments: str) -> int:
    """Run the command; return its exit status. Raises UsageError."""
    given = parsed(arguments)
    command.check(given)
    return command.run_with(command.Engine(lambda: [FAKE], find, run), given)


if __name__ == "__main__":
    sys.exit(simulate(getattr(fake_runs, sys.argv[1]), *sys.argv[2:]))
