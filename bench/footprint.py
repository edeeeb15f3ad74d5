"""What the library costs before it does anything: time to import, memory of an idle host."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from bench.program import ROOT

IMPORT_GOAL_S = 0.15
IDLE_GOAL_MB = 40.0

LINUX = sys.platform == "linux"

IMPORT = "import time; t = time.perf_counter(); import aiolibp2p; print(time.perf_counter() - t)"

IDLE = """
import asyncio, pathlib
from aiolibp2p import Host
async def main():
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]):
        await asyncio.sleep(0.2)
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        print(next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")))
asyncio.run(main())
"""


def measure(rounds: int) -> Iterator[dict[str, Any]]:
    """Both figures, as they are printed."""
    with tempfile.TemporaryDirectory() as cache:
        # As installed: compiled already, whatever the environment says of bytecode.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache

        def run(code: str) -> float:
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
            return float(done.stdout)

        run(IDLE if LINUX else IMPORT)
        yield _figure("import-time", "s", [run(IMPORT) for _ in range(rounds)], IMPORT_GOAL_S)
        if LINUX:
            yield _figure("idle-rss", "MB", [run(IDLE) for _ in range(rounds)], IDLE_GOAL_MB)


def _figure(name: str, unit: str, values: list[float], goal: float) -> dict[str, Any]:
    median = statistics.median(values)
    return {
        "figure": name,
        "row": "ours-stdlib",
        "unit": unit,
        "median": round(median, 4),
        "best": round(min(values), 4),
        "rounds": [round(value, 4) for value in values],
        "goal": goal,
        "met": median < goal,
    }
