"""Links between two interfaces: what an interface can carry, and how packets wait at it."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass
from typing import Literal, Protocol

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.network.packet import SOON_S


@dataclass(frozen=True)
class LinkConfig:
    """The link from one interface to another, in one direction."""

    latency_s: float = 0.0
    """The time that a packet takes, in seconds, without its own length."""
    jitter_s: float = 0.0
    """The jitter in seconds. uniform: the most that is added or taken. normal: its standard deviation. exponential:
    the mean of what is added.
    """
    distribution: Literal["uniform", "normal", "exponential"] = "uniform"
    loss: float = 0.0
    """The share of packets that are lost."""
    reorder: float = 0.0
    """The share of datagrams that come `reorder_s` late, so that others overtake them."""
    reorder_s: float = 0.01
    """The seconds by which a reordered datagram comes late."""

    def __post_init__(self) -> None:
        if min(self.latency_s, self.jitter_s, self.reorder_s) < 0:
            raise ConfigError("a link's latency, jitter and reordering are not negative")
        if not (0 <= self.loss <= 1 and 0 <= self.reorder <= 1):
            raise ConfigError("a link's loss and reorder are shares, from 0 to 1")

    def draw_delay(self, source: random.Random) -> float:
        """Draw the latency and jitter of one packet, in seconds."""
        jitter = self.jitter_s
        if not jitter:
            return self.latency_s
        if self.distribution == "uniform":
            delay = self.latency_s + source.uniform(-jitter, jitter)
        elif self.distribution == "normal":
            delay = source.gauss(self.latency_s, jitter)
        else:
            delay = self.latency_s + source.expovariate(1 / jitter)
        return max(0.0, delay)


@dataclass(frozen=True)
class InterfaceConfig:
    """The speed of an interface in both directions, and how much it queues."""

    up_bits_per_s: float = math.inf
    down_bits_per_s: float = math.inf
    queue_bytes: int = 1 << 20
    """The bytes that wait. Datagrams past it are dropped; a stream past it at the receiver halves its window."""

    def __post_init__(self) -> None:
        if min(self.up_bits_per_s, self.down_bits_per_s) <= 0 or self.queue_bytes < 0:
            raise ConfigError("an interface has a speed above 0 and a queue of 0 bytes or more")


BACKLOG_S = 0.005
"""How many seconds of bytes lie before a stream's next segment at most, so that sockets take turns at the uplink."""


class Sender(Protocol):
    """A stream that waits for its turn at the uplink."""

    def send_one(self) -> bool:
        """Send one segment; return whether another could follow."""
        ...


class Uplink:
    """The sending side of an interface: one packet after the other, first come, first served; streams in turns."""

    def __init__(self, config: InterfaceConfig, loop: asyncio.AbstractEventLoop) -> None:
        self.config = config
        self._loop = loop
        self._busy_until_s = 0.0
        self._waiting: dict[Sender, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def take(self, size: int) -> tuple[float, float]:
        """Send this many bytes; return when their first and their last bit leave."""
        start = max(self._loop.time(), self._busy_until_s)
        end = self._busy_until_s = start + size * 8 / self.config.up_bits_per_s
        return start, end

    def is_full(self, size: int) -> bool:
        """Return whether a datagram of this size no longer fits into the queue."""
        backlog_s = self._busy_until_s - self._loop.time()
        return backlog_s > SOON_S and backlog_s * self.config.up_bits_per_s / 8 + size > self.config.queue_bytes + 0.5

    def may_send(self, sender: Sender) -> bool:
        """Return whether a stream may send at once. If not, its `send_one` is called when it is its turn."""
        if not self._waiting and self._busy_until_s <= self._loop.time() + BACKLOG_S:
            return True
        self._waiting[sender] = None
        self._arm()
        return False

    def forget(self, sender: Sender) -> None:
        """Let a stream wait no more."""
        self._waiting.pop(sender, None)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(self._busy_until_s - BACKLOG_S, self._serve)

    def _serve(self) -> None:
        self._timer = None
        while self._waiting and self._busy_until_s <= self._loop.time() + BACKLOG_S + SOON_S:
            sender = next(iter(self._waiting))
            del self._waiting[sender]
            if sender.send_one():
                self._waiting[sender] = None
        if self._waiting:
            self._arm()


class Downlink:
    """The receiving side of an interface: packets one after the other, in the order they come."""

    def __init__(self, config: InterfaceConfig) -> None:
        self.config = config
        self._busy_until_s = 0.0

    def take(self, size: int, first_bit_s: float, now: float) -> float:
        """Return when the last bit is in of a packet whose first bit came at `first_bit_s`, and whose last came now."""
        end = max(self._busy_until_s, first_bit_s) + size * 8 / self.config.down_bits_per_s
        if end < now:
            end = now
        self._busy_until_s = end
        return end

    def is_full(self, size: int, now: float) -> bool:
        """Return whether a packet of this size no longer fits into the queue."""
        backlog_s = self._busy_until_s - now
        return backlog_s > SOON_S and backlog_s * self.config.down_bits_per_s / 8 + size > self.config.queue_bytes + 0.5
