"""Two sessions against each other: whatever their hosts do, bytes arrive whole and in order, and all in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import booleans, integers, lists, sampled_from

from aiolibp2p.errors import StreamClosed
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerStream
from muxers.mplex.wire import pair

SIZES = sampled_from([0, 1, 100, 5_000, 16_384, 70_000, 140_000])
MAX_UNREAD_STREAM_BYTES = 100_000
MAX_UNREAD_BYTES = 600_000
TAG_BYTES = 4
"""What each stream says first, so that its two ends are told together."""


@dataclass
class Way:
    """One direction of one stream."""

    sent: bytearray = field(default_factory=bytearray)
    read: bytearray = field(default_factory=bytearray)
    closed: bool = False
    unread_given_up: bool = False


class TwoSessions(RuleBasedStateMachine):
    """Streams opened, written, read, closed and reset from both ends, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = pair(
            max_streams=4,
            max_unread_stream_bytes=MAX_UNREAD_STREAM_BYTES,
            max_unread_bytes=MAX_UNREAD_BYTES,
            max_dropped_bytes=10_000,
        )
        self.streams: dict[tuple[int, int], MuxerStream] = {}
        """Both ends of each stream that both know, by side and tag."""
        self.ways: dict[tuple[int, int], Way] = {}
        """What leaves that side on that stream."""
        self.tags = 0

    def pick(self, side: int, number: int) -> tuple[tuple[int, int], MuxerStream] | None:
        ends = [(key, stream) for key, stream in self.streams.items() if key[0] == side]
        return ends[number % len(ends)] if ends else None

    def meet(self) -> None:
        """Find the other ends of streams that have arrived."""
        for side, end in enumerate(self.pair.ends):
            arrived = [(one, sink) for one, sink in end.acceptor.sinks.items() if len(sink.received) >= TAG_BYTES]
            for stream_id, sink in arrived:
                key = (side, int.from_bytes(sink.received[:TAG_BYTES]))
                self.ways.setdefault(key, Way())
                self.streams.setdefault(key, MuxerStream(end, stream_id, sink))

    @rule(side=integers(0, 1))
    def open(self, side: int) -> None:
        stream = self.pair.ends[side].open()
        self.tags += 1
        key = (side, self.tags)
        tag = self.tags.to_bytes(TAG_BYTES)
        assert stream.write(tag) == TAG_BYTES
        self.streams[key] = stream
        self.ways[key] = Way(bytearray(tag))

    @rule(side=integers(0, 1), number=integers(0, 9), size=SIZES)
    def write(self, side: int, number: int, size: int) -> None:
        if (picked := self.pick(side, number)) is None:
            return
        key, stream = picked
        chunk = bytes([len(self.ways[key].sent) % 251]) * size
        try:
            assert stream.write(chunk) == size
        except StreamClosed:
            return
        self.ways[key].sent += chunk

    @rule(side=integers(0, 1), number=integers(0, 9))
    def read(self, side: int, number: int) -> None:
        if (picked := self.pick(side, number)) is not None:
            self.take(*picked)

    def take(self, key: tuple[int, int], stream: MuxerStream) -> bytes:
        data = stream.read()
        self.ways.setdefault((1 - key[0], key[1]), Way()).read += data
        return data

    @rule(side=integers(0, 1), number=integers(0, 9), how=sampled_from(["close_write", "stop_reading", "reset"]))
    def end(self, side: int, number: int, how: str) -> None:
        if (picked := self.pick(side, number)) is None:
            return
        key, stream = picked
        getattr(stream, how)()
        if how != "stop_reading":
            self.ways[key].closed = True
        if how != "close_write":
            self.ways.setdefault((1 - side, key[1]), Way()).unread_given_up = True
            self.ways[key].unread_given_up |= how == "reset"

    @rule(side=integers(0, 1), cuts=lists(integers(1, 50_000), max_size=3))
    def deliver(self, side: int, cuts: list[int]) -> None:
        def pieces(data: bytes) -> list[bytes]:
            places = [0, *sorted(at % len(data) for at in cuts), len(data)]
            return [data[start:stop] for start, stop in pairwise(places) if start < stop]

        self.pair.deliver(self.pair.ends[side], pieces)
        self.meet()

    @rule(step=sampled_from([0.01, 1, 4.9, 100]), exchange=booleans())
    def wait(self, step: float, exchange: bool) -> None:
        if exchange:
            self.pair.exchange()
            self.meet()
        self.pair.wait(step)
        self.meet()

    @invariant()
    def what_came_was_sent(self) -> None:
        for (side, tag), stream in self.streams.items():
            way = self.ways.get((1 - side, tag), Way())
            assert bytes(way.sent).startswith(stream.sink.received)
            assert not stream.sink.too_late

    @invariant()
    def nothing_ended_and_nothing_is_held_without_bounds(self) -> None:
        for side, end in enumerate(self.pair.ends):
            assert end.error is None
            assert sum(stream.unread for key, stream in self.live(side, end).items()) <= MAX_UNREAD_BYTES
            held_up = [key for key, one in self.live(side, end).items() if one.unread > MAX_UNREAD_STREAM_BYTES]
            assert not held_up or end.wire.paused or all(self.streams[key].sink.got_eof for key in held_up)

    def live(self, side: int, end: MuxerEnd) -> dict[tuple[int, int], MuxerStream]:
        gone = [(side, tag) for (by, tag), way in self.ways.items() if by != side and way.unread_given_up]
        return {key: stream for key, stream in self.streams.items() if key[0] == side and key not in gone}

    def teardown(self) -> None:
        """Who reads gets everything; with nobody left, nothing is."""
        self.pair.exchange()
        self.meet()
        while sum([len(self.take(key, stream)) for key, stream in list(self.streams.items())]):
            self.pair.exchange()
            self.meet()
        for (side, tag), stream in self.streams.items():
            way = self.ways.get((1 - side, tag), Way())
            if not stream.is_reset and not way.unread_given_up and (1 - side, tag) in self.streams:
                assert way.read == way.sent
                assert stream.sink.got_eof == way.closed
        assert not any(end.wire.paused for end in self.pair.ends)
        for stream in self.streams.values():
            stream.reset()
        self.pair.exchange()
        self.pair.wait(1000)
        assert [end.session.stream_count for end in self.pair.ends] == [0, 0]
        self.pair.transfer(*self.pair.open(self.pair.initiator), bytes(200_000))


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
