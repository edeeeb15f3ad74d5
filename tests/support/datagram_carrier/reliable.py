"""Messages in order over datagrams that may be lost, doubled and overtaken. Pure: packets in and out, and `now`.

Each data packet carries one message and is sent again until it is acknowledged. There is no congestion control: the
window is fixed, which is enough for a loopback and for a simulated path.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from support.datagram_carrier.packets import ACK, DATA, MAX_PAYLOAD_BYTES, SEQUENCE_LIMIT, Packet

WINDOW_PACKETS = 64
"""Unacknowledged at most, and kept at most of what came too early."""

FIRST_TIMEOUT_S = 0.2
MIN_TIMEOUT_S = 0.05
MAX_TIMEOUT_S = 3.0
MAX_TRIES = 10
"""The tries of a packet after which the peer is gone: some 15 s, with the timeouts doubling."""


@dataclass(slots=True)
class _Sent:
    message: bytes
    at_s: float
    tries: int = 1


class Reliable:
    """One direction's sender and the other's receiver."""

    def __init__(self, connection_id: bytes) -> None:
        self.rtt: float | None = None
        """The smallest round trip seen, in seconds."""
        self.waiting_bytes = 0
        """What messages hold that have not been acknowledged."""
        self.is_answered = False
        """The peer has acknowledged something, so that it is where it says it is."""
        self._connection_id = connection_id
        self._waiting: deque[bytes] = deque()
        self._sent: dict[int, _Sent] = {}
        self._to_repeat: list[int] = []
        self._next_seq = 0
        self._expected = 0
        self._early: dict[int, bytes] = {}
        self._owes_ack = False
        self._timeout_s = FIRST_TIMEOUT_S

    def send(self, message: bytes) -> None:
        """Queue a frame, which leaves with the next `packets_to_send` for which there is room in the window."""
        assert len(message) <= MAX_PAYLOAD_BYTES
        self._waiting.append(message)
        self.waiting_bytes += len(message)

    def receive(self, packet: Packet, now: float) -> list[bytes]:
        """The messages whose turn it is now. Raises ProtocolViolation when what was never sent is acknowledged."""
        if packet.ack > self._next_seq:
            raise ProtocolViolation(f"packet {packet.ack - 1} was acknowledged, and never sent")
        self._acknowledged(packet.ack, now)
        if packet.kind != DATA:
            return []
        self._owes_ack = True
        if self._expected <= packet.seq < self._expected + WINDOW_PACKETS:
            self._early[packet.seq] = packet.payload
        ready: list[bytes] = []
        while self._expected in self._early:
            ready.append(self._early.pop(self._expected))
            self._expected += 1
        return ready

    def _acknowledged(self, ack: int, now: float) -> None:
        for seq in [seq for seq in self._sent if seq < ack]:
            sent = self._sent.pop(seq)
            self.is_answered = True
            self.waiting_bytes -= len(sent.message)
            if sent.tries == 1:
                self.rtt = min(self.rtt or now - sent.at_s, now - sent.at_s)
            self._timeout_s = FIRST_TIMEOUT_S if self.rtt is None else max(MIN_TIMEOUT_S, 2 * self.rtt)

    def packets_to_send(self, now: float) -> list[Packet]:
        """What to send now: repetitions, then what the window has room for, or an acknowledgement alone."""
        packets = [self._packet(seq) for seq in self._to_repeat if seq in self._sent]
        self._to_repeat = []
        while self._waiting and len(self._sent) < WINDOW_PACKETS:
            if self._next_seq == SEQUENCE_LIMIT:
                raise ConnectionLost("all sequence numbers are used up")
            self._sent[self._next_seq] = _Sent(self._waiting.popleft(), now)
            packets.append(self._packet(self._next_seq))
            self._next_seq += 1
        if self._owes_ack and not packets:
            packets.append(Packet(ACK, self._connection_id, 0, self._expected))
        self._owes_ack = False
        return packets

    def _packet(self, seq: int) -> Packet:
        return Packet(DATA, self._connection_id, seq, self._expected, self._sent[seq].message)

    def next_timeout(self) -> float | None:
        """When the oldest unacknowledged packet is due again."""
        return min(sent.at_s for sent in self._sent.values()) + self._timeout_s if self._sent else None

    def handle_timeout(self, now: float) -> None:
        """Repeat what is due, with `packets_to_send`. Raises ConnectionLost when it was repeated often enough."""
        due = [seq for seq, sent in self._sent.items() if sent.at_s + self._timeout_s <= now]
        if not due:
            return
        if max(self._sent[seq].tries for seq in due) >= MAX_TRIES:
            raise ConnectionLost(f"the peer did not answer {MAX_TRIES} times")
        for seq in due:
            self._sent[seq].tries += 1
            self._sent[seq].at_s = now
        self._to_repeat = due
        self._timeout_s = min(MAX_TIMEOUT_S, 2 * self._timeout_s)
