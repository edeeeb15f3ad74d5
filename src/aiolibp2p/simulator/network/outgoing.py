"""The sending end of a stream socket: segments in order, as fast as its window and its uplink let it."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from typing import TYPE_CHECKING

from aiolibp2p.simulator.network.packet import SOON_S, Packet
from aiolibp2p.simulator.network.window import SendWindow

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface
    from aiolibp2p.simulator.network.stream_socket import StreamSocket

LEAST_TIMEOUT_S = 0.2
"""The shortest wait before a segment is sent again, in seconds: Linux's TCP_RTO_MIN."""
MOST_TIMEOUT_S = 10.0
"""The longest wait before a segment is sent again, in seconds. Linux waits up to 120, which only makes runs longer."""
MAX_RESENT = 6
"""How often in a row chance may take a segment; one more is silence, so that no transfer stalls on luck alone."""
GIVE_UP_S = 120.0
"""The seconds without an answer after which a connection ends. Linux takes some 15 minutes, which runs seldom last."""


class Outgoing:
    """One direction of a stream, at its start.

    What vanishes on the way is sent again; what chance takes comes a round trip late.
    """

    def __init__(self, socket: StreamSocket, interface: Interface) -> None:
        self.window = SendWindow()
        self.queued = 0
        self.rtt_s: float | None = None
        """The smallest round trip seen, in seconds."""
        self._socket = socket
        self._interface = interface
        self._network = interface.network
        self._loop = interface.network.loop
        self._queue: deque[Packet] = deque()
        self._written = 0
        self._on_wire: deque[Packet] = deque()
        self._coming_in: deque[tuple[Packet, Interface]] = deque()
        self._last_arrival_s = 0.0
        self._ack_timer: asyncio.TimerHandle | None = None
        self._missing: deque[Packet] = deque()
        self._retry_timer: asyncio.TimerHandle | None = None
        self._retry_after_s = LEAST_TIMEOUT_S
        self._silent_since_s = 0.0
        self._is_stopped = False

    @property
    def unsent(self) -> int:
        """The bytes past those an operating system takes: twice the window."""
        return max(0, self.queued + self.window.in_flight - 2 * int(self.window.size))

    def push(self, packet: Packet) -> None:
        """Send a payload after all that was pushed before."""
        packet.begin = self._written
        self._written = packet.end = self._written + max(1, packet.size)
        self._queue.append(packet)
        self.queued += packet.size

    def stop(self) -> None:
        """Send nothing more. What is on the wire arrives."""
        self._is_stopped = True
        self._queue.clear()
        self._missing.clear()
        self.queued = 0
        self._interface.uplink.forget(self)
        for timer in (self._ack_timer, self._retry_timer):
            if timer is not None:
                timer.cancel()
        self._ack_timer = self._retry_timer = None

    # Sending

    def pump(self) -> None:
        """Send as many segments as may be sent."""
        if self._is_stopped or self._retry_timer is not None or not self._socket.is_established:
            return
        window, queue, uplink = self.window, self._queue, self._interface.uplink
        window.take_acks(self._loop.time())
        while queue and self._retry_timer is None:
            if not window.is_open:
                self._await_ack()
                break
            if not uplink.may_send(self):
                break
            self._send_next()
        self._socket.sent()

    def send_one(self) -> bool:
        """Send one segment, now that the uplink's turn is ours; return whether another could follow."""
        window, queue = self.window, self._queue
        if self._is_stopped or self._retry_timer is not None or not queue:
            return False
        window.take_acks(self._loop.time())
        if window.is_open:
            self._send_next()
            self._socket.sent()
            if queue and window.is_open:
                return self._retry_timer is None
        if queue:
            self._await_ack()
        return False

    def _send_next(self) -> None:
        packet = self._queue.popleft()
        self.queued -= packet.size
        self.window.sent(packet.end)
        self._transmit(packet)

    def _transmit(self, packet: Packet) -> None:
        packet.destination = self._socket.remote
        if not self._network.depart(packet):
            self._vanished(packet)
            return
        resent = 0
        while packet.is_lost and packet.kind != "rst":
            resent += 1
            # Sent again when the loss is noticed: by what follows, or after a timeout.
            self._network.lose(packet, "")
            self.window.shrink(self._loop.time(), self.rtt_s)
            rtt_s = self.rtt_s or 0.0
            noticed_s = rtt_s if self._queue or self._on_wire else max(rtt_s, LEAST_TIMEOUT_S)
            arrival_s = packet.arrival_s + noticed_s
            if resent > MAX_RESENT or not self._network.depart(packet):
                self._vanished(packet)
                return
            packet.first_bit_s += max(0.0, arrival_s - packet.arrival_s)
            packet.arrival_s = max(arrival_s, packet.arrival_s)
        self._last_arrival_s = packet.arrival_s = max(packet.arrival_s, self._last_arrival_s)
        self._on_wire.append(packet)
        self._loop.call_at(packet.arrival_s, self._arrive)

    def reset(self, packet: Packet) -> None:
        """Send a reset, behind all that is on the wire, and nothing more."""
        self.stop()
        self._transmit(packet)

    # At the other end

    def _arrive(self) -> None:
        packet = self._on_wire.popleft()
        target = self._network.enter(packet)
        if target is None or not target.is_up:
            self._network.lose(packet, target.name if target is not None else "filtered")
            self._vanished(packet)
            return
        if target.downlink.is_full(packet.size, self._loop.time()):
            self.window.shrink(self._loop.time(), self.rtt_s)
        finish_s = self._network.receive(packet, target)
        if finish_s is None and not self._coming_in:
            self._network.deliver(packet, target)
            return
        self._coming_in.append((packet, target))
        self._loop.call_at(finish_s or self._loop.time(), self._finish)

    def _finish(self) -> None:
        packet, target = self._coming_in.popleft()
        if target.is_up:
            self._network.deliver(packet, target)
        else:
            self._network.lose(packet, target.name)
            self._vanished(packet)

    # Answers

    def acknowledged(self, at_s: float, end: int, unread: int) -> None:
        """Note that the other side has all bytes up to `end`, which is heard here at `at_s`."""
        if self._is_stopped:
            return
        self.window.note_ack(at_s, end, unread)
        if end >= self._written and self._socket.is_closing:
            self._socket.finished()
        elif self._ack_timer is None and (
            self._retry_timer is not None or self._socket.is_waiting or (self._queue and not self.window.is_open)
        ):
            self._await_ack()

    def measured(self, rtt_s: float) -> None:
        """Note a round trip without queues, in seconds."""
        if self.rtt_s is None or rtt_s < self.rtt_s:
            self.rtt_s = rtt_s

    def _await_ack(self) -> None:
        if self._ack_timer is None and self.window.next_ack_s is not None:
            self._ack_timer = self._loop.call_at(self.window.next_ack_s, self._hear)

    def _hear(self) -> None:
        self._ack_timer = None
        progressed = self.window.take_acks(self._loop.time() + SOON_S)
        if self._retry_timer is not None:
            if not progressed:
                self._await_ack()
                return
            self._recover()
        self.pump()

    # Silence

    def vanished(self, packet: Packet) -> None:
        """Note that the other side says nothing to this segment."""
        if not self._is_stopped:
            self._vanished(packet)

    def _vanished(self, packet: Packet) -> None:
        if self._is_stopped or packet.kind == "rst":
            return
        if self._missing and packet.begin < self._missing[0].begin:
            self._missing.appendleft(packet)
        else:
            self._missing.append(packet)
        if self._retry_timer is None:
            self._retry_after_s = max(LEAST_TIMEOUT_S, self.rtt_s or 0.0)
            self._silent_since_s = self._loop.time()
            self._retry_timer = self._loop.call_later(self._retry_after_s, self._retry)
            self._await_ack()

    def _retry(self) -> None:
        now = self._loop.time()
        self._retry_timer = None
        if self.window.take_acks(now):
            self._recover()
            self.pump()
            return
        while self._missing and self._missing[0].end <= self.window.acked:
            self._missing.popleft()
        if now - self._silent_since_s >= GIVE_UP_S:
            self._socket.fail(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
            return
        self._retry_after_s = min(MOST_TIMEOUT_S, 2 * self._retry_after_s)
        self._retry_timer = self._loop.call_later(self._retry_after_s, self._retry)
        if self._missing:
            self._transmit(self._missing.popleft())
        elif not self._on_wire and not self._coming_in and self.window.next_ack_s is None:
            self._recover()
            self.pump()

    def _recover(self) -> None:
        """Send again from the first byte that is missing, now that the other side answers."""
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None
        acked = self.window.acked
        again = [packet for packet in self._missing if packet.end > acked]
        self._missing.clear()
        self._queue.extendleft(reversed(again))
        self.queued += sum(packet.size for packet in again)
        self.window.start_over(again[0].begin if again else None)
