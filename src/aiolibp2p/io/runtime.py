"""The runtime of the real world."""

from __future__ import annotations

import os
import time


class SystemRuntime:
    """The operating system's clocks and randomness; implements `abc.runtime.Runtime`."""

    def __init__(self) -> None:
        self.now = time.monotonic
        self.wall = time.time
        self.entropy = os.urandom
