"""The runtime of the real world."""

from __future__ import annotations

import os
import time


class SystemRuntime:
    """A `Runtime` of the operating system's clocks and randomness, whose functions stand in for methods."""

    def __init__(self) -> None:
        self.now = time.monotonic
        self.wall = time.time
        self.entropy = os.urandom
