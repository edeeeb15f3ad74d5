"""Slow readers: they hold up the connection, for a while, and then lose their streams."""

from __future__ import annotations

import pytest

from aiolibp2p.errors import StreamCode
from aiolibp2p.testing.muxer_suite import MuxerEnd, MuxerStream
from muxers.mplex.wire import CLOSE_I, MESSAGE_I, NEW, RESET_I, RESET_R, end, message, messages, pair, served

STALL_S = 5.0


@pytest.mark.spec("MPX-9")
def test_a_full_reader_stops_the_reading_and_half_of_it_taken_lets_it_go_on() -> None:
    ours = end(max_unread_stream_bytes=1000)
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(1000)))
    assert not ours.wire.paused
    ours.receive(message(0, MESSAGE_I, b"x"))
    assert ours.wire.paused
    assert ours.next_timeout() == ours.clock.time + 5.0
    ours.session.consumed(ours.newest().stream_id, 500)
    assert ours.wire.paused
    ours.session.consumed(ours.newest().stream_id, 1)
    assert not ours.wire.paused
    assert ours.session.next_timeout() is None


@pytest.mark.spec("MPX-9")
def test_whoever_holds_up_the_others_for_too_long_is_reset_and_nobody_else() -> None:
    ours = end(max_unread_stream_bytes=1000, stall_timeout_s=5)
    ours.receive(message(0, NEW) + message(1, NEW) + message(0, MESSAGE_I, bytes(2000)))
    stalled, other = ours.acceptor.accepted
    ours.clock.time += 4.9
    ours.session.handle_timeout(ours.clock.time)
    assert ours.wire.paused
    ours.clock.time += 0.1
    ours.session.handle_timeout(ours.clock.time)
    assert stalled.reset == (0, "its reader held up the connection for 5 s")
    assert other.reset is None
    assert not ours.wire.paused
    assert list(messages(ours.take())) == [(0, RESET_R, b"")]
    ours.receive(message(0, MESSAGE_I, bytes(2000)) + message(1, MESSAGE_I, b"goes on"))
    assert bytes(other.received) == b"goes on"


def test_one_that_is_given_up_may_end_another_that_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = end(max_unread_stream_bytes=10)
    ours.receive(
        message(0, NEW) + message(1, NEW) + message(0, MESSAGE_I, bytes(20)) + message(1, MESSAGE_I, bytes(20))
    )
    first, second = ours.acceptor.sinks
    sink = ours.acceptor.sinks[first]
    monkeypatch.setattr(sink, "reset_received", lambda code, reason: ours.session.reset_stream(second))
    ours.clock.time += STALL_S
    ours.session.handle_timeout(ours.clock.time)
    assert sorted(messages(ours.take())) == [(0, RESET_R, b""), (1, RESET_R, b"")]
    assert not ours.wire.paused


def test_reading_goes_on_only_when_nobody_holds_it_up() -> None:
    ours = end(max_unread_stream_bytes=10)
    ours.receive(
        message(0, NEW) + message(1, NEW) + message(0, MESSAGE_I, bytes(20)) + message(1, MESSAGE_I, bytes(20))
    )
    first, second = ours.acceptor.sinks
    ours.session.consumed(first, 20)
    assert ours.wire.paused
    ours.session.stop_reading(second)
    assert not ours.wire.paused


@pytest.mark.parametrize("how", ["reset by us", "reset by them", "not read any more"])
def test_a_stream_that_is_gone_holds_up_nobody(how: str) -> None:
    ours = end(max_unread_stream_bytes=10)
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(20)))
    assert ours.wire.paused
    stream = ours.newest()
    if how == "reset by us":
        stream.reset()
    elif how == "reset by them":
        ours.receive(message(0, 6))
    else:
        stream.stop_reading()
    assert not ours.wire.paused


@pytest.mark.spec("MPX-9")
def test_what_all_streams_hold_is_bounded() -> None:
    ours = end(max_unread_bytes=1000)
    for number in range(10):
        ours.receive(message(number, NEW) + message(number, MESSAGE_I, bytes(100)))
    assert [sink.reset for sink in ours.acceptor.accepted] == [None] * 10
    ours.receive(message(3, MESSAGE_I, b"x"))
    assert [n for n, sink in enumerate(ours.acceptor.accepted) if sink.reset] == [3]
    code, reason = ours.acceptor.accepted[3].reset or (0, "")
    assert (code, "limit of 1000" in reason) == (StreamCode.LIMIT_EXCEEDED, True)
    ours.receive(message(4, MESSAGE_I, bytes(100)))
    assert ours.acceptor.accepted[4].reset is None


def test_streams_past_the_limit_are_reset() -> None:
    ours = end(max_streams=2)
    ours.receive(b"".join(message(number, NEW) for number in range(3)))
    assert len(ours.acceptor.accepted) == 2
    assert list(messages(ours.take())) == [(2, RESET_R, b"")]
    ours.newest().reset()
    ours.receive(message(9, NEW))
    assert len(ours.acceptor.accepted) == 3


def test_streams_that_only_the_peer_could_close_are_limited() -> None:
    ours = end(max_lingering_streams=2)
    for number in range(3):
        ours.receive(message(number, NEW))
        if number < 2:
            ours.newest().close_write()
            ours.newest().stop_reading()
    assert len(ours.acceptor.accepted) == 2
    assert list(messages(ours.take()))[-1] == (2, RESET_R, b"")
    ours.receive(message(0, CLOSE_I) + message(5, NEW))
    assert len(ours.acceptor.accepted) == 3


