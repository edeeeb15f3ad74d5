"""What goes over the wire, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.multiformats import varint
from aiolibp2p.muxers.mplex.frames import MAX_MESSAGE_BYTES, MAX_STREAM_NUMBER
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


@pytest.mark.spec("MPX-2", "MPX-4")
def test_who_opens_a_stream_uses_the_even_flags() -> None:
    ours = end()
    stream = ours.open()
    assert ours.take() == b""  # nothing before its first bytes
    stream.write(b"hi")
    assert list(messages(ours.take())) == [(0, NEW, b""), (0, MESSAGE_I, b"hi")]
    stream.close_write()
    assert list(messages(ours.take())) == [(0, CLOSE_I, b"")]
    other = ours.open()
    other.write(b"x")
    other.reset()
    assert list(messages(ours.take())) == [(1, NEW, b""), (1, MESSAGE_I, b"x"), (1, RESET_I, b"")]


@pytest.mark.spec("MPX-4")
def test_who_accepts_a_stream_uses_the_odd_flags() -> None:
    ours = end()
    ours.receive(message(5, NEW, b"a name") + message(5, MESSAGE_I, b"hello"))
    stream = ours.newest()
    assert stream.read() == b"hello"
    stream.write(b"hi")
    stream.close_write()
    assert list(messages(ours.take())) == [(5, MESSAGE_R, b"hi"), (5, CLOSE_R, b"")]
    ours.receive(message(6, NEW))
    ours.newest().reset()
    assert list(messages(ours.take())) == [(6, RESET_R, b"")]


@pytest.mark.spec("MPX-3")
def test_one_number_may_be_used_by_both_sides() -> None:
    ours = end()
    mine = ours.open()
    mine.write(b"mine")
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, b"to theirs") + message(0, MESSAGE_R, b"to mine"))
    theirs = ours.newest()
    assert (mine.read(), theirs.read()) == (b"to mine", b"to theirs")
    ours.receive(message(0, RESET_R))
    assert mine.is_reset
    assert not theirs.is_reset


@pytest.mark.spec("MPX-1")
@given(number=st.one_of(st.integers(0, 300), st.integers(0, MAX_STREAM_NUMBER), st.just(MAX_STREAM_NUMBER)))
def test_numbers_up_to_the_largest(number: int) -> None:
    ours = end()
    ours.receive(message(number, NEW) + message(number, MESSAGE_I, b"x"))
    assert ours.newest().read() == b"x"
    ours.newest().write(b"y")
    assert list(messages(ours.take())) == [(number, MESSAGE_R, b"y")]


@pytest.mark.spec("MPX-1", "MPX-5", "MPX-12")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (message(1, 7), "flag 7"),
        (b"\x80" * 9 + b"\x01", "longer than 9 bytes"),
        (b"\xff" * 9, "longer than 9 bytes"),
        (b"\x80\x00\x00", "shortest form"),
        (b"\x00\x80\x80\x80\x80", "longer than 3 bytes"),
        (varint.encode(MESSAGE_I) + varint.encode(MAX_MESSAGE_BYTES + 1), "1048577 bytes"),
        (message(1, NEW) * 2, "open already"),
    ],
)
def test_what_ends_the_connection(data: bytes, why: str) -> None:
    ours = end()
    stream = ours.open()
    with pytest.raises(ProtocolViolation, match=why):
        ours.session.receive_data(data)
    assert ours.session.closed
    ours.session.abort("it ended")
    assert stream.is_reset


@pytest.mark.spec("MPX-5")
def test_the_longest_message_comes_through_in_pieces() -> None:
    ours = end()
    body = bytes(range(256)) * (MAX_MESSAGE_BYTES // 256)
    ours.receive(message(0, NEW))
    data = message(0, MESSAGE_I, body)
    got, stream = bytearray(), ours.newest()
    for at in range(0, len(data), 70_000):
        ours.receive(data[at : at + 70_000])
        got += stream.read()
    assert got == body


@pytest.mark.spec("MPX-5")
def test_what_we_send_fills_cipher_frames_and_is_never_longer() -> None:
    ours = end()
    stream = ours.open()
    stream.write(bytes(300_000))
    sent = list(messages(ours.take()))
    assert max(len(body) for _, _, body in sent) < 65_280
    assert sum(len(body) for _, flag, body in sent if flag == MESSAGE_I) == 300_000
    assert set(ours.wire.sizes[:-1]) == {65_280}


@pytest.mark.spec("MPX-6", "MPX-7")
def test_data_behind_a_close_resets_that_stream_alone() -> None:
    ours = end()
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, b"a") + message(0, CLOSE_I))
    stream = ours.newest()
    assert stream.sink.got_eof
    assert stream.read() == b"a"
    stream.write(b"still open this way")
    ours.receive(message(1, NEW) + message(0, CLOSE_I))
    ours.take()
    ours.receive(message(0, MESSAGE_I, b"b"))
    assert stream.is_reset
    assert list(messages(ours.take())) == [(0, RESET_R, b"")]
    assert ours.session.stream_count == 1
    assert ours.error is None


@pytest.mark.spec("MPX-8")
def test_a_reset_ends_both_directions() -> None:
    two = pair()
    ours, theirs = two.open(two.initiator)
    ours.write(b"unread")
    two.exchange()
    ours.reset()
    two.exchange()
    assert theirs.sink.reset == (0, "the peer reset the stream")
    assert two.initiator.session.stream_count == two.responder.session.stream_count == 0


@pytest.mark.spec("MPX-10", "MPX-13")
@pytest.mark.parametrize("flag", [MESSAGE_R, MESSAGE_I, CLOSE_R, CLOSE_I, RESET_R, RESET_I])
def test_messages_for_unknown_streams_are_dropped_and_not_answered(flag: int) -> None:
    ours = end()
    stream = ours.open()
    stream.write(b"x")
    ours.take()
    ours.receive(message(77, flag, b"body of no stream") + message(0, MESSAGE_R, b"y"))
    assert ours.error is None
    assert ours.take() == b""
    assert stream.read() == b"y"


@pytest.mark.spec("MPX-11")
def test_numbers_are_not_used_twice() -> None:
    ours = end(Role.INITIATOR)
    for number in range(50):
        stream = ours.open()
        stream.write(b"x")
        stream.reset()
        assert {sent for sent, _, _ in messages(ours.take())} == {number}


def test_a_stream_reset_before_its_first_bytes_was_never_there() -> None:
    ours = end()
    ours.open().reset()
    assert ours.take() == b""
    stream = ours.open()
    stream.close_write()
    assert list(messages(ours.take())) == [(1, NEW, b""), (1, CLOSE_I, b"")]


@given(cuts=st.lists(st.integers(1, 12), min_size=1), sizes=st.lists(st.integers(0, 40), max_size=12))
def test_cut_anywhere(cuts: list[int], sizes: list[int]) -> None:
    ours = end()
    data = message(3, NEW, b"name") + b"".join(message(3, MESSAGE_I, bytes([n]) * n) for n in sizes)
    at = number = 0
    while at < len(data):
        size = cuts[number % len(cuts)]
        number += 1
        ours.receive(data[at : at + size])
        at += size
    assert ours.newest().read() == b"".join(bytes([n]) * n for n in sizes)
