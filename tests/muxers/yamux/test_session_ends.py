"""Halves, resets, goodbyes and streams that nobody reads."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import ConnectionLost, LimitExceeded, ProtocolViolation, StreamClosed, StreamCode
from aiolibp2p.muxers.yamux.frames import ACK, DATA, FIN, GO_AWAY, PING, RST, SYN, WINDOW_UPDATE
from muxers.yamux.pair import End, Sink, data, exchange, frame

WINDOW = 256 * 1024


def dialer(**limits: float) -> End:
    return End(Role.INITIATOR, **limits)


def served(**limits: float) -> tuple[End, Sink]:
    """A listener with stream 1 open, and that stream's sink."""
    end = End(Role.RESPONDER, **limits)
    end.session.receive_data(data(1, b"x", SYN))
    end.take()
    return end, end.acceptor.sinks[1]


@pytest.mark.spec("YMX-8", "YMX-20")
@pytest.mark.parametrize("fin", [frame(WINDOW_UPDATE, FIN, 1, 0), data(1, b"", FIN)])
def test_fin_in_either_frame_closes_one_half(fin: bytes) -> None:
    end, sink = served()
    end.session.receive_data(fin + fin)
    assert sink.got_eof
    assert sink.reset is None
    assert end.session.write(1, b"still ours") == 10
    end.session.consumed(1, 1)
    end.session.close_write(1)
    assert end.session.stream_count == 0
    assert [f[:3] for f in end.frames()] == [(DATA, ACK, 1), (WINDOW_UPDATE, FIN, 1)]


@pytest.mark.spec("YMX-8")
def test_fin_with_credit_counts_both() -> None:
    end, sink = served()
    end.session.receive_data(frame(WINDOW_UPDATE, FIN, 1, 5))
    assert sink.got_eof
    assert end.session.write(1, bytes(WINDOW + 9)) == WINDOW + 5


def test_a_closed_stream_stays_until_it_is_read() -> None:
    end, _ = served()
    end.session.receive_data(data(1, b"yz", FIN))
    end.session.close_write(1)
    assert end.session.stream_count == 1
    end.session.consumed(1, 3)
    assert end.session.stream_count == 0
    assert end.acceptor.idles == 1


def test_our_fin_is_sent_once_and_ends_writing() -> None:
    end, _ = served()
    end.session.close_write(1)
    end.session.close_write(1)
    assert end.frames() == [(WINDOW_UPDATE, ACK | FIN, 1, 0, b"")]
    with pytest.raises(StreamClosed):
        end.session.write(1, b"more")


@pytest.mark.spec("YMX-9", "YMX-22")
@pytest.mark.parametrize("rst", [frame(WINDOW_UPDATE, RST, 1, 0), frame(DATA, RST, 1, 0), data(1, b"dropped", RST)])
def test_a_reset_in_either_frame_ends_both_halves(rst: bytes) -> None:
    end, sink = served()
    end.session.receive_data(rst + data(1, b"late") + data(3, b"ok", SYN))
    assert sink.reset == (0, "the peer reset the stream")
    assert sink.received == b"x"
    assert end.acceptor.sinks[3].received == b"ok"
    with pytest.raises(StreamClosed):
        end.session.write(1, b"y")
    end.session.reset_stream(1)
    assert RST not in [f[1] for f in end.frames()]


@pytest.mark.spec("YMX-26")
@pytest.mark.parametrize("code", [0, 7, 0xFFFFFFFF])
def test_no_reset_code_overflows_a_window(code: int) -> None:
    end, sink = served()
    end.session.receive_data(frame(WINDOW_UPDATE, RST, 1, code))
    assert sink.reset == (code, "the peer reset the stream")
    assert sink.credits == 0
    assert not end.session.closed


def test_open_and_reset_in_one_frame() -> None:
    end, _ = served()
    end.session.receive_data(frame(WINDOW_UPDATE, SYN | RST, 3, 0))
    assert end.acceptor.sinks[3].reset is not None
    assert end.session.stream_count == 1


def test_a_stream_that_never_spoke_is_reset_in_silence() -> None:
    end = dialer()
    stream_id = end.session.open_stream(Sink())
    end.take()
    end.session.reset_stream(stream_id, 3)
    assert end.frames() == []
    assert end.acceptor.room_calls == 1


@pytest.mark.spec("YMX-5", "YMX-19")
def test_the_ack_rides_on_the_first_frame_whatever_it_is() -> None:
    end, _ = served()
    assert end.frames() == []
    end.session.write(1, b"answer")
    end.session.write(1, bytes(20_000))
    assert [f[1] for f in end.frames()] == [ACK, 0]


