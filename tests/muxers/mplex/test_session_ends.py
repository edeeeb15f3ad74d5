"""How streams and sessions end, and that nothing of them is left."""

from __future__ import annotations

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import ConnectionLost, LimitExceeded, StreamClosed
from aiolibp2p.muxers.mplex import frames
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
)


@pytest.mark.spec("MPX-6", "MPX-7")
def test_after_our_close_we_may_read_and_not_write() -> None:
    two = pair()
    ours, theirs = two.open(two.initiator)
    ours.write(b"the last")
    ours.close_write()
    two.exchange()
    with pytest.raises(StreamClosed, match="closed for writing"):
        ours.write(b"more")
    assert theirs.read() == b"the last"
    assert theirs.sink.got_eof
    theirs.write(b"still open this way")
    two.exchange()
    assert ours.read() == b"still open this way"
    assert not ours.sink.got_eof
    theirs.close_write()
    two.exchange()
    assert ours.sink.got_eof
    assert [one.session.stream_count for one in two.ends] == [0, 0]


@pytest.mark.spec("MPX-6")
def test_what_is_unread_when_both_have_closed_can_still_be_read() -> None:
    ours = end()
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, b"unread") + message(0, CLOSE_I))
    stream = ours.newest()
    stream.close_write()
    assert ours.session.stream_count == 1
    assert stream.read() == b"unread"
    assert ours.session.stream_count == 0
    assert ours.acceptor.idles == 1


@pytest.mark.spec("MPX-8")
def test_a_reset_is_told_as_one_and_not_as_an_end() -> None:
    ours = end()
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, b"unread") + message(0, RESET_I))
    stream = ours.newest()
    assert stream.sink.reset == (0, "the peer reset the stream")
    assert not stream.sink.got_eof
    with pytest.raises(StreamClosed):
        stream.write(b"x")
    for call in (stream.close_write, stream.stop_reading, stream.reset):
        call()
    assert ours.take() == b""


@pytest.mark.spec("MPX-6", "MPX-8")
@pytest.mark.parametrize("flag", [CLOSE_I, RESET_I])
def test_the_body_of_a_close_or_reset_is_dropped(flag: int) -> None:
    ours = end()
    sent = message(0, NEW) + message(1, NEW) + message(0, flag, b"\x08\x02x") + message(1, MESSAGE_I, b"next")
    for byte in sent:
        ours.receive(bytes([byte]))
    first, second = ours.acceptor.accepted
    assert (first.got_eof, first.reset is not None) == (flag == CLOSE_I, flag == RESET_I)
    assert (bytes(first.received), bytes(second.received)) == (b"", b"next")


def test_a_second_close_says_nothing_and_an_empty_message_behind_it_is_none() -> None:
    ours = end()
    ours.receive(message(0, NEW) + message(0, CLOSE_I) * 2 + message(0, MESSAGE_I) + message(0, CLOSE_I))
    assert ours.newest().sink.got_eof
    assert not ours.newest().sink.too_late
    assert not ours.newest().is_reset


@pytest.mark.spec("MPX-10")
def test_a_stream_reset_in_the_middle_of_a_message_loses_its_rest_in_step() -> None:
    ours = end()
    sent = message(0, MESSAGE_I, b"first half, second half")
    ours.receive(message(0, NEW) + sent[:12])
    ours.newest().reset()
    ours.receive(sent[12:] + message(0, MESSAGE_I, b"more") + message(1, NEW) + message(1, MESSAGE_I, b"next"))
    assert bytes(ours.acceptor.accepted[0].received) == b"first half"
    assert ours.newest().read() == b"next"
    assert list(messages(ours.take())) == [(0, RESET_R, b"")]


@pytest.mark.spec("MPX-11")
def test_when_all_numbers_are_used_up_no_stream_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_STREAM_NUMBER", 2)
    ours = end(Role.INITIATOR)
    for _ in range(3):
        ours.open().reset()
    with pytest.raises(LimitExceeded, match="used up"):
        ours.open()


