"""Two sessions of the fast path, frames handed from one to the other."""

from __future__ import annotations

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ConnectionLost, LimitExceeded, ProtocolViolation, StreamCode
from aiolibp2p.simulator.fast_path.frames import Data, Frame, GoAway, Probe
from aiolibp2p.simulator.fast_path.session import FrameWire, MuxedConfig, MuxedSession
from aiolibp2p.testing.muxer_suite import Scope

SMALL = MuxedConfig(window_bytes=100, max_outbound_streams=3, max_lingering_streams=2, linger_s=5.0)
MAX_STREAMS, MAX_UNREAD_BYTES = 2, 150
LIMITED = StreamCode.LIMIT_EXCEEDED.value


class Sink:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.said: list[str] = []

    def data_received(self, chunk: ByteString) -> None:
        self.chunks.append(bytes(chunk))

    def eof_received(self) -> None:
        self.said.append("eof")

    def reset_received(self, code: int, reason: str) -> None:
        self.said.append(f"reset {code}: {reason}")

    def credit_received(self) -> None:
        self.said.append("credit")


class End:
    """One end: its session, and as acceptor what its session told it."""

    def __init__(self, role: Role, config: MuxedConfig) -> None:
        self.now = 0.0
        self.said: list[str] = []
        self.accepted: dict[int, Sink] = {}
        self.refuses = False
        self.asked = 0
        self.scope = Scope(MAX_UNREAD_BYTES)
        wire = FrameWire(self._asked, self.timeout_changed)
        self.session = MuxedSession(role, self, config, lambda: self.now, wire, self.scope)

    def _asked(self) -> None:
        self.asked += 1

    def accept(self, stream_id: int) -> Sink | None:
        live = [sink for sink in self.accepted.values() if not any(word.startswith("reset") for word in sink.said)]
        if self.refuses or len(live) >= MAX_STREAMS:
            return None
        return self.accepted.setdefault(stream_id, Sink())

    def room_for_streams(self) -> None:
        self.said.append("room_for_streams")

    def goodbye_received(self, code: int) -> None:
        self.said.append(f"goodbye {code}")

    def idle(self) -> None:
        self.said.append("idle")

    def timeout_changed(self) -> None:
        self.said.append("timeout changed")

    def open(self) -> tuple[int, Sink]:
        sink = Sink()
        return self.session.open_stream(sink), sink

    def take(self) -> list[Frame]:
        frames, self.session.pending = self.session.pending, []
        return frames

    def hand_to(self, other: End) -> None:
        for frame in self.take():
            other.session.receive_frame(frame)


class Two:
    def __init__(self, config: MuxedConfig = SMALL) -> None:
        self.a, self.b = End(Role.INITIATOR, config), End(Role.RESPONDER, config)

    def exchange(self) -> None:
        while self.a.session.pending or self.b.session.pending:
            self.a.hand_to(self.b)
            self.b.hand_to(self.a)


def test_bytes_go_over_and_the_stream_ends_both_ways() -> None:
    two = Two()
    stream_id, sink = two.a.open()
    assert two.a.session.write(stream_id, b"hello") == 5
    two.a.session.close_write(stream_id)
    two.exchange()
    theirs = two.b.accepted[stream_id]
    assert (theirs.chunks, theirs.said) == ([b"hello"], ["eof"])
    two.b.session.write(stream_id, b"bye")
    two.b.session.close_write(stream_id)
    two.exchange()
    assert (sink.chunks, sink.said) == ([b"bye"], ["eof"])
    assert two.a.session.stream_count == two.b.session.stream_count == 0
    assert "idle" in two.a.said


def test_a_tick_asks_for_one_flush() -> None:
    two = Two()
    stream_id, _ = two.a.open()
    for _ in range(3):
        two.a.session.write(stream_id, b"x")
    assert two.a.asked == 1


def test_ids_are_odd_for_the_initiator_and_even_for_the_responder() -> None:
    two = Two()
    assert [two.a.open()[0] for _ in range(2)] == [1, 3]
    assert [two.b.open()[0] for _ in range(2)] == [2, 4]


def test_a_writer_stops_at_the_window_and_goes_on_with_credit() -> None:
    two = Two()
    stream_id, sink = two.a.open()
    assert two.a.session.write(stream_id, b"x" * 120) == 100
    assert two.a.session.write(stream_id, b"x") == 0
    two.exchange()
    two.b.session.consumed(stream_id, 49)
    two.exchange()
    assert sink.said == []
    two.b.session.consumed(stream_id, 1)
    two.exchange()
    assert sink.said == ["credit"]
    assert two.a.session.write(stream_id, b"x" * 120) == 50


def test_data_past_the_window_is_a_violation() -> None:
    two = Two()
    with pytest.raises(ProtocolViolation, match="past its window"):
        two.b.session.receive_frame(Data(1, b"x" * 101))


def test_too_much_unread_on_all_streams_resets_the_one_that_passes_it() -> None:
    two = Two()
    first, _ = two.a.open()
    second, sink = two.a.open()
    two.a.session.write(first, b"x" * 100)
    two.a.session.write(second, b"x" * 60)
    two.exchange()
    assert two.b.accepted[first].said == []
    assert two.b.accepted[second].said[0].startswith(f"reset {LIMITED}: too much unread data")
    assert two.b.scope.held == 150 - 50
    assert sink.said == [f"reset {LIMITED}: the peer reset the stream"]
    two.b.session.consumed(first, 100)
    third, _ = two.a.open()
    two.a.session.write(third, b"x" * 60)
    two.exchange()
    assert two.b.accepted[third].said == []