@pytest.mark.spec("YMX-17")
def test_a_reset_unanswered_stream_makes_room() -> None:
    end = dialer(max_unacknowledged=2)
    sink = Sink()
    end.session.write(end.session.open_stream(sink), b"x")
    end.session.open_stream(Sink())
    with pytest.raises(LimitExceeded):
        end.session.open_stream(Sink())
    end.session.receive_data(frame(WINDOW_UPDATE, RST, 1, 0) * 2)
    assert end.acceptor.room_calls == 1
    assert end.session.open_stream(Sink()) == 5


@pytest.mark.spec("YMX-18")
def test_a_closed_inbound_stream_makes_room() -> None:
    end, sink = served(max_streams=1)
    end.session.receive_data(data(3, b"x", SYN))
    assert end.frames() == [(WINDOW_UPDATE, RST, 3, StreamCode.LIMIT_EXCEEDED, b"")]
    sink.is_given_up = True
    end.session.reset_stream(1)
    end.session.receive_data(data(5, b"x", SYN))
    assert sorted(end.acceptor.sinks) == [1, 5]


@pytest.mark.spec("YMX-3")
def test_ids_end_where_the_field_ends() -> None:
    end = End(Role.RESPONDER)
    end.session.receive_data(data(0xFFFFFFFF, b"x", SYN))
    assert end.acceptor.sinks[0xFFFFFFFF].received == b"x"


@pytest.mark.spec("YMX-16")
@pytest.mark.parametrize("code", [0, 1, 2])
def test_after_our_goodbye_new_streams_are_refused_and_live_ones_finish(code: int) -> None:
    end, sink = served()
    end.session.close(code)
    end.session.close()
    end.session.receive_data(data(3, b"x", SYN) + data(1, b"y", FIN))
    assert end.frames() == [(GO_AWAY, 0, 0, code, b""), (WINDOW_UPDATE, RST, 3, 0, b"")]
    assert sink.received == b"xy"
    assert sink.got_eof
    with pytest.raises(ConnectionLost):
        end.session.open_stream(Sink())


@pytest.mark.spec("YMX-16")
def test_the_code_of_the_peers_goodbye_is_passed_on() -> None:
    end, sink = served()
    end.session.receive_data(frame(GO_AWAY, 0, 0, 2))
    assert end.acceptor.goodbye == 2
    assert sink.reset is None
    assert end.session.write(1, b"bye") == 3


def test_stop_reading_gives_back_what_is_unread() -> None:
    end, sink = served(max_unread_bytes=WINDOW)
    end.session.receive_data(data(1, bytes(WINDOW - 2)))
    end.session.stop_reading(1)
    end.session.receive_data(data(3, bytes(WINDOW), SYN))
    assert end.acceptor.sinks[3].reset is None
    end.session.consumed(1, 10)
    assert len(sink.received) == WINDOW - 1
    assert end.frames() == []


def test_a_window_that_is_used_up_does_not_linger() -> None:
    end, _ = served()
    end.session.receive_data(data(1, bytes(WINDOW - 1)))
    end.session.close_write(1)
    end.take()
    end.session.stop_reading(1)
    assert end.frames() == [(WINDOW_UPDATE, RST, 1, 0, b"")]
    assert end.session.stream_count == 0


def test_a_last_frame_that_uses_up_the_window_ends_the_stream_in_peace() -> None:
    end, _ = served()
    end.session.close_write(1)
    end.take()
    end.session.stop_reading(1)
    last = data(1, bytes(WINDOW - 1), FIN)
    end.session.receive_data(last[:1000])
    end.session.receive_data(last[1000:])
    assert end.frames() == []
    assert end.session.stream_count == 0


def test_nothing_is_told_to_a_sink_that_stopped_reading() -> None:
    end, sink = served()
    end.session.stop_reading(1)
    end.session.stop_reading(1)
    end.session.receive_data(data(1, b"y", FIN) + frame(WINDOW_UPDATE, 0, 1, 5))
    assert (sink.received, sink.got_eof, sink.credits) == (b"x", False, 0)
    end.session.close_write(1)
    assert end.session.stream_count == 0
    assert end.session.next_timeout() == 30


def test_a_stream_that_is_over_does_not_linger() -> None:
    end, _ = served(linger_s=5)
    end.session.receive_data(data(1, b"", FIN))
    end.session.close_write(1)
    end.session.stop_reading(1)
    assert end.session.stream_count == 0
    assert end.session.next_timeout() == 30


