"""The session against hand-made messages."""

from __future__ import annotations

import pytest

from aiolibp2p.errors import ConnectionLost, ProtocolViolation, StreamClosed
from aiolibp2p.muxers.mplex import Mplex
from aiolibp2p.muxers.mplex.frames import MAX_MESSAGE_BYTES
from aiolibp2p.testing.muxer_suite import Clock
from muxers.mplex.wire import (
    CLOSE_I,
    CLOSE_R,
    MESSAGE_I,
    MESSAGE_R,
    NEW,
    RESET_I,
    RESET_R,
    end,
    message,
    messages,
    pair,
    served,
)


def test_its_protocol_id() -> None:
    assert Mplex(Clock()).protocol_id == "/mplex/6.7.0"


@pytest.mark.spec("MPX-2")
@pytest.mark.parametrize("name", [b"", b"0", b"a name", b"\xff\0", bytes(100_000)])
def test_names_are_dropped(name: bytes) -> None:
    one = end()
    one.receive(message(0, NEW, name) + message(1, NEW, name) + message(1, MESSAGE_I, b"x"))
    assert [bytes(sink.received) for sink in one.acceptor.accepted] == [b"", b"x"]


@pytest.mark.spec("MPX-5")
def test_a_message_is_delivered_as_it_comes() -> None:
    one = served()
    one.receive(message(0, MESSAGE_I, b"the first part", length=MAX_MESSAGE_BYTES))
    assert one.newest().sink.received == b"xthe first part"


@pytest.mark.spec("MPX-6")
def test_a_close_ends_one_direction_behind_what_was_sent() -> None:
    one = served()
    stream = one.newest()
    one.receive(message(0, MESSAGE_I, b"yz") + message(0, CLOSE_I) * 2)
    assert stream.sink.received == b"xyz"
    assert stream.sink.got_eof
    assert not stream.sink.too_late
    assert stream.write(b"still ours") == 10
    stream.close_write()
    stream.close_write()
    assert list(messages(one.take())) == [(0, MESSAGE_R, b"still ours"), (0, CLOSE_R, b"")]
    assert one.session.stream_count == 1
    stream.read()
    assert one.session.stream_count == 0
    assert one.acceptor.idles == 1


@pytest.mark.spec("MPX-6")
def test_our_close_leaves_the_other_direction_open() -> None:
    one = served()
    one.newest().close_write()
    one.receive(message(0, MESSAGE_I, b"more"))
    assert one.newest().sink.received == b"xmore"
    assert not one.newest().is_reset


@pytest.mark.spec("MPX-7")
def test_writing_after_our_close_is_an_error_and_sends_nothing() -> None:
    one = served()
    one.newest().close_write()
    one.take()
    with pytest.raises(StreamClosed):
        one.newest().write(b"more")
    assert one.take() == b""


@pytest.mark.spec("MPX-8", "MPX-10")
def test_a_reset_ends_both_directions() -> None:
    one = served()
    one.receive(message(0, RESET_I) + message(0, MESSAGE_I, b"late") + message(0, CLOSE_I))
    stream = one.newest()
    assert stream.sink.reset == (0, "the peer reset the stream")
    assert stream.sink.received == b"x"
    assert not stream.sink.got_eof
    with pytest.raises(StreamClosed):
        stream.write(b"y")
    assert one.take() == b""
    assert one.session.stream_count == 0


@pytest.mark.spec("MPX-10", "MPX-13")
@pytest.mark.parametrize("flag", range(1, 7))
@pytest.mark.parametrize("number", [1, 77, 2**60 - 1])
def test_messages_for_streams_unknown_are_dropped_and_not_answered(flag: int, number: int) -> None:
    one = served()
    one.receive(message(number, flag, b"who is that?") + message(0, MESSAGE_I, b"y"))
    assert one.newest().sink.received == b"xy"
    assert one.take() == b""
    assert one.session.stream_count == 1


@pytest.mark.spec("MPX-10")
def test_data_on_its_way_when_we_reset_is_dropped() -> None:
    one = served()
    one.receive(message(0, MESSAGE_I, b"half", length=8))
    one.newest().reset()
    one.take()
    one.receive(b"rest" + message(0, MESSAGE_I, b"late") + message(1, NEW) + message(1, MESSAGE_I, b"ok"))
    assert one.newest().sink.received == b"ok"
    assert one.take() == b""


def test_bodies_of_closes_and_resets_are_dropped() -> None:
    one = served()
    one.receive(message(0, CLOSE_I, b"bye") + message(1, NEW) + message(1, RESET_I, b"bye"))
    assert one.acceptor.accepted[0].got_eof
    assert one.acceptor.accepted[1].reset is not None


