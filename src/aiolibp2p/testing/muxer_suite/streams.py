"""Streams between two that mean well: ids, data, halves, resets."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiolibp2p.errors import LimitExceeded, StreamClosed
from aiolibp2p.testing.muxer_suite.contract import CUTS, MuxerUnderTest, cut, inherited
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerPair, MuxerStream

CODES = (0, 1, 7, 0xFFFFFFFF)
"""Codes of resets: both ends of 32 bits, and some between."""


class MuxerStreamSuite(MuxerUnderTest):
    """What a stream does, and that streams do not disturb one another."""

    def test_it_has_a_protocol_id(self) -> None:
        """The id is one that multistream can agree on."""
        protocol_id = self.muxer(self.end().clock).protocol_id
        assert protocol_id.startswith("/")
        assert protocol_id.isprintable()

    def test_streams_from_both_sides(self) -> None:
        """All ids of a session differ, and each stream has the bytes that were written into it."""
        pair = self.pair()
        streams = [pair.open(end) for end in pair.ends * 10]
        for end in pair.ends:
            ids = [*(stream.stream_id for stream in end.opened), *end.acceptor.sinks]
            assert len({*ids}) == len(ids) == 20
            assert end.session.stream_count == 20
        for number, (ours, theirs) in enumerate(streams):
            pair.transfer(ours, theirs, b"to %d" % number)
            pair.transfer(theirs, ours, b"from %d" % number)
        self.assert_sound(pair)

    def test_opened_before_either_heard_of_the_other(self) -> None:
        """Both open at once: the ids do not collide."""
        pair = self.pair()
        ours = [end.open() for end in pair.ends for _ in range(5)]
        for number, stream in enumerate(ours):
            stream.write(b"%d" % number)
        pair.exchange()
        self.assert_sound(pair)
        came = [[bytes(sink.received) for sink in end.acceptor.accepted] for end in pair.ends]
        assert came == [[b"5", b"6", b"7", b"8", b"9"], [b"0", b"1", b"2", b"3", b"4"]]

    def test_nothing_is_sent_before_the_first_bytes(self) -> None:
        """An open stream that was not used does not exist for the peer; its end is enough to make it known."""
        pair = self.pair()
        stream = pair.initiator.open()
        pair.exchange()
        assert not pair.responder.acceptor.accepted
        stream.close_write()
        pair.exchange()
        (sink,) = pair.responder.acceptor.accepted
        assert sink.got_eof
        assert not sink.received
        self.assert_sound(pair)

    @inherited
    @given(st.lists(st.integers(0, 70_000), max_size=5), CUTS, st.booleans())
    @example([100, 70_000], [5, 6, 60_000], False)
    def test_data_both_ways_cut_anywhere(self, sizes: list[int], cuts: list[int], by_responder: bool) -> None:
        """Bytes arrive whole and in order, however they are cut."""
        pair = self.pair()
        streams = pair.open(pair.ends[by_responder])
        for number, size in enumerate(sizes):
            sender, receiver = streams if number % 2 else streams[::-1]
            text = random.Random(size).randbytes(size)
            pair.transfer(sender, receiver, text, lambda data: cut(data, cuts))
        self.assert_sound(pair)

    def test_byte_by_byte(self) -> None:
        """Frames that come one byte at a time are put together again."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        pair.transfer(ours, theirs, b"one byte after the other", lambda data: [bytes([byte]) for byte in data])
        ours.close_write()
        pair.exchange(lambda data: [bytes([byte]) for byte in data])
        assert theirs.sink.got_eof
        self.assert_sound(pair)

    def test_megabytes(self) -> None:
        """Windows, if there are any, are opened again as the reader reads."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        for sender, receiver in ((ours, theirs), (theirs, ours)):
            pair.transfer(sender, receiver, random.Random(1).randbytes(3_000_000))
        self.assert_sound(pair)

    def test_a_writer_that_was_stopped_is_told_when_to_go_on(self) -> None:
        """`write` took less than it was given: credit follows once the reader has read."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        for _ in range(64):
            before = ours.sink.credits
            if ours.write(bytes(100_000)) < 100_000:
                pair.exchange()
                theirs.read()
                pair.exchange()
                assert ours.sink.credits > before
            pair.exchange()
            theirs.read()
        pair.exchange()
        self.assert_sound(pair)

    def test_half_closed(self) -> None:
        """One direction ends, the other goes on; when both have ended and all is read, the stream is gone."""
        pair = self.pair()
        for opener in pair.ends:
            ours, theirs = pair.open(opener)
            ours.write(b"the last")
            ours.close_write()
            ours.close_write()
            pair.exchange()
            assert theirs.read() == b"the last"
            assert theirs.sink.got_eof
            with pytest.raises(StreamClosed):
                ours.write(b"more")
            pair.transfer(theirs, ours, bytes(100_000))
            assert ours.sink.got_eof is theirs.is_reset is False
            theirs.close_write()
            pair.exchange()
            assert [ours.sink.got_eof, theirs.sink.got_eof] == [True, True]
            assert not ours.is_reset
            assert not theirs.is_reset
            assert [end.session.stream_count for end in pair.ends] == [0, 0]
        assert all(end.acceptor.idles for end in pair.ends)
        self.assert_sound(pair)

    def test_what_was_written_before_the_end_arrives(self) -> None:
        """All bytes before a FIN arrive, however many, even if they are read late."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        text = random.Random(2).randbytes(60_000)
        taken = ours.write(text)
        ours.close_write()
        pair.exchange()
        theirs.close_write()
        pair.exchange()
        assert theirs.read() == text[:taken]
        assert theirs.sink.got_eof
        pair.exchange()
        assert [end.session.stream_count for end in pair.ends] == [0, 0]
        self.assert_sound(pair)

    @pytest.mark.parametrize("code", CODES)
    def test_reset(self, code: int) -> None:
        """The sink at the other side hears once, with the code if there are codes; that of who reset hears nothing."""
        pair = self.pair()
        for opener in pair.ends:
            for side in (0, 1):
                self._reset(pair, pair.open(opener)[:: 1 if side else -1], code)
        self.assert_sound(pair)

    def _reset(self, pair: MuxerPair, ends: tuple[MuxerStream, ...], code: int) -> None:
        one, other = ends
        other.write(b"in flight")
        one.reset(code)
        one.reset(code)
        pair.exchange()
        assert other.sink.resets == 1
        assert other.sink.reset is not None
        assert other.sink.reset[0] == (code if self.reset_codes else 0)
        assert not one.is_reset
        assert one.read() == b""
        for stream in ends:
            with pytest.raises(StreamClosed):
                stream.write(b"more")
            stream.close_write()
            stream.stop_reading()
            stream.end.session.consumed(stream.stream_id, 1)
        pair.exchange()
        assert [end.session.stream_count for end in pair.ends] == [0, 0]

    def test_reset_before_the_first_bytes(self) -> None:
        """The peer may never hear of it, or of both its beginning and its end."""
        pair = self.pair()
        pair.initiator.open().reset()
        pair.exchange()
        assert all(sink.reset for sink in pair.responder.acceptor.accepted)
        assert [end.session.stream_count for end in pair.ends] == [0, 0]
        self.assert_sound(pair)

    def test_a_stream_that_is_refused(self) -> None:
        """The opener hears of a reset, and what it still sent is dropped."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        pair.responder.acceptor.refuse = True
        refused = pair.initiator.open()
        refused.write(bytes(10_000))
        pair.exchange()
        assert refused.sink.resets == 1
        assert [end.session.stream_count for end in pair.ends] == [1, 1]
        pair.transfer(ours, theirs, b"the other one lives")
        self.assert_sound(pair)

    def test_bytes_for_a_stream_that_is_gone(self) -> None:
        """Bytes that were on their way when the stream was reset: nobody hears of them, and nothing ends."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        other = pair.open(pair.initiator)
        for _ in range(3):
            ours.write(bytes(5_000))
        theirs.reset()
        pair.deliver(pair.responder)
        ours.close_write()
        pair.exchange()
        assert theirs.read() == b""
        pair.transfer(*other, b"goes on")
        self.assert_sound(pair)

    def test_nobody_reads_any_more(self) -> None:
        """What comes is dropped; the peer may finish what it was sending, and its end ends the stream."""
        pair = self.pair()
        ours, theirs = pair.open(pair.initiator)
        theirs.close_write()
        theirs.stop_reading()
        theirs.stop_reading()
        for _ in range(5):
            ours.write(bytes(1000))
            pair.exchange()
        ours.close_write()
        pair.exchange()
        assert not theirs.sink.received[1:]
        assert [end.session.stream_count for end in pair.ends] == [0, 0]
        self.assert_sound(pair)

    @inherited
    @given(st.integers(0, 2**32), st.integers(1, 60))
    def test_any_order_of_calls(self, seed: int, steps: int) -> None:
        """What came was sent, no sink is called after its end, and in the end nothing is left."""
        pair, chance = self.pair(), random.Random(seed)
        written: dict[tuple[MuxerEnd, int], bytes] = {}
        for _ in range(steps):
            _random_step(pair, chance, written)
            self.assert_sound(pair)
        pair.exchange()
        for end, other in zip(pair.ends, pair.ends[::-1], strict=True):
            for stream in end.opened:
                stream.reset()
            for stream in end.accepted():
                received = stream.sink.received
                assert any(text.startswith(received) for (by, _), text in written.items() if by is other)
                stream.reset()
        pair.exchange()
        self.assert_sound(pair)
        assert [end.session.stream_count for end in pair.ends] == [0, 0]
        pair.wait(self.patience_s)
        assert [end.scope.held for end in pair.ends] == [0, 0]


def _random_step(pair: MuxerPair, chance: random.Random, written: dict[tuple[MuxerEnd, int], bytes]) -> None:
    end = chance.choice(pair.ends)
    mine = chance.choice(end.opened) if end.opened and chance.random() < 0.8 else None
    if mine is None:
        try:
            mine = end.open()
        except LimitExceeded:
            return
        written[end, mine.stream_id] = b""
    step = chance.randrange(10)
    if step < 5:
        text = chance.randbytes(chance.choice([0, 1, 100, 20_000]))
        try:
            written[end, mine.stream_id] += text[: mine.write(text)]
        except StreamClosed:
            return
    elif step == 5:
        chance.choice([mine.close_write, mine.stop_reading, mine.reset])()
    elif step < 8:
        pair.deliver(end, lambda data: cut(data, [chance.randrange(100_000)]))
    else:
        _random_end(end, chance)


def _random_end(end: MuxerEnd, chance: random.Random) -> None:
    live = [stream for stream in end.accepted() if not stream.is_reset]
    if live:
        stream = chance.choice(live)
        chance.choice([stream.close_write, stream.stop_reading, stream.reset])()
