"""The receiving half of a stream socket: segments that overtook one another, back in order. Pure."""

from __future__ import annotations

from collections import deque

from aiolibp2p.simulator.network.packet import Packet


class Reassembly:
    """Sequences start at 1. What is in order waits in `inbox` for whoever takes it."""

    def __init__(self) -> None:
        self.inbox: deque[Packet] = deque()
        self._expected = 1
        self._early: dict[int, Packet] = {}

    def receive(self, packet: Packet) -> bool:
        """Keep a segment; whether something new is in order."""
        if packet.sequence < self._expected or packet.sequence in self._early:
            return False
        self._early[packet.sequence] = packet
        before = self._expected
        while self._expected in self._early:
            self.inbox.append(self._early.pop(self._expected))
            self._expected += 1
        return self._expected > before

    def clear(self) -> None:
        """Drop everything."""
        self.inbox.clear()
        self._early.clear()
