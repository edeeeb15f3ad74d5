"""What lies between two interfaces, one way; and how fast an interface itself is."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

from aiolibp2p.errors import ConfigError


@dataclass(frozen=True)
class LinkConfig:
    """A path, one way. Times in seconds, shares from 0 to 1."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    """Uniform: at most so much is added. Normal: the standard deviation. Exponential: the mean of what is added."""
    distribution: Literal["uniform", "normal", "exponential"] = "uniform"
    loss: float = 0.0
    """The share of packets that is lost."""
    reorder: float = 0.0
    """The share of datagrams that comes `reorder_s` late, and may be overtaken."""
    reorder_s: float = 0.01

    def __post_init__(self) -> None:
        if min(self.latency_s, self.jitter_s, self.reorder_s) < 0:
            raise ConfigError(f"a link's times are not negative: {self}")
        if not (0 <= self.loss < 1 and 0 <= self.reorder <= 1):
            raise ConfigError(f"a link's shares are from 0 to 1, and not all is lost: {self}")

    def sample_latency_s(self, source: random.Random) -> float:
        """How long one packet takes."""
        if not self.jitter_s:
            return self.latency_s
        if self.distribution == "uniform":
            return self.latency_s + source.uniform(0.0, self.jitter_s)
        if self.distribution == "normal":
            return max(0.0, source.gauss(self.latency_s, self.jitter_s))
        return self.latency_s + source.expovariate(1 / self.jitter_s)


@dataclass(frozen=True)
class InterfaceConfig:
    """How fast an interface sends and receives, in bits a second, and what each direction may hold, in bytes."""

    up_bits_per_s: float = math.inf
    down_bits_per_s: float = math.inf
    queue_bytes: int = 1024 * 1024

    def __post_init__(self) -> None:
        if min(self.up_bits_per_s, self.down_bits_per_s, self.queue_bytes) <= 0:
            raise ConfigError(f"an interface's rates and queue are positive: {self}")


class Serializer:
    """One direction of an interface: one packet after the other, at its rate."""

    def __init__(self, bits_per_s: float, queue_bytes: int) -> None:
        self._bits_per_s = bits_per_s
        self._queue_s = queue_bytes * 8 / bits_per_s
        self._busy_until = 0.0

    @property
    def is_instant(self) -> bool:
        """It takes no time."""
        return self._bits_per_s == math.inf

    def backlog_s(self, now: float) -> float:
        """How long it is busy with what it holds."""
        return max(0.0, self._busy_until - now)

    def is_full(self, now: float) -> bool:
        """Its queue takes no more."""
        return self._busy_until - now > self._queue_s

    def send(self, now: float, size: int) -> float:
        """When the last bit has left."""
        if self._bits_per_s == math.inf:
            return now
        self._busy_until = max(now, self._busy_until) + size * 8 / self._bits_per_s
        return self._busy_until

    def receive(self, now: float, size: int) -> float:
        """When the last bit is in, if it arrives now: bits come in while the packet is still arriving."""
        if self._bits_per_s == math.inf:
            return now
        takes_s = size * 8 / self._bits_per_s
        self._busy_until = max(now, self._busy_until + takes_s)
        return self._busy_until