def test_what_comes_for_a_stream_that_nobody_reads_is_bounded_in_bytes_and_time() -> None:
    ours = end(max_dropped_bytes=100, linger_s=60)
    ours.receive(message(0, NEW) + message(1, NEW))
    for stream_id in ours.acceptor.sinks:
        ours.session.close_write(stream_id)
        ours.session.stop_reading(stream_id)
    ours.take()
    ours.receive(message(0, MESSAGE_I, bytes(100)))
    assert ours.take() == b""
    ours.receive(message(0, MESSAGE_I, b"x"))
    assert list(messages(ours.take())) == [(0, RESET_R, b"")]
    assert ours.next_timeout() == ours.clock.time + 60
    ours.clock.time += 60
    ours.handle_timeout()
    assert list(messages(ours.take())) == [(1, RESET_R, b"")]
    assert ours.session.stream_count == 0


def test_answers_that_nobody_reads_are_bounded() -> None:
    ours = end(max_streams=0, max_owed_bytes=100)
    ours.wire.full = True
    ours.receive(b"".join(message(number, NEW) for number in range(30)))
    assert ours.error is None
    ours.receive(b"".join(message(number, NEW) for number in range(30, 60)))
    assert "does not read our answers" in str(ours.error)
    other = end(max_streams=0, max_owed_bytes=100)
    for number in range(100):
        other.wire.full = True
        other.receive(message(number, NEW))
        other.wire.full = False
        other.session.drained()
    assert other.error is None


def test_two_that_wait_for_each_other_are_freed() -> None:
    """Both write and neither reads: each holds up the other, until the deadline."""
    two = pair(max_unread_stream_bytes=1000)
    ours, theirs = two.open(two.initiator)
    for _ in range(3):
        ours.write(bytes(1000))
        theirs.write(bytes(1000))
        two.exchange()
    assert two.initiator.wire.paused
    assert two.responder.wire.paused
    two.wait(6.0)
    two.exchange()
    assert not two.initiator.wire.paused
    assert not two.responder.wire.paused
    assert two.initiator.error is two.responder.error is None
    again, there = two.open(two.responder)
    again.write(b"works")
    two.exchange()
    assert there.read() == b"works"


def stalled(**limits: float) -> tuple[MuxerEnd, MuxerStream]:
    """A session whose stream 0 holds up the connection."""
    one = served(max_unread_stream_bytes=1000, **limits)
    one.receive(message(0, MESSAGE_I, bytes(999)))
    assert not one.wire.paused
    one.receive(message(0, MESSAGE_I, b"y"))
    assert one.wire.paused
    return one, one.newest()


@pytest.mark.spec("MPX-9")
def test_a_mebibyte_is_held_unless_told_otherwise() -> None:
    one = served()
    for _ in range(15):
        one.receive(message(0, MESSAGE_I, bytes(65_536)))
    one.receive(message(0, MESSAGE_I, bytes(65_535)))
    assert not one.wire.paused
    one.receive(message(0, MESSAGE_I, b"y"))
    assert one.wire.paused
    assert one.next_timeout() == STALL_S
    assert one.wire.timeouts_changed == 1


@pytest.mark.spec("MPX-9")
def test_what_was_read_already_stalls_others_too() -> None:
    one, first = stalled()
    one.clock.time = 1
    one.receive(message(1, NEW) + message(1, MESSAGE_I, bytes(1001)))
    second = one.newest()
    first.read()
    assert one.wire.paused
    assert one.session.next_timeout() == 1 + STALL_S
    second.read()
    assert not one.wire.paused
    assert one.session.next_timeout() is None


@pytest.mark.parametrize("how", [message(0, RESET_I), message(0, CLOSE_I), message(0, CLOSE_I) + message(0, RESET_I)])
def test_what_the_peer_has_ended_holds_up_nobody(how: bytes) -> None:
    one, stream = stalled()
    one.receive(how)
    assert not one.wire.paused
    assert one.session.next_timeout() is None
    assert stream.sink.received == b"x" + bytes(999) + b"y"


def test_abort_forgets_the_deadline() -> None:
    one, stream = stalled()
    one.session.abort("gone")
    assert stream.sink.resets == 1
    assert one.session.next_timeout() is None
    one.session.handle_timeout(100)
    assert stream.sink.resets == 1


def test_finished_streams_count_until_they_are_read() -> None:
    one = end(max_unread_bytes=1000)
    one.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(1000)) + message(0, CLOSE_I))
    one.newest().close_write()
    one.receive(message(1, NEW) + message(1, MESSAGE_I, b"x"))
    assert one.newest().is_reset
    one.session.consumed(next(iter(one.acceptor.sinks)), 1000)
    assert one.session.stream_count == 0


@pytest.mark.parametrize("how", [message(0, RESET_I), message(0, MESSAGE_I, b"late")])
def test_what_a_reset_leaves_to_be_read_counts_until_it_is_read(how: bytes) -> None:
    ours = end(max_unread_bytes=1000)
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(1000)) + message(0, CLOSE_I) + how)
    first = ours.newest()
    assert first.is_reset
    ours.take()
    ours.receive(how + message(0, NEW) + message(0, MESSAGE_I, b"x"))
    assert ours.newest().is_reset
    assert list(messages(ours.take())) == [(0, RESET_R, b"")]
    ours.session.consumed(first.stream_id, 400)
    ours.session.consumed(first.stream_id, 600)
    assert ours.session.stream_count == 0
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(1000)))
    assert not ours.newest().is_reset
    assert ours.take() == b""
