"""When a stream socket sends again what was lost, and when it gives its peer up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiolibp2p.simulator.network.flight import Flight
from aiolibp2p.simulator.network.packet import Kind, Packet

FIRST_RETRY_S, FIRST_HANDSHAKE_RETRY_S, LAST_RETRY_S = 0.2, 1.0, 10.0
GIVE_UP_S = 120.0
"""A peer to whom nothing gets through for so long is given up."""


class Retries:
    """Timers of lost packets. The first loss is told by what follows it; after that each try waits twice as long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, flight: Flight, send_again: Callable[[Packet], None]) -> None:
        self._loop = loop
        self._flight = flight
        self._send_again = send_again
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._stuck_since: float | None = None
        self._retry_s = FIRST_RETRY_S

    def schedule(self, packet: Packet, has_followers: bool) -> bool:
        """Send it again a little later; False when the peer is to be given up."""
        now = self._loop.time()
        if self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since > GIVE_UP_S:
            return False
        delay_s = self._delay_s(packet, now, has_followers)
        self._timers[packet.sequence] = self._loop.call_later(delay_s, self._due, packet)
        return True

    def _due(self, packet: Packet) -> None:
        self._timers.pop(packet.sequence, None)
        self._send_again(packet)

    def _delay_s(self, packet: Packet, now: float, has_followers: bool) -> float:
        if packet.kind in (Kind.SYN, Kind.SYN_ACK):
            delay_s = max(self._retry_s, FIRST_HANDSHAKE_RETRY_S)
            self._retry_s = min(delay_s * 2, LAST_RETRY_S)
            return delay_s
        rtt_s = self._flight.rtt_s or FIRST_RETRY_S
        if self._stuck_since == now:
            self._flight.window.lost(now, rtt_s)
            # Those behind it tell its absence after a round trip; with none behind it a timer has to.
            return rtt_s if has_followers else max(rtt_s, FIRST_RETRY_S)
        if self._retry_s >= 4 * FIRST_RETRY_S:
            self._flight.window.collapse()
        delay_s = max(self._retry_s, rtt_s)
        self._retry_s = min(self._retry_s * 2, LAST_RETRY_S)
        return delay_s

    def succeeded(self) -> None:
        """Something got through."""
        self._stuck_since = None
        self._retry_s = FIRST_RETRY_S

    def clear(self) -> None:
        """Send nothing again."""
        timers, self._timers = self._timers, {}
        for timer in timers.values():
            timer.cancel()
