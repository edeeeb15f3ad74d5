"""What all tests share: how Hypothesis searches, and which event loop runs them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping

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
