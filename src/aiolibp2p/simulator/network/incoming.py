"""The receiving end of a stream socket: in order, once, and no faster than the bytes are taken."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aiolibp2p.simulator.network.packet import Packet

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface
    from aiolibp2p.simulator.network.stream_socket import SocketReceiver


class Incoming:
    """One direction of a stream, at its end. What nobody takes yet is held, and counts against the sender's window."""

    def __init__(self, interface: Interface) -> None:
        self.receiver: SocketReceiver | None = None
        self.is_paused = False
        """Whether the owner takes nothing for a while."""
        self._interface = interface
        self._expected = 0
        self._unread = 0
        self._held: deque[Packet] = deque()

    def receive(self, packet: Packet) -> None:
        """Take a segment; its sender hears of it in time."""
        origin = packet.socket
        if origin is None:
            return
        if packet.begin > self._expected:
            origin.outgoing.vanished(packet)
            return
        network = self._interface.network
        delay_s = network.answer_delay_s(packet, self._interface)
        if packet.begin == self._expected:
            self._expected = packet.end
            if self._held or not self._takes:
                self._held.append(packet)
                self._unread += packet.size
            else:
                self._hand_over(packet)
        if delay_s is None:
            origin.outgoing.vanished(packet)
            return
        origin.outgoing.measured(packet.delay_s + delay_s)
        origin.outgoing.acknowledged(network.loop.time() + delay_s, self._expected, self._unread)

    def release(self) -> None:
        """Hand over what was held, and tell the sender that there is room again."""
        held = self._held
        last: Packet | None = None
        while held and self._takes:
            # Out of the queue only when it has been handed over: what comes meanwhile stays behind it.
            last = held[0]
            self._unread -= last.size
            self._hand_over(last)
            if held:
                held.popleft()
        if last is None or last.socket is None:
            return
        network = self._interface.network
        delay_s = network.answer_delay_s(last, self._interface)
        if delay_s is not None:
            last.socket.outgoing.acknowledged(network.loop.time() + delay_s, self._expected, self._unread)

    def stop(self) -> None:
        """Hand over nothing more, from now on."""
        self.receiver = None
        self._held.clear()

    @property
    def _takes(self) -> bool:
        return self.receiver is not None and not self.is_paused and not self._interface.is_stalled

    def _hand_over(self, packet: Packet) -> None:
        receiver = self.receiver
        if receiver is None:
            return
        if packet.kind == "fin":
            receiver.eof_received()
        elif packet.payload is not None:
            receiver.segment_received(packet.payload)
