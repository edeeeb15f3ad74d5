"""The session against hand-made frames, and against itself."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import ConnectionLost, LimitExceeded, ProtocolViolation, StreamClosed, StreamCode
from aiolibp2p.muxers.yamux.frames import ACK, DATA, FIN, GO_AWAY, PING, RST, SYN, WINDOW_UPDATE
from aiolibp2p.muxing.unread import SPARE_BYTES
from muxers.yamux.pair import End, Sink, data, exchange, frame, parse

WINDOW = 256 * 1024


def dialer(**limits: float) -> End:
    return End(Role.INITIATOR, **limits)


def listener(**limits: float) -> End:
    return End(Role.RESPONDER, **limits)


def violates(end: End, sent: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        end.session.receive_data(sent)
    assert (GO_AWAY, 0, 0, 1, b"") in end.frames()
    assert end.session.closed


@pytest.mark.spec("YMX-1", "YMX-2", "YMX-4")
@pytest.mark.parametrize("bad", [frame(0, SYN, 1, 0, version=1), frame(4, 0, 0, 0), frame(255, 0, 1, 9)])
def test_bad_headers_end_the_session(bad: bytes) -> None:
    violates(listener(), bad)


@pytest.mark.spec("YMX-3")
def test_ids_are_odd_for_the_dialer_and_even_for_the_listener() -> None:
    assert [dialer().session.open_stream(Sink()), listener().session.open_stream(Sink())] == [1, 2]


@pytest.mark.spec("YMX-3", "YMX-21")
@pytest.mark.parametrize("stream_id", [0, 2])
def test_ids_of_the_wrong_parity_end_the_session(stream_id: int) -> None:
    violates(listener(), data(stream_id, b"x", SYN))


@pytest.mark.spec("YMX-21")
def test_an_open_id_used_again_ends_the_session() -> None:
    end = listener()
    end.session.receive_data(data(1, b"x", SYN))
    violates(end, data(1, b"y", SYN))


@pytest.mark.spec("YMX-5", "YMX-6", "YMX-8", "YMX-9", "YMX-12", "YMX-14", "CONN-9", "CONN-10")
def test_streams_carry_bytes_and_close_both_ways() -> None:
    one, other = dialer(), listener()
    sink = Sink()
    stream_id = one.session.open_stream(sink)
    one.session.write(stream_id, b"request")
    first = [f for f in parse(one.take()) if f[0] == DATA]
    assert first == [(DATA, SYN, 1, 7, b"request")]
    other.session.receive_data(data(1, b"request", SYN))
    other.session.write(1, b"answer")
    answer = [f for f in other.frames() if f[0] == DATA]
    assert answer == [(DATA, ACK, 1, 6, b"answer")]
    one.session.receive_data(data(1, b"answer", ACK))
    assert sink.received == b"answer"
    one.session.close_write(1)
    other.session.close_write(1)
    exchange(one, other)
    one.session.consumed(1, 6)
    other.session.consumed(1, 7)
    assert sink.got_eof
    assert other.acceptor.sinks[1].got_eof
    assert one.session.stream_count == other.session.stream_count == 0
    assert one.acceptor.idles == 1


@pytest.mark.spec("YMX-7", "YMX-9")
def test_a_reset_reaches_the_opener_after_it_has_sent() -> None:
    end, sink = dialer(), Sink()
    end.session.write(end.session.open_stream(sink), b"x")
    end.session.receive_data(frame(WINDOW_UPDATE, RST, 1, 0))
    assert sink.reset is not None
    with pytest.raises(StreamClosed):
        end.session.write(1, b"y")


@pytest.mark.spec("YMX-26")
def test_a_reset_code_is_no_credit() -> None:
    end, sink = dialer(), Sink()
    end.session.write(end.session.open_stream(sink), b"x")
    end.session.receive_data(frame(WINDOW_UPDATE, RST, 1, 77))
    assert sink.reset is not None
    assert sink.reset[0] == 77
    assert sink.credits == 0


@pytest.mark.spec("YMX-26")
def test_our_reset_carries_its_code() -> None:
    end = listener()
    end.session.receive_data(data(1, b"x", SYN))
    end.take()
    end.session.reset_stream(1, 5)
    assert end.frames() == [(WINDOW_UPDATE, RST, 1, 5, b"")]


@pytest.mark.spec("YMX-10", "YMX-13")
def test_a_writer_stops_at_the_window_and_goes_on_with_credit() -> None:
    end, sink = dialer(), Sink()
    stream_id = end.session.open_stream(sink)
    assert end.session.write(stream_id, bytes(WINDOW + 1)) == WINDOW
    assert end.session.write(stream_id, b"x") == 0
    end.session.receive_data(frame(WINDOW_UPDATE, ACK, stream_id, 10))
    assert sink.credits == 1
    assert end.session.write(stream_id, bytes(20)) == 10


@pytest.mark.spec("YMX-12")
def test_headers_cost_no_window() -> None:
    end = dialer()
    stream_id = end.session.open_stream(Sink())
    for _ in range(16):
        assert end.session.write(stream_id, bytes(WINDOW // 16)) == WINDOW // 16
    assert end.session.write(stream_id, b"x") == 0
    assert sum(f[3] for f in end.frames() if f[0] == DATA) == WINDOW


@pytest.mark.spec("YMX-10", "YMX-13")
def test_more_than_the_window_ends_the_session() -> None:
    end = listener()
    end.session.receive_data(data(1, bytes(WINDOW), SYN))
    violates(end, data(1, b"x"))


@pytest.mark.spec("YMX-13")
def test_a_first_frame_larger_than_the_window_is_refused_before_its_body() -> None:
    end = listener()
    violates(end, frame(DATA, SYN, 1, WINDOW + 1))
    assert end.acceptor.sinks == {}
    assert end.session.stream_count == 0


@pytest.mark.spec("YMX-24")
def test_credit_past_the_counter_ends_the_session() -> None:
    end = listener()
    end.session.receive_data(data(1, b"x", SYN))
    violates(end, frame(WINDOW_UPDATE, 0, 1, 0xFFFFFFFF))


@pytest.mark.spec("YMX-11")
def test_credit_is_a_delta_and_may_come_with_the_answer() -> None:
    end = dialer()
    stream_id = end.session.open_stream(Sink())
    assert end.session.write(stream_id, b"x") == 1
    end.session.receive_data(frame(WINDOW_UPDATE, ACK, stream_id, 1000) + frame(WINDOW_UPDATE, 0, stream_id, 10))
    assert end.session.write(stream_id, bytes(2 * WINDOW)) == WINDOW - 1 + 1010


@pytest.mark.spec("YMX-5", "YMX-11")
def test_a_window_update_may_open_a_stream_and_widen_it_at_once() -> None:
    end = listener()
    end.session.receive_data(frame(WINDOW_UPDATE, SYN, 1, 1000))
    assert end.session.stream_count == 1
    assert end.session.write(1, bytes(2 * WINDOW)) == WINDOW + 1000


@pytest.mark.spec("YMX-11", "YMX-14")
def test_credit_comes_back_at_half_a_window_and_the_window_grows() -> None:
    end = listener()
    end.session.receive_data(data(1, bytes(WINDOW), SYN))
    end.take()
    end.session.consumed(1, WINDOW // 2 - 1)
    assert end.frames() == []
    end.session.consumed(1, 1)
    assert end.frames() == [(WINDOW_UPDATE, ACK, 1, WINDOW // 2 + WINDOW, b"")]


@pytest.mark.spec("YMX-15", "YMX-4")
def test_pings_are_answered_with_their_value() -> None:
    end = listener()
    end.session.receive_data(frame(PING, SYN, 0, 0xABCD))
    assert end.frames() == [(PING, ACK, 0, 0xABCD, b"")]


@pytest.mark.spec("YMX-15")
def test_the_first_ping_measures_the_round_trip() -> None:
    end = dialer()
    end.session.open_stream(Sink())
    (ping,) = [f for f in end.frames() if f[0] == PING]
    end.clock.time = 0.25
    end.session.receive_data(frame(PING, ACK, 0, ping[3] + 1))
    assert end.session.rtt is None
    end.session.receive_data(frame(PING, ACK, 0, ping[3]))
    assert end.session.rtt == 0.25


def test_pongs_a_peer_does_not_read_end_the_session() -> None:
    end = listener()
    end.wire.full = True
    with pytest.raises(ProtocolViolation, match="does not read"):
        end.session.receive_data(frame(PING, SYN, 0, 1) * 33)


def test_what_is_owed_is_bounded_and_forgiven_when_the_wire_drains() -> None:
    end = listener()
    end.wire.full = True
    for _ in range(20):
        end.session.receive_data(frame(PING, SYN, 0, 1) * 30)
        end.session.drained()
    end.acceptor.refuse = True
    flood = b"".join(data(stream_id, b"x", SYN) for stream_id in range(1, 20_001, 2))
    with pytest.raises(ProtocolViolation, match="does not read"):
        end.session.receive_data(flood)


@pytest.mark.spec("YMX-16")
def test_goodbye_both_ways() -> None:
    one, other = dialer(), listener()
    one.session.write(one.session.open_stream(Sink()), b"x")
    exchange(one, other)
    other.session.close()
    exchange(one, other)
    assert one.acceptor.goodbye == 0
    with pytest.raises(ConnectionLost):
        one.session.open_stream(Sink())
    other.session.write(1, b"still")
    exchange(one, other)
    assert one.session.stream_count == 1


@pytest.mark.spec("YMX-17")
def test_unanswered_streams_are_limited() -> None:
    end = dialer()
    for _ in range(256):
        end.session.open_stream(Sink())
    with pytest.raises(LimitExceeded):
        end.session.open_stream(Sink())
    end.session.receive_data(frame(WINDOW_UPDATE, ACK, 1, 0))
    assert end.acceptor.room_calls == 1
    end.session.open_stream(Sink())


@pytest.mark.spec("YMX-18")
def test_a_flood_of_streams_is_refused_past_the_limit() -> None:
    end = listener(max_streams=10)
    for stream_id in range(1, 41, 2):
        end.session.receive_data(data(stream_id, b"x", SYN))
    assert len(end.acceptor.sinks) == 10
    assert sum(flags == RST for kind, flags, *_ in end.frames() if kind == WINDOW_UPDATE) == 10


@pytest.mark.spec("YMX-18", "YMX-25")
def test_as_many_streams_are_taken_as_the_connection_takes() -> None:
    end = listener(max_streams=1000)
    for stream_id in range(1, 2003, 2):
        end.session.receive_data(data(stream_id, b"", SYN))
    assert end.session.stream_count == len(end.acceptor.sinks) == 1000
    assert [f for f in end.frames() if f[1] & RST] == [(WINDOW_UPDATE, RST, 2001, StreamCode.LIMIT_EXCEEDED, b"")]


@pytest.mark.spec("YMX-5")
def test_a_refused_stream_is_reset() -> None:
    end = listener()
    end.acceptor.refuse = True
    end.session.receive_data(data(1, b"x", SYN))
    assert end.frames() == [(WINDOW_UPDATE, RST, 1, StreamCode.LIMIT_EXCEEDED, b"")]
    assert end.session.stream_count == 0


@pytest.mark.spec("YMX-20", "YMX-23")
def test_open_data_and_fin_in_one_frame() -> None:
    end = listener()
    end.session.receive_data(data(1, b"all", SYN | FIN) + data(3, b"", SYN))
    assert end.acceptor.sinks[1].received == b"all"
    assert end.acceptor.sinks[1].got_eof
    assert not end.acceptor.sinks[3].got_eof


@pytest.mark.spec("YMX-22")
def test_data_for_an_unknown_stream_is_dropped_in_step() -> None:
    end = listener()
    end.session.receive_data(data(9, bytes(1000)) + data(1, b"ok", SYN))
    assert end.acceptor.sinks[1].received == b"ok"


def test_data_after_fin_costs_the_peer_its_stream() -> None:
    end = listener()
    end.session.receive_data(data(1, b"x", SYN | FIN))
    end.session.receive_data(data(1, b"more") + data(3, b"ok", SYN))
    assert end.acceptor.sinks[1].reset is not None
    assert end.acceptor.sinks[3].received == b"ok"


def test_unread_bytes_of_all_streams_are_limited() -> None:
    end = listener(max_unread_bytes=WINDOW)
    end.session.receive_data(data(1, bytes(WINDOW), SYN))
    end.session.receive_data(data(3, b"x", SYN))
    code, reason = end.acceptor.sinks[3].reset or (0, "")
    assert code == StreamCode.LIMIT_EXCEEDED
    assert f"limit of {WINDOW}" in reason
    assert end.frames()[-1] == (WINDOW_UPDATE, RST, 3, StreamCode.LIMIT_EXCEEDED, b"")
    assert end.acceptor.sinks[1].reset is None
    assert end.scope.held == WINDOW
    end.session.consumed(1, WINDOW)
    end.session.receive_data(data(5, b"x", SYN))
    assert end.acceptor.sinks[5].reset is None


def test_what_is_reserved_is_given_back_some_time_after_the_last_stream() -> None:
    end = listener(keep_alive_s=30.0)
    end.session.receive_data(data(1, bytes(WINDOW), SYN) + data(3, b"x", SYN))
    assert end.scope.held >= WINDOW + 1
    end.session.reset_stream(1)
    assert end.scope.held >= 1
    end.session.receive_data(frame(WINDOW_UPDATE, RST, 3, 0))
    assert end.scope.held <= SPARE_BYTES
    end.session.handle_timeout(30.0)
    assert end.scope.held == 0


def test_what_is_reserved_is_given_back_with_the_connection() -> None:
    end = listener()
    end.session.receive_data(data(1, bytes(WINDOW), SYN | FIN))
    end.session.abort("the cable was cut")
    assert end.scope.held == 0
    end.session.consumed(1, WINDOW)


@pytest.mark.spec("YMX-18")
def test_streams_that_only_the_peer_could_end_are_limited() -> None:
    end = listener(max_lingering_streams=3)
    for stream_id in (1, 3, 5, 7):
        end.session.receive_data(data(stream_id, b"x", SYN))
        end.session.close_write(stream_id)
        end.session.stop_reading(stream_id)
    assert list(end.acceptor.sinks) == [1, 3, 5]
    assert end.frames()[-1] == (WINDOW_UPDATE, RST, 7, StreamCode.LIMIT_EXCEEDED, b"")
    end.session.receive_data(frame(WINDOW_UPDATE, FIN, 3, 0) + data(9, b"x", SYN))
    assert list(end.acceptor.sinks) == [1, 3, 5, 9]


@pytest.mark.parametrize("how", [frame(WINDOW_UPDATE, RST, 1, 0), data(1, b"?")])
def test_what_a_reset_leaves_to_be_read_counts_until_it_is_read(how: bytes) -> None:
    end = listener(max_unread_bytes=WINDOW)
    end.session.receive_data(data(1, bytes(WINDOW - 1), SYN | FIN) + how)
    assert end.acceptor.sinks[1].reset is not None
    end.session.receive_data(how + data(3, b"xx", SYN))
    assert end.acceptor.sinks[3].reset is not None
    end.session.consumed(1, 1000)
    end.session.consumed(1, WINDOW - 1001)
    assert end.session.stream_count == 0
    end.session.receive_data(data(5, bytes(WINDOW), SYN))
    assert end.acceptor.sinks[5].reset is None


def test_nobody_reading_drops_a_window_then_resets() -> None:
    end = listener()
    end.session.receive_data(data(1, b"x", SYN))
    end.take()
    end.session.stop_reading(1)
    end.session.receive_data(data(1, bytes(WINDOW - 2)))
    assert end.frames() == []
    end.session.receive_data(data(1, b"x"))
    assert end.frames() == [(WINDOW_UPDATE, RST, 1, 0, b"")]


def test_a_closed_stream_lingers_for_a_limited_time() -> None:
    end = listener(linger_s=5)
    end.session.receive_data(data(1, b"x", SYN))
    end.session.close_write(1)
    end.session.stop_reading(1)
    end.take()
    assert end.session.next_timeout() == 5
    end.session.handle_timeout(5)
    assert end.session.stream_count == 0
    assert end.frames() == [(WINDOW_UPDATE, RST, 1, 0, b"")]


@pytest.mark.spec("YMX-25")
def test_a_silent_peer_is_pinged_then_given_up() -> None:
    end = dialer()
    end.clock.time = 30
    end.session.handle_timeout(30)
    end.clock.time = 60
    end.session.handle_timeout(60)
    assert [f[0] for f in end.frames()] == [PING]
    assert end.session.next_timeout() == 70
    with pytest.raises(ConnectionLost):
        end.session.handle_timeout(70)


@pytest.mark.spec("YMX-25")
def test_large_writes_leave_in_bounded_frames() -> None:
    end = dialer()
    end.session.write(end.session.open_stream(Sink()), bytes(WINDOW))
    lengths = [f[3] for f in end.frames() if f[0] == DATA]
    assert sum(lengths) == WINDOW
    assert max(lengths) <= 65_536


def test_small_writes_of_a_tick_share_a_frame() -> None:
    end = dialer()
    stream_id = end.session.open_stream(Sink())
    for _ in range(10):
        end.session.write(stream_id, b"abc")
    assert [f[4] for f in end.frames() if f[0] == DATA] == [b"abc" * 10]
    assert end.wire.flushes == 1


def test_abort_tells_every_stream() -> None:
    end, sinks = dialer(), [Sink(), Sink()]
    for sink in sinks:
        end.session.open_stream(sink)
    end.session.abort("gone")
    assert [sink.reset for sink in sinks] == [(0, "gone")] * 2


SCRIPT = (
    data(1, b"hello", SYN)
    + frame(PING, SYN, 0, 7)
    + data(3, bytes(20_000), SYN)
    + frame(WINDOW_UPDATE, 0, 1, 1000)
    + data(1, b" world", FIN)
    + data(3, b"tail")
    + frame(WINDOW_UPDATE, RST, 3, 0)
)


@given(cuts=st.lists(st.integers(0, len(SCRIPT)), max_size=30))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    end = listener()
    edges = [0, *sorted(cuts), len(SCRIPT)]
    for start, stop in itertools.pairwise(edges):
        if stop > start:
            end.session.receive_data(SCRIPT[start:stop])
    assert end.acceptor.sinks[1].received == b"hello world"
    assert end.acceptor.sinks[1].got_eof
    assert end.acceptor.sinks[3].received == bytes(20_000) + b"tail"
    assert end.acceptor.sinks[3].reset is not None


def test_byte_by_byte() -> None:
    end = listener()
    for position in range(len(SCRIPT)):
        end.session.receive_data(SCRIPT[position : position + 1])
    assert end.acceptor.sinks[1].received == b"hello world"


@given(garbage=st.binary(max_size=400))
def test_garbage_is_a_violation_or_nothing(garbage: bytes) -> None:
    end = listener()
    try:
        end.session.receive_data(garbage)
    except ProtocolViolation:
        assert end.session.closed
