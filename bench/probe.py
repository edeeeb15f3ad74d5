"""The kind of this machine: the name of its processor, and what a system call and a wake-up cost on it."""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEAR_WAKE_UP_US = 30.0
"""The microseconds of a wake-up from which on a machine's system calls are called dear.

Virtual Intel machines took 37, AMD ones 22 to 24, and the ratios to libraries that spin before they sleep differ
between the two as between no others.
"""

BATCHES = 40
TRIPS_PER_BATCH = 200
"""A batch takes some 10 ms, so that a burst of somebody else's work spoils few of the forty."""
CALLS_PER_BATCH = 5_000
PROBE_TIMEOUT_S = 20.0
"""Fifty times what the probe takes where a wake-up costs 25 us."""

ECHO = """
import os, socket, sys
sock = socket.socket(fileno=int(sys.argv[1]))
if sys.argv[2] != "any":
    os.sched_setaffinity(0, {int(sys.argv[2])})
while byte := sock.recv(1):
    sock.send(byte)
"""


def about() -> dict[str, Any]:
    """Return the part of a run's first line that describes the machine."""
    line: dict[str, Any] = {"processor": processor(), "system calls": "not measured"}
    with contextlib.suppress(OSError, AttributeError, ValueError):
        us = wake_up_us()
        line |= {"system calls": cost(us), "wake-up us": round(us, 1), "system call ns": round(system_call_ns())}
    return line


def processor() -> str:
    """The processor's model as the system names it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cost(us: float) -> str:
    """Whether a machine where waking a process takes this many microseconds has dear system calls or cheap ones."""
    return "dear" if us >= DEAR_WAKE_UP_US else "cheap"


def system_call_ns() -> float:
    """Nanoseconds of a system call that does nothing, the call from Python included; the best batch of all."""
    return min(_calls_ns() for _ in range(BATCHES))


def wake_up_us() -> float:
    """Microseconds until a process that sleeps on a socket has the byte that another core sent it.

    It is half of a round trip, and of the batches' medians the ninth decile, because a core that somebody else keeps
    awake answers sooner than an idle one. Raises OSError, AttributeError or ValueError where a system has no such
    sockets.
    """
    ours, theirs = socket.socketpair()
    with ours, _cores() as (core, other):
        ours.settimeout(PROBE_TIMEOUT_S)
        with theirs:
            command = [sys.executable, "-c", ECHO, str(theirs.fileno()), other]
            echo = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        try:
            if core is not None:
                os.sched_setaffinity(0, {core})
            _trip_us(ours)
            medians = [statistics.median(_trip_us(ours) for _ in range(TRIPS_PER_BATCH)) for _ in range(BATCHES)]
        finally:
            ours.close()
            echo.kill()
            echo.wait()
    return statistics.quantiles(medians, n=10)[-1] / 2


@contextlib.contextmanager
def _cores() -> Iterator[tuple[int | None, str]]:
    """A core for each of two processes; this one may use all of its own again afterwards."""
    if not hasattr(os, "sched_getaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        yield None, "any"
        return
    try:
        yield cores[0], str(cores[-1])
    finally:
        os.sched_setaffinity(0, cores)


def _trip_us(sock: socket.socket) -> float:
    start = time.perf_counter_ns()
    sock.send(b"x")
    if not sock.recv(1):
        raise OSError("the other process of the probe has ended")
    return (time.perf_counter_ns() - start) / 1e3


def _calls_ns() -> float:
    call = os.getppid
    start = time.perf_counter_ns()
    for _ in range(CALLS_PER_BATCH):
        call()
    return (time.perf_counter_ns() - start) / CALLS_PER_BATCH
