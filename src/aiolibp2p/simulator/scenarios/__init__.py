"""The scenarios that come with the package, and how others are found."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator import toml_file
from aiolibp2p.simulator.scenario import Scenario
from aiolibp2p.simulator.scenarios import (
    byzantine,
    churn,
    connect_identify_ping,
    partition_heal,
    simultaneous_open,
    slow_readers,
)

_CATALOGUE = [
    connect_identify_ping.SCENARIO,
    churn.SCENARIO,
    partition_heal.SCENARIO,
    slow_readers.SCENARIO,
    byzantine.SCENARIO,
    simultaneous_open.SCENARIO,
]


def catalogue() -> list[Scenario]:
    """The scenarios that come with the package."""
    return list(_CATALOGUE)


def find(text: str) -> Scenario:
    """The scenario that `text` names: one of the catalogue, `file.toml`, or `file.py:function`.

    The function of a Python file takes a Simulation; its docstring's first line is the summary. Instead of a
    function the name may be that of a `Scenario`. Raises ConfigError that says what there is.
    """
    for scenario in _CATALOGUE:
        if scenario.name == text:
            return scenario
    if text.endswith(".toml"):
        return toml_file.load(text)
    path, colon, name = text.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_python(path, name)
    names = ", ".join(scenario.name for scenario in _CATALOGUE)
    raise ConfigError(f"no scenario {text!r}; there are {names}; or give a file.toml, or file.py:function")


def _from_python(path: str, name: str) -> Scenario:
    module_name = re.sub(r"\W", "_", f"scenario_{Path(path).stem}")
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise ConfigError(f"no scenario file {path!r}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if isinstance(found, Scenario):
        return found
    if not callable(found):
        public = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise ConfigError(f"{path!r} holds no scenario {name!r}; it has {', '.join(public) or 'nothing to call'}")
    summary = (found.__doc__ or f"{name} of {path}").strip().splitlines()[0]
    return Scenario(name=name.replace("_", "-"), summary=summary, run=found)
