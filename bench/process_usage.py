"""The processor time of a process so far, and its memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
from pathlib import Path
from typing import Any


def usage() -> dict[str, Any]:
    """Return the process's usage, as the command `usage` of interop/README.md has it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "user_seconds": used.ru_utime,
        "system_seconds": used.ru_stime,
        "max_rss_bytes": used.ru_maxrss * 1024,
    }


def resident_bytes() -> int:
    """Resident memory, once garbage is collected and what is free given back. Raises OSError where /proc is not."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmRSS in /proc/self/status")


def allow_many_files() -> None:
    """Raise the limit on open files as far as the system lets us."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