def test_lingering_streams_end_in_their_order() -> None:
    end, _ = served(linger_s=5)
    end.session.receive_data(data(3, b"x", SYN))
    for now, stream_id in enumerate((3, 1)):
        end.clock.time = now
        end.session.stop_reading(stream_id)
    end.take()
    assert end.session.next_timeout() == 5
    end.session.handle_timeout(5)
    assert [f[1:3] for f in end.frames()] == [(RST, 3)]
    assert end.session.next_timeout() == 6


def test_only_the_first_stream_that_lingers_brings_the_timer_nearer() -> None:
    end, _ = served(linger_s=5)
    end.session.receive_data(data(3, b"x", SYN) + data(5, b"x", SYN))
    for stream_id in (1, 3):
        end.session.stop_reading(stream_id)
    assert end.wire.timeouts_changed == 1
    end.session.handle_timeout(5)
    end.clock.time = 6
    end.session.stop_reading(5)
    assert end.wire.timeouts_changed == 2
    assert end.session.next_timeout() == 11


def test_an_abort_ends_a_body_half_received() -> None:
    end, sink = served()
    end.session.receive_data(frame(DATA, 0, 1, 6) + b"abc")
    end.session.abort("gone")
    end.session.receive_data(b"def" + data(3, b"x", SYN))
    assert sink.received == b"xabc"
    assert sink.reset == (0, "gone")
    assert list(end.acceptor.sinks) == [1]
    assert end.session.stream_count == 0


@pytest.mark.spec("YMX-15")
def test_pongs_are_free_while_the_wire_takes_them() -> None:
    end, _ = served()
    end.session.receive_data(frame(PING, SYN, 0, 1) * 1000)
    assert len(end.frames()) == 1000


def test_window_updates_that_pile_up_end_the_session() -> None:
    end, _ = served(max_owed_bytes=100)
    end.wire.full = True
    end.acceptor.refuse = True
    with pytest.raises(ProtocolViolation, match="does not read"):
        end.session.receive_data(b"".join(data(stream_id, b"", SYN) for stream_id in range(3, 23, 2)))
    assert end.session.closed


@pytest.mark.spec("YMX-11", "YMX-14")
def test_a_window_at_its_maximum_gives_back_what_was_read() -> None:
    end, _ = served(max_window_bytes=WINDOW)
    end.session.receive_data(data(1, bytes(WINDOW - 1)))
    end.session.consumed(1, WINDOW // 2)
    assert end.frames() == [(WINDOW_UPDATE, ACK, 1, WINDOW // 2, b"")]


@pytest.mark.spec("YMX-12", "YMX-13", "YMX-14")
def test_several_megabytes_pass_without_a_stall() -> None:
    one, other = dialer(), End(Role.RESPONDER)
    stream_id = one.session.open_stream(Sink())
    left = 5_000_000
    for _ in range(200):
        left -= one.session.write(stream_id, bytes(left))
        exchange(one, other)
        sink = other.acceptor.sinks[stream_id]
        other.clock.time = one.clock.time = one.clock.time + 0.01
        other.session.consumed(stream_id, len(sink.received))
        sink.received.clear()
        exchange(one, other)
        if not left:
            break
    assert left == 0
    assert not other.session.closed


LENGTHS = st.sampled_from([0, 1, 20, WINDOW, WINDOW + 1, 0xFFFFFFFF])
HEADERS = st.builds(frame, st.integers(0, 4), st.integers(0, 0xFFFF), st.integers(0, 6), LENGTHS)
BODIES = st.builds(data, st.integers(0, 6), st.binary(max_size=30), st.integers(0, 15))


@pytest.mark.spec("YMX-1", "YMX-2", "YMX-13", "YMX-21", "YMX-24")
@given(sent=st.lists(st.one_of(HEADERS, BODIES), max_size=12), full=st.booleans())
@example(sent=[data(3, b"x", SYN | FIN), data(3, b"behind its end"), data(5, b"", SYN)], full=False)
def test_any_frames_are_taken_or_a_violation(sent: list[bytes], full: bool) -> None:
    end, sink = served(max_streams=2, max_unread_bytes=40, max_owed_pongs=2)
    mine = Sink()
    end.session.write(end.session.open_stream(mine), b"x")
    end.wire.full = full
    try:
        for one in sent:
            end.session.receive_data(one)
    except ProtocolViolation:
        assert end.session.closed
    assert end.session.stream_count <= 3
    end.session.abort("gone")
    unended = [one for one in (mine, sink) if one.reset is None and not one.got_eof]
    assert unended == []
    assert end.session.stream_count == 0