def test_streams_past_the_limit_are_reset_and_others_may_follow() -> None:
    one = end(max_streams=2)
    one.receive(b"".join(message(number, NEW) for number in range(4)))
    assert list(messages(one.take())) == [(2, RESET_R, b""), (3, RESET_R, b"")]
    one.receive(message(2, MESSAGE_I, b"dropped") + message(0, RESET_I) + message(4, NEW))
    assert one.session.stream_count == 2
    assert one.take() == b""


def test_as_many_streams_are_taken_as_the_connection_takes() -> None:
    one = end(max_streams=200)
    one.receive(b"".join(message(number, NEW) for number in range(201)))
    assert one.session.stream_count == len(one.acceptor.accepted) == 200
    assert list(messages(one.take())) == [(200, RESET_R, b"")]


def test_a_refused_stream_is_reset() -> None:
    one = end()
    one.acceptor.refuse = True
    one.receive(message(0, NEW) + message(0, MESSAGE_I, b"dropped"))
    assert list(messages(one.take())) == [(0, RESET_R, b"")]


def test_it_measures_nothing_and_waits_for_nothing() -> None:
    one = served()
    assert one.session.rtt is None
    assert one.session.next_timeout() is None


def test_a_peer_that_makes_us_answer_and_does_not_read() -> None:
    one = end(max_streams=0, max_owed_bytes=1000)
    one.wire.full = True
    flood = b"".join(message(number, NEW) for number in range(16))
    for _ in range(31):
        one.session.receive_data(flood)
    one.session.drained()
    for _ in range(31):
        one.session.receive_data(flood)
    with pytest.raises(ProtocolViolation, match="does not read"):
        one.session.receive_data(flood)
    assert one.session.closed


def test_streams_that_we_open_while_the_wire_is_full_are_no_fault_of_the_peer() -> None:
    one = end(max_owed_bytes=100)
    one.wire.full = True
    for _ in range(100):
        one.open().write(b"a proposal")
    one.session.receive_data(message(0, MESSAGE_R, b"x"))
    assert not one.session.closed


def test_closing_sends_nothing_and_takes_no_new_streams() -> None:
    one = served()
    one.session.close()
    assert one.take() == b""
    assert one.session.closed
    with pytest.raises(ConnectionLost):
        one.open()
    one.receive(message(1, NEW) + message(0, MESSAGE_I, b"y"))
    assert list(messages(one.take())) == [(1, RESET_R, b"")]
    assert one.newest().sink.received == b"xy"


def test_abort_tells_every_stream() -> None:
    one = served()
    stream = one.open()
    one.session.abort("gone")
    one.session.abort("and again")
    assert [stream.sink.reset, one.acceptor.accepted[0].reset] == [(0, "gone")] * 2
    assert [stream.sink.resets, one.acceptor.accepted[0].resets] == [1, 1]
    assert one.session.next_timeout() is None


def test_nobody_reads_any_more() -> None:
    one = served(max_dropped_bytes=10)
    stream = one.newest()
    stream.stop_reading()
    one.receive(message(0, MESSAGE_I, bytes(10)))
    assert one.take() == b""
    assert stream.sink.received == b"x"
    one.receive(message(0, MESSAGE_I, b"y", length=9) + bytes(8))
    assert list(messages(one.take())) == [(0, RESET_R, b"")]
    assert one.session.stream_count == 0
    assert not stream.is_reset


def test_a_closed_stream_lingers_for_a_limited_time() -> None:
    one = served(linger_s=5)
    stream = one.newest()
    stream.close_write()
    stream.stop_reading()
    one.take()
    assert one.next_timeout() == 5
    one.clock.time = 5
    one.handle_timeout()
    assert list(messages(one.take())) == [(0, RESET_R, b"")]
    assert one.session.next_timeout() is None


def test_a_closed_stream_is_over_with_the_peers_close() -> None:
    one = served()
    one.newest().close_write()
    one.newest().stop_reading()
    one.take()
    one.receive(message(0, CLOSE_I))
    assert one.session.stream_count == 0
    assert one.take() == b""
    assert one.session.next_timeout() is None


def test_both_close_and_nothing_is_left() -> None:
    two = pair()
    ours, theirs = two.open(two.initiator)
    two.transfer(ours, theirs, bytes(200_000))
    ours.close_write()
    theirs.close_write()
    two.exchange()
    assert [one.session.stream_count for one in two.ends] == [0, 0]


def test_abort_within_a_message() -> None:
    one = served()
    one.receive(message(0, MESSAGE_I, b"half", length=8))
    one.session.abort("gone")
    one.session.receive_data(b"rest")
    assert one.newest().sink.received == b"xhalf"


def test_an_answer_leaves_at_once_unless_several_readers_were_woken() -> None:
    one = served()
    one.receive(message(1, NEW) + message(1, MESSAGE_I, b"x"))
    one.newest().write(b"at once")
    assert one.wire.sizes
    one.wire.sizes.clear()
    one.receive(message(0, MESSAGE_I, b"y") + message(1, MESSAGE_I, b"y"))
    one.newest().write(b"together with others")
    assert not one.wire.sizes
