"""What a process has used so far."""

from __future__ import annotations

import resource
from typing import Any


def usage() -> dict[str, Any]:
    """As the command `usage` of interop/README.md."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "user_seconds": used.ru_utime,
        "system_seconds": used.ru_stime,
        "max_rss_bytes": used.ru_maxrss * 1024,
    }
