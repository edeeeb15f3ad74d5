"""The load of the machine beside us, so that a reader can tell a slow round from a slow program."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUSY_OTHERS = 0.05
BUSY_STEAL = 0.02


def load() -> float | None:
    """The load average of the last minute, where there is one."""
    with contextlib.suppress(OSError, AttributeError):
        return round(os.getloadavg()[0], 2)
    return None


def cores() -> int:
    """Processors we may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def own_s() -> float:
    """Processor time of this process and of those children that have ended, in seconds."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@dataclass(frozen=True)
class Counters:
    """The system's counters so far, in seconds."""

    clock: float
    busy: float
    stolen: float
    processors: int

    @classmethod
    def read(cls) -> Counters | None:
        """Return the counters now, or None where the system does not count."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
            user, nice, system, _idle, _wait, _irq, _softirq, steal = (int(word) for word in lines[0].split()[1:9])
            tick = 1 / os.sysconf("SC_CLK_TCK")
            processors = sum(line.startswith("cpu") for line in lines) - 1
            return cls(time.perf_counter(), (user + nice + system) * tick, steal * tick, processors)
        return None


def beside(before: Counters | None, after: Counters | None, used_s: float) -> dict[str, Any] | None:
    """Shares of the machine that others took and that the hypervisor withheld while we used `used_s`."""
    if before is None or after is None:
        return None
    capacity = max((after.clock - before.clock) * after.processors, 1e-9)
    others = min(max(0.0, (after.busy - before.busy - used_s) / capacity), 1.0)
    steal = max(0.0, (after.stolen - before.stolen) / capacity)
    busy = others > BUSY_OTHERS or steal > BUSY_STEAL
    return {"others": round(others, 3), "steal": round(steal, 3), "busy": busy}