def test_streams_that_went_unread_use_up_nothing() -> None:
    ours = end(max_unread_bytes=1000, max_unread_stream_bytes=500)
    how = [
        lambda: ours.receive(message(0, RESET_I)),
        lambda: ours.newest().reset(),
        lambda: (ours.newest().close_write(), ours.newest().stop_reading(), ours.receive(message(0, CLOSE_I))),
        lambda: (ours.receive(message(0, CLOSE_I) + message(0, MESSAGE_I, b"late")), ours.newest().stop_reading()),
    ]
    for at in range(40):
        ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(900)))
        assert ours.wire.paused
        assert not ours.newest().is_reset
        how[at % len(how)]()
        assert not ours.wire.paused
        assert ours.session.stream_count == 0


def test_closed_sessions_open_nothing_and_finish_what_there_is() -> None:
    two = pair()
    ours, theirs = two.open(two.initiator)
    two.initiator.session.close()
    assert two.initiator.take() == b"", "mplex has no words for it"
    with pytest.raises(ConnectionLost):
        two.initiator.open()
    late = two.responder.open()
    late.write(b"too late")
    two.exchange()
    assert late.is_reset
    two.transfer(ours, theirs, b"finishes")
    two.transfer(theirs, ours, b"finishes, too")
    assert two.initiator.error is None


def test_the_end_of_the_connection_is_told_to_every_stream_once() -> None:
    ours = end()
    ours.receive(b"".join(message(number, NEW) + message(number, MESSAGE_I, b"x") for number in range(3)))
    mine, unread = ours.open(), ours.newest()
    unread.close_write()
    unread.stop_reading()
    ours.session.abort("the connection broke")
    ours.session.abort("once more")
    sinks = [mine.sink, *ours.acceptor.accepted[:2]]
    assert [(sink.reset, sink.resets) for sink in sinks] == [((0, "the connection broke"), 1)] * 3
    assert ours.acceptor.accepted[2].reset is None, "nobody reads it any more"
    assert ours.acceptor.room_calls == 1
    assert ours.session.next_timeout() is None
    ours.session.handle_timeout(1e9)
    with pytest.raises(StreamClosed):
        mine.write(b"x")
    with pytest.raises(ConnectionLost):
        ours.open()


def test_streams_are_given_up_in_the_order_of_their_deadlines() -> None:
    ours = end(max_unread_stream_bytes=10, linger_s=8)
    ours.receive(b"".join(message(number, NEW) for number in range(4)))
    ids = list(ours.acceptor.sinks)
    for number in (0, 1):
        ours.session.stop_reading(ids[number])
        ours.receive(message(number + 2, MESSAGE_I, bytes(11)))
        ours.clock.time += 2
    due = []
    while (at := ours.next_timeout()) is not None:
        ours.clock.time = at
        ours.handle_timeout()
        due.append((at, [number for number, flag, _ in messages(ours.take()) if flag == RESET_R]))
    assert due == [(5, [2]), (7, [3]), (8, [0]), (10, [1])]


@pytest.mark.spec("MPX-3", "MPX-10")
def test_an_answer_on_a_stream_that_only_the_peer_opened_is_for_nobody() -> None:
    """An answer whose flag says that we opened the stream is for nobody: there is no such stream."""
    ours = end()
    ours.receive(message(0, NEW) + message(0, MESSAGE_R, b"x") + message(0, CLOSE_R) + message(0, RESET_R))
    assert ours.newest().sink.received == b""
    assert not ours.newest().sink.got_eof
    assert not ours.newest().is_reset


@pytest.mark.spec("MPX-11")
def test_a_number_that_the_peer_uses_again_is_another_stream() -> None:
    """A reader of the old stream, which had ended before it was reset, neither frees nor ends the new one."""
    ours = end(max_unread_stream_bytes=500)
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(400)) + message(0, CLOSE_I) + message(0, RESET_I))
    old = ours.newest()
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, bytes(600)))
    assert ours.newest().stream_id != old.stream_id
    ours.session.consumed(old.stream_id, 400)
    assert ours.wire.paused
    old.stop_reading()
    old.reset()
    with pytest.raises(StreamClosed):
        old.write(b"for the old one")
    assert ours.session.stream_count == 1
    assert len(ours.newest().read()) == 600
    ours.newest().write(b"on the new one")
    assert list(messages(ours.take())) == [(0, MESSAGE_R, b"on the new one")]