def test_more_streams_than_the_limit_are_refused() -> None:
    two = Two()
    opened = [two.a.open() for _ in range(3)]
    with pytest.raises(LimitExceeded, match="3 streams"):
        two.a.open()
    for stream_id, _ in opened:
        two.a.session.write(stream_id, b"x")
    two.exchange()
    assert opened[2][1].said == [f"reset {LIMITED}: the peer reset the stream"]
    assert "room_for_streams" in two.a.said
    two.a.open()


def test_a_stream_that_is_refused_is_reset() -> None:
    two = Two()
    two.b.refuses = True
    stream_id, sink = two.a.open()
    two.a.session.write(stream_id, b"x")
    two.exchange()
    assert sink.said == [f"reset {LIMITED}: the peer reset the stream"]
    assert two.b.session.stream_count == 0


def test_a_reset_tells_its_code() -> None:
    two = Two()
    stream_id, _ = two.a.open()
    two.a.session.write(stream_id, b"x")
    two.exchange()
    two.a.session.reset_stream(stream_id, 7)
    two.exchange()
    assert two.b.accepted[stream_id].said == ["reset 7: the peer reset the stream"]
    assert two.a.session.stream_count == two.b.session.stream_count == 0


def test_what_comes_for_a_stream_nobody_reads_is_dropped_up_to_a_window() -> None:
    two = Two()
    stream_id, sink = two.a.open()
    two.a.session.write(stream_id, b"x" * 10)
    two.exchange()
    two.b.session.close_write(stream_id)
    two.b.session.stop_reading(stream_id)
    two.a.session.write(stream_id, b"x" * 90)
    two.exchange()
    assert two.b.accepted[stream_id].chunks == [b"x" * 10]
    assert sink.said == ["eof", "reset 0: the peer reset the stream"]


def test_streams_that_only_the_peer_could_end_are_limited() -> None:
    two = Two()
    for number in range(3):
        stream_id, sink = two.a.open()
        two.a.session.write(stream_id, b"x")
        two.exchange()
        if number < 2:
            two.b.session.close_write(stream_id)
            two.b.session.stop_reading(stream_id)
            two.b.accepted[stream_id].said.append("reset by us, as far as the acceptor knows")
    assert two.b.session.stream_count == 2
    assert sink.said == [f"reset {LIMITED}: the peer reset the stream"]


def test_a_stream_that_lingers_too_long_is_reset() -> None:
    two = Two()
    stream_id, sink = two.a.open()
    two.a.session.write(stream_id, b"x")
    two.exchange()
    two.b.session.close_write(stream_id)
    two.b.session.stop_reading(stream_id)
    assert two.b.session.next_timeout() == 5.0
    two.b.session.handle_timeout(4.9)
    assert two.b.session.stream_count == 1
    two.b.session.handle_timeout(5.0)
    two.exchange()
    assert two.b.session.next_timeout() == 30.0
    assert sink.said == ["eof", "reset 0: the peer reset the stream"]


def test_a_silent_peer_is_asked_whether_it_is_there() -> None:
    two = Two()
    session = two.a.session
    assert session.next_timeout() == 30.0
    session.handle_timeout(30.0)
    # Nothing is lost on a connection that has just been made: it gets one more interval.
    session.handle_timeout(60.0)
    assert session.pending == [Probe(1, is_answer=False)]
    two.exchange()
    session.handle_timeout(70.0)
    session.handle_timeout(100.0)
    assert session.pending == [Probe(2, is_answer=False)]
    assert session.next_timeout() == 110.0
    with pytest.raises(ConnectionLost, match="fell silent"):
        session.handle_timeout(110.0)


def test_after_a_goodbye_nothing_new_is_opened_and_what_runs_goes_on() -> None:
    two = Two()
    stream_id, sink = two.a.open()
    two.a.session.write(stream_id, b"x")
    two.exchange()
    two.b.session.close(3)
    two.exchange()
    assert "goodbye 3" in two.a.said
    with pytest.raises(ConnectionLost):
        two.a.open()
    two.b.session.write(stream_id, b"y")
    two.exchange()
    assert sink.chunks == [b"y"]


def test_a_goodbye_is_said_once() -> None:
    two = Two()
    two.a.session.close()
    two.a.session.close()
    assert two.a.take() == [GoAway(0)]


def test_the_end_of_the_connection_resets_every_stream() -> None:
    two = Two()
    _, sink = two.a.open()
    two.a.session.abort("the cable was cut")
    assert sink.said == ["reset 0: the cable was cut"]
    assert two.a.session.stream_count == 0
    assert two.a.session.closed


def test_frames_of_streams_that_are_gone_are_ignored() -> None:
    two = Two()
    two.b.session.receive_frame(Data(3, b"x"))
    two.b.session.reset_stream(3)
    two.b.session.receive_frame(Data(3, b"x"))
    two.b.session.receive_frame(Data(1, b"x"))
    two.b.session.receive_frame(Data(2, b"x"))
    assert list(two.b.accepted) == [3]
