"""Messages arrive in order, whatever the datagrams do on their way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from support.datagram_carrier.packets import (
    ACK,
    CLOSE,
    DATA,
    HEADER,
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    Packet,
    decode,
)
from support.datagram_carrier.reliable import FIRST_TIMEOUT_S, MAX_TRIES, MIN_TIMEOUT_S, WINDOW_PACKETS, Reliable

CONNECTION_ID = b"8 bytes."
PACKETS = st.builds(
    Packet,
    st.sampled_from([DATA, ACK, CLOSE]),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=MAX_PAYLOAD_BYTES),
)


@given(PACKETS)
def test_packets_survive_the_wire(packet: Packet) -> None:
    assert decode(packet.encode()) == packet


@given(st.binary(max_size=40))
def test_anything_else_is_refused(datagram: bytes) -> None:
    if len(datagram) >= HEADER.size and datagram[0] in (DATA, ACK, CLOSE):
        return
    with pytest.raises(ProtocolViolation):
        decode(datagram)


def test_a_packet_that_is_too_large_is_refused() -> None:
    datagram = Packet(DATA, CONNECTION_ID).encode().ljust(MAX_PACKET_BYTES + 1)
    with pytest.raises(ProtocolViolation):
        decode(datagram)
    assert decode(datagram[:-1]).payload == b" " * MAX_PAYLOAD_BYTES


class Path:
    """Two ends and what is between them; each step decides what becomes of the next packet."""

    def __init__(self, messages: int) -> None:
        self.now = 0.0
        self.ends = Reliable(CONNECTION_ID), Reliable(CONNECTION_ID)
        self.under_way: list[tuple[int, Packet]] = []
        self.received: tuple[list[bytes], list[bytes]] = [], []
        self.sent = [b"%d" % n for n in range(messages)]
        for message in self.sent:
            for end in self.ends:
                end.send(message)
        self.flush()

    def flush(self) -> None:
        for side, end in enumerate(self.ends):
            self.under_way += [(1 - side, packet) for packet in end.packets_to_send(self.now)]

    def arrive(self, at: int, times: int = 1) -> None:
        """Let the packet at place `at` of those under way arrive `times` times: 0 is a loss."""
        side, packet = self.under_way.pop(at % len(self.under_way))
        for _ in range(times):
            self.received[side].extend(self.ends[side].receive(packet, self.now))
        self.flush()

    def let_time_pass(self) -> None:
        due = [due for end in self.ends if (due := end.next_timeout()) is not None]
        self.now = max(self.now, min(due))
        for end in self.ends:
            end.handle_timeout(self.now)
        self.flush()

    def finish(self) -> None:
        """Everything arrives from now on."""
        while self.under_way or any(end.next_timeout() is not None for end in self.ends):
            if self.under_way:
                self.arrive(0)
            else:
                self.let_time_pass()


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(0, 200), st.sampled_from([0, 0, 1, 1, 1, 2])), max_size=200))
def test_all_arrives_once_and_in_order(messages: int, steps: list[tuple[int, int]]) -> None:
    path = Path(messages)
    for at, times in steps:
        if path.under_way:
            path.arrive(at, times)
    path.finish()
    assert path.received == (path.sent, path.sent)
    assert [end.waiting_bytes for end in path.ends] == [0, 0]


def test_the_window_bounds_what_is_under_way_and_what_is_kept() -> None:
    sender, receiver = Reliable(CONNECTION_ID), Reliable(CONNECTION_ID)
    for _ in range(WINDOW_PACKETS + 5):
        sender.send(b"x")
    packets = sender.packets_to_send(0.0)
    assert len(packets) == WINDOW_PACKETS
    assert sender.packets_to_send(0.0) == []
    for packet in packets[1:]:
        assert receiver.receive(packet, 0.0) == []
    too_far = Packet(DATA, CONNECTION_ID, WINDOW_PACKETS, 0, b"too far")
    assert receiver.receive(too_far, 0.0) == []
    assert receiver.receive(packets[0], 0.0) == [b"x"] * WINDOW_PACKETS
    assert receiver.receive(too_far, 0.0) == [b"too far"]


def test_nothing_is_acknowledged_that_was_not_sent() -> None:
    with pytest.raises(ProtocolViolation, match="packet 0 was acknowledged"):
        Reliable(CONNECTION_ID).receive(Packet(ACK, CONNECTION_ID, 0, 1), 0.0)


def test_a_peer_that_is_silent_is_given_up() -> None:
    sender = Reliable(CONNECTION_ID)
    sender.send(b"anybody?")
    assert len(sender.packets_to_send(0.0)) == 1
    now, tries = 0.0, 1
    with pytest.raises(ConnectionLost, match="did not answer"):
        while (due := sender.next_timeout()) is not None:
            now = due
            sender.handle_timeout(now)
            tries += len(sender.packets_to_send(now))
    assert tries == MAX_TRIES
    assert 10 < now < 30


def test_timeouts_follow_the_round_trip() -> None:
    sender = Reliable(CONNECTION_ID)
    sender.send(b"one")
    sender.packets_to_send(1.0)
    assert sender.next_timeout() == 1.0 + FIRST_TIMEOUT_S
    sender.handle_timeout(1.1)
    assert sender.packets_to_send(1.1) == []
    sender.receive(Packet(ACK, CONNECTION_ID, 0, 1), 1.15)
    assert sender.rtt == pytest.approx(0.15)
    assert sender.next_timeout() is None
    sender.send(b"two")
    sender.packets_to_send(2.0)
    assert sender.next_timeout() == pytest.approx(2.3)
    sender.receive(Packet(ACK, CONNECTION_ID, 0, 2), 2.001)
    sender.send(b"three")
    sender.packets_to_send(3.0)
    assert sender.next_timeout() == pytest.approx(3.0 + MIN_TIMEOUT_S)
