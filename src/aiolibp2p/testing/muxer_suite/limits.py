"""Tests of what one stream, or one peer, may cost."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest

from aiolibp2p.errors import LimitExceeded, StreamCode
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerPair, MuxerStream
from aiolibp2p.testing.muxer_suite.streams import MuxerStreamSuite

CHUNK_BYTES = 64 * 1024
"""Bytes of one write: about what a reader of a socket gets at once."""

SLACK_BYTES = 256 * 1024
"""Bytes that a session may hold beside what nobody has read: its pending frames, and what Python takes for them."""


class MuxerLimitSuite(MuxerStreamSuite):
    """Readers that stall, peers that open, send or owe too much."""

    def test_a_stalled_reader(self) -> None:
        """The session stops taking, stops reading for a while, or resets that stream; the others go on."""
        pair = self.pair()
        for opener in pair.ends:
            other = pair.open(opener)
            ours, theirs = pair.open(opener)
            taken = self._fill(pair, ours)
            assert theirs.unread <= self.max_unread_bytes
            self._until_it_reads(pair)
            pair.transfer(*other, bytes(100_000))
            pair.transfer(*other[::-1], bytes(100_000))
            if not theirs.is_reset:
                self._read_late(pair, ours, theirs, taken)
            for stream in (ours, other[0]):
                stream.reset()
            pair.exchange()
        self.assert_sound(pair)

    def _fill(self, pair: MuxerPair, stream: MuxerStream) -> int:
        """Write until nothing goes any more, or far more than may be held was written; what was taken."""
        total = 0
        while total <= 2 * self.max_unread_bytes + SLACK_BYTES:
            pair.exchange()
            receiver = pair.responder if stream.end is pair.initiator else pair.initiator
            if stream.is_reset or receiver.wire.paused:
                break
            taken = stream.write(bytes([total // CHUNK_BYTES % 251]) * CHUNK_BYTES)
            total += taken
            if not taken:
                break
        pair.exchange()
        return total

    def _until_it_reads(self, pair: MuxerPair) -> None:
        waited = 0.0
        while any(end.wire.paused for end in pair.ends):
            assert waited <= self.patience_s, "a stalled reader stops the whole connection for ever"
            pair.wait(1.0)
            waited += 1.0
        pair.exchange()

    def _read_late(self, pair: MuxerPair, ours: MuxerStream, theirs: MuxerStream, taken: int) -> None:
        expected = b"".join(bytes([number % 251]) * CHUNK_BYTES for number in range(taken // CHUNK_BYTES + 1))[:taken]
        came = b""
        for _ in range(1000):
            came += (read := theirs.read())
            pair.exchange()
            if not read:
                break
        assert len(came) == taken
        assert came == expected
        pair.transfer(ours, theirs, bytes(100_000))

    def test_many_stalled_readers(self) -> None:
        """All unread bytes of a connection are bounded together."""
        pair = self.pair()
        for _ in range(self.max_inbound_streams):
            if pair.responder.wire.paused:
                break
            stream = self.open_patiently(pair, pair.initiator)
            stream.write(bytes(CHUNK_BYTES))
            pair.exchange()
            self._write_on(pair, stream)
            assert self.unread(pair.responder) <= pair.responder.scope.held <= self.max_unread_bytes
        self.assert_nothing_after_the_end(pair.responder)
        self._assert_limited(pair)
        assert pair.responder.error is None

    def _assert_limited(self, pair: MuxerPair) -> None:
        """Each sink whose stream was reset has heard why, on both sides."""
        for sink in pair.responder.acceptor.accepted:
            assert sink.reset is None or sink.reset[0] == StreamCode.LIMIT_EXCEEDED
        for stream in pair.initiator.opened:
            assert stream.sink.reset is None or stream.sink.reset[0] == self.reset_codes * StreamCode.LIMIT_EXCEEDED

    def _write_on(self, pair: MuxerPair, stream: MuxerStream) -> None:
        for _ in range(3):
            if not stream.is_reset and not pair.responder.wire.paused:
                stream.write(bytes(CHUNK_BYTES))
                pair.exchange()

    def test_streams_of_a_peer_are_limited(self) -> None:
        """Streams past the limit are reset, those before go on, and when one ends another may come."""
        pair = self.pair()
        first = pair.open(pair.initiator)
        opened = [first[0]]
        for _ in range(self.max_inbound_streams + 9):
            stream = self.open_patiently(pair, pair.initiator)
            opened.append(stream)
            stream.write(b"x")
        pair.exchange()
        live = [sink for sink in pair.responder.acceptor.accepted if sink.reset is None]
        assert len(live) == self.max_inbound_streams
        assert pair.responder.session.stream_count == self.max_inbound_streams
        assert [stream.is_reset for stream in opened].count(True) == 10
        self._assert_limited(pair)
        opened[1].reset()
        pair.exchange()
        pair.transfer(*first, b"goes on")
        pair.transfer(*pair.open(pair.initiator), b"one more")
        self.assert_sound(pair)

    def test_streams_that_only_the_peer_could_end_are_limited(self) -> None:
        """We are done with them, so they count for nothing any more, and the peer never ends them."""
        pair = self.pair()
        for _ in range(self.max_lingering_streams + self.max_inbound_streams):
            stream = self.open_patiently(pair, pair.initiator)
            before = len(pair.responder.acceptor.accepted)
            stream.write(b"x")
            pair.exchange()
            if len(pair.responder.acceptor.accepted) > before:
                theirs = pair.responder.newest()
                theirs.close_write()
                theirs.stop_reading()
                pair.exchange()
        assert pair.responder.session.stream_count <= self.max_lingering_streams
        pair.wait(self.patience_s)
        assert pair.responder.session.stream_count == 0
        pair.transfer(*pair.open(pair.initiator), b"one more")

    def test_streams_that_wait_for_an_answer_are_limited(self) -> None:
        """If there is a limit, `room_for_streams` says when it holds no more."""
        pair = self.pair()
        try:
            for _ in range(10_000):
                pair.initiator.open().write(b"x")
        except LimitExceeded:
            before = pair.initiator.acceptor.room_calls
            pair.responder.acceptor.refuse = True
            pair.exchange()
            assert pair.initiator.acceptor.room_calls > before
            pair.initiator.open()
        else:
            pytest.skip("this muxer opens as many streams as it likes")

    def test_what_is_owed_to_a_peer_that_does_not_read(self) -> None:
        """A peer opens streams which are refused, and takes no answer: the session ends, or stops reading."""
        pair = self.pair()
        other = pair.responder
        other.acceptor.refuse = True
        other.wire.full = True
        for _ in range(20_000):
            self._open_some(pair.initiator, 50)
            pair.deliver(other)
            if other.error or other.wire.paused or sum(other.wire.sizes) > self.max_owed_bytes:
                break
            if not pair.deliver(pair.initiator):
                break  # it answers nothing while the wire is full
        assert sum(other.wire.sizes) <= self.max_owed_bytes

    def _open_some(self, opener: MuxerEnd, number: int) -> None:
        with contextlib.suppress(LimitExceeded):
            for _ in range(number):
                opener.open().write(b"x")

    def test_closed_streams_leave_nothing(self) -> None:
        """Thousands of streams, refused, reset or closed, leave no memory taken."""
        pair = self.pair()
        self._come_and_go(pair, 300)
        tracemalloc.start()
        try:
            self._come_and_go(pair, 100)
            before, _ = tracemalloc.get_traced_memory()
            self._come_and_go(pair, 2000)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 100_000, f"{after - before} bytes are held for 2000 closed streams"
        pair.wait(self.patience_s)
        assert [end.scope.held for end in pair.ends] == [0, 0], "bytes are reserved for closed streams"
        self.assert_sound(pair)

    def _come_and_go(self, pair: MuxerPair, streams: int) -> None:
        for number in range(streams):
            opener = pair.ends[number % 2]
            ours, theirs = pair.open(opener)
            if number % 3 == 0:
                ours.reset()
            elif number % 3 == 1:
                theirs.reset()
            else:
                ours.close_write()
                theirs.close_write()
            pair.exchange()
            for end in pair.ends:
                assert end.session.stream_count == 0
                end.opened.clear()
                end.acceptor.accepted.clear()
                end.acceptor.sinks.clear()
                end.wire.sizes.clear()
