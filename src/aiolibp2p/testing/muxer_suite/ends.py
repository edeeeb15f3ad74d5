"""How connections end: in peace, by an error, by bytes that mean no good, by silence."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiolibp2p.errors import ConnectionLost
from aiolibp2p.testing.muxer_suite.contract import CUTS, cut, inherited
from aiolibp2p.testing.muxer_suite.limits import SLACK_BYTES, MuxerLimitSuite
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerPair

ENDLESS = [(0, b"\x00"), *itertools.product(range(40), (b"\x7f", b"\xff"))]
"""How many good bytes come first, and which byte then comes without end."""

HOUR_S = 3600.0
"""Seconds of an hour: long past every timer of a session."""

places = st.integers(0, 100_000)
changes = st.lists(st.tuples(places, st.binary(max_size=6), st.integers(0, 20)), min_size=1, max_size=4)


class MuxerSuite(MuxerLimitSuite):
    """The whole suite: streams, limits, ends."""

    def test_a_goodbye(self) -> None:
        """No new streams either way; the live ones finish."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        one, other = pair.ends
        one.session.close()
        one.session.close()
        pair.exchange()
        assert one.session.closed
        with pytest.raises(ConnectionLost):
            one.open()
        if self.goodbye:
            assert other.session.closed
            assert other.acceptor.goodbyes == 1
            with pytest.raises(ConnectionLost):
                other.open()
        pair.transfer(ours, theirs, bytes(100_000))
        pair.transfer(theirs, ours, bytes(100_000))
        ours.close_write()
        theirs.close_write()
        pair.exchange()
        assert theirs.sink.got_eof
        assert ours.sink.got_eof
        assert [end.session.stream_count for end in pair.ends] == [0, 0]
        self.assert_sound(pair)

    def test_a_stream_that_crosses_a_goodbye(self) -> None:
        """A stream that was opened before the goodbye came is reset, not accepted."""
        pair = self.pair()
        pair.responder.session.close()
        late = pair.initiator.open()
        late.write(b"x")
        pair.exchange()
        assert not pair.responder.acceptor.accepted
        assert late.sink.resets == 1
        self.assert_sound(pair)

    def test_the_connection_is_gone(self) -> None:
        """Every sink hears of it once, with the reason; whoever waits for a stream is woken; then there is silence."""
        pair = self.pair()
        streams = [pair.open(end)[side] for end in pair.ends for side in (0, 1)]
        half = pair.open(pair.initiator)
        half[0].close_write()
        pair.exchange()
        for end in pair.ends:
            before = end.acceptor.room_calls
            end.session.abort("the cable was cut")
            end.session.abort("and again")
            assert end.acceptor.room_calls > before
            assert end.session.closed
            assert end.session.stream_count == 0
            with pytest.raises(ConnectionLost):
                end.open()
        for stream in (*streams, *half):
            assert stream.sink.reset == (0, "the cable was cut")
            stream.end.session.consumed(stream.stream_id, 1)
            for call in (stream.close_write, stream.stop_reading, stream.reset):
                call()
        self.assert_sound(pair)

    def test_nothing_comes_after_the_end(self) -> None:
        """What was still in the buffers is dropped, and so are new streams."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        ours.write(b"too late")
        new = pair.initiator.open()
        new.write(b"too late as well")
        pair.responder.session.abort("gone")
        pair.exchange()
        assert theirs.sink.received == b"?"
        assert len(pair.responder.acceptor.accepted) == 1
        self.assert_nothing_after_the_end(pair.responder)

    @inherited
    @given(st.binary(max_size=500), st.booleans(), CUTS)
    @example(b"\xff" * 100, False, [])
    @example(b"\xff" * 100, True, [50])
    def test_garbage(self, garbage: bytes, behind_good: bool, cuts: list[int]) -> None:
        """Garbage ends the session with a ProtocolViolation, or nothing comes of it."""
        end = self.end()
        if behind_good:
            end.receive(self._good_bytes())
        self._feed(end, garbage, cuts)

    @inherited
    @given(changes, CUTS)
    def test_good_bytes_changed(self, changed: list[tuple[int, bytes, int]], cuts: list[int]) -> None:
        """Bytes put in and lost anywhere in a conversation."""
        data = self._good_bytes()
        for place, inserted, lost in changed:
            at = place % (len(data) + 1)
            data = data[:at] + inserted + data[at + lost :]
        self._feed(self.end(), data, cuts)

    def test_each_byte_changed(self) -> None:
        """Each byte of a short conversation is changed in several ways."""
        data = self._good_bytes(10)
        for at in range(len(data)):
            for mask in (1, 2, 4, 8, 0x80, 0xFF):
                self._feed(self.end(), data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :], [])

    def test_a_conversation_again_and_again(self) -> None:
        """Ids that were used come again."""
        self._feed(self.end(), self._good_bytes() * 3, [])

    def _feed(self, end: MuxerEnd, data: bytes, cuts: list[int]) -> None:
        for piece in cut(data, cuts):
            end.receive(piece)
            assert end.session.stream_count <= self.max_inbound_streams
            assert self.unread(end) <= end.scope.held <= self.max_unread_bytes
        end.take()
        if end.error:
            assert end.session.closed
        else:
            end.session.abort("that is all")
        self.assert_nothing_after_the_end(end)
        assert end.session.stream_count == 0
        assert end.scope.held == 0
        assert all(sink.resets == 1 for sink in end.acceptor.accepted), "a sink did not hear of its end"

    def _good_bytes(self, size: int = 300) -> bytes:
        return _conversation(self.pair, size)

    def test_endless_bytes_are_not_gathered(self) -> None:
        """A frame may claim that any number of bytes will come: what is held of it is bounded."""
        good = self._good_bytes()
        chunk_bytes = 64 * 1024
        most = self.max_unread_bytes + SLACK_BYTES
        for head, filler in ENDLESS:
            end = self.end()
            end.receive(good[:head])
            held = self._held(end, filler * chunk_bytes, 2 * self.max_unread_bytes // chunk_bytes + 8)
            assert held <= most, f"{held} bytes are held after {good[:head].hex()} and endless {filler.hex()}"

    def _held(self, end: MuxerEnd, chunk: bytes, times: int) -> int:
        tracemalloc.start()
        try:
            while times and not end.error and not end.wire.paused:
                end.receive(bytes(memoryview(chunk)))
                times -= 1
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    def test_an_hour_of_peace(self) -> None:
        """Timers go off, the peer answers, and nothing ends: with streams and without."""
        pair = self.pair()
        pair.wait(HOUR_S)
        ours, theirs = pair.open(pair.initiator)
        pair.wait(HOUR_S)
        pair.transfer(ours, theirs, b"still there")
        pair.transfer(theirs, ours, b"so am I")
        self.assert_sound(pair)

    def test_a_peer_that_falls_silent(self) -> None:
        """A silent peer is noticed, and each sink hears of it once."""
        if not self.keep_alive:
            pytest.skip("this muxer has no keep-alive")
        pair = self.pair()
        ours, _ = pair.open(pair.initiator)
        end = pair.initiator
        while end.error is None:
            due = end.next_timeout()
            assert due is not None, "it would wait for ever"
            assert due <= self.patience_s, "it waits too long"
            end.clock.time = max(due, end.clock.time)
            end.handle_timeout()
            end.take()
        assert isinstance(end.error, ConnectionLost)
        assert ours.sink.resets == 1

    def test_a_peer_that_never_ends_its_stream(self) -> None:
        """We wrote all and read no more: the stream does not stay for ever."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        ours.close_write()
        ours.stop_reading()
        pair.wait(self.patience_s)
        assert pair.initiator.session.stream_count == 0
        assert theirs.sink.got_eof or theirs.is_reset
        self.assert_sound(pair)

    def test_a_round_trip_is_no_guess(self) -> None:
        """The round trip is None, or seconds that have passed."""
        pair = self.pair()
        rtts = [pair.initiator.session.rtt]
        pair.open(pair.initiator)
        rtts.append(pair.initiator.session.rtt)
        assert rtts in ([None, None], [None, 0])


def _conversation(make: Callable[[], MuxerPair], size: int) -> bytes:
    """What an initiator says to a responder: streams opened, used, closed and reset."""
    pair = make()
    said = b""

    def heard(pair: MuxerPair) -> bytes:
        before = pair.initiator.take()
        pair.responder.receive(before)
        pair.initiator.receive(pair.responder.take())
        return before

    streams = [pair.initiator.open() for _ in range(3)]
    for stream in streams:
        stream.write(bytes(range(size % 256)) or b"x")
        said += heard(pair)
    streams[0].close_write()
    streams[1].reset(1)
    said += heard(pair)
    pair.responder.newest().write(b"answer")
    said += heard(pair)
    streams[2].write(b"a last word")
    said += heard(pair)
    pair.initiator.session.close()
    return said + heard(pair)
