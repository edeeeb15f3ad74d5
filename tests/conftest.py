"""What all tests share: how Hypothesis searches, which event loop runs them, and which tests run alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") or os.environ.get("INTEROP") == "require" else "local")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The standard library's loop; uvloop's with AIOLIBP2P_LOOP=uvloop."""
    if os.environ.get("AIOLIBP2P_LOOP") == "uvloop":
        import uvloop

        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--alone`, by which scripts/run-suite chooses a part of the tests; -m stays free for other choices."""
    parser.addoption(
        "--alone",
        choices=("only", "never"),
        help="run only the tests that need the machine to themselves (marked `alone`), or all others",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the other part, if a part was asked for."""
    part = config.getoption("--alone")
    if part is None:
        return
    left_out = [item for item in items if (item.get_closest_marker("alone") is None) == (part == "only")]
    items[:] = [item for item in items if (item.get_closest_marker("alone") is not None) == (part == "only")]
    config.hook.pytest_deselected(items=left_out)
