"""What the library costs before it does anything: time to import, memory of an idle host."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.program import ROOT, ProgramFailed
from bench.report import Line, ratio_lines, rounded, verdict
from bench.rows import RowMissing, py_python

LINUX = sys.platform == "linux"

IMPORT = "import time; t = time.perf_counter(); import aiolibp2p; print(time.perf_counter() - t)"
PY_IMPORT = IMPORT.replace("aiolibp2p", "libp2p")

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


PY_IDLE = """
import pathlib, trio
from libp2p import new_host
from multiaddr import Multiaddr
async def main():
    listen = [Multiaddr("/ip4/127.0.0.1/tcp/0")]
    async with new_host(listen_addrs=listen).run(listen):
        await trio.sleep(0.2)
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        print(next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")))
trio.run(main)
"""

NAMES = {"import-time": ("import", "s"), "idle-rss": ("resident memory of an idle host", "MB")}
"""The titles of the figures in the tables, and their units."""

CODES = {"import-time": IMPORT, "idle-rss": IDLE}
"""The programs that print each figure's value in a fresh process."""


@dataclass(frozen=True)
class Surroundings:
    """Where a fresh process runs, with what in its environment, and where it keeps compiled bytecode."""

    cache: str
    home: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)


def told(python: Sequence[str], code: str, around: Surroundings) -> float:
    """Return the number that a fresh process prints. Raises ProgramFailed."""
    # As installed: compiled already, whatever the environment says of bytecode.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": around.cache, **around.environment}
    command = [*python, "-c", code]
    done = subprocess.run(command, cwd=around.home, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise ProgramFailed(f"a fresh process of it ended with: {done.stderr.strip()[-500:]}")
    return float(done.stdout)


def measure(figure: str, rounds: int, rows: Sequence[str]) -> Iterator[Line]:
    """Return one of both figures, as it is printed; of py-libp2p, too, where its row is asked for and can be had."""
    if figure == "idle-rss" and not LINUX:
        return
    codes = {"ours-stdlib": ([sys.executable], CODES[figure])}
    with contextlib.suppress(RowMissing):
        if "py" in rows:
            codes["py"] = ([str(py_python())], PY_IMPORT if figure == "import-time" else PY_IDLE)
    values: dict[str, list[float]] = {row: [] for row in codes}
    with tempfile.TemporaryDirectory() as cache:
        for row, (python, code) in [*codes.items()] * (rounds + 1):
            values[row].append(told(python, code, Surroundings(cache)))
    lines = [_line(figure, row, values[row][1:]) for row in codes]  # the first compiles
    yield from lines
    yield from ratio_lines(figure, False, lines)


def _line(figure: str, row: str, values: list[float]) -> Line:
    median = statistics.median(values)
    return {
        "figure": figure,
        "row": row,
        "unit": NAMES[figure][1],
        "median": rounded(median),
        "best": rounded(min(values)),
        "rounds": [rounded(value) for value in values],
        **verdict(figure, row, median),
    }
