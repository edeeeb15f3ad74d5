"""Two sessions against each other: whatever their hosts do, bytes arrive whole and in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import integers, sampled_from

from aiolibp2p.errors import StreamClosed
from aiolibp2p.testing.muxer_suite import MuxerEnd, MuxerStream
from muxers.mplex.wire import pair

STREAM_BYTES = 70_000
UNREAD_BYTES = 200_000
SIZES = sampled_from([1, 100, 16_384, 70_000, 262_144])


class TwoSessions(RuleBasedStateMachine):
    """Streams opened, written, read, closed and reset from both ends, in any order, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = pair(
            max_inbound_streams=4,
            max_unread_stream_bytes=STREAM_BYTES,
            max_unread_bytes=UNREAD_BYTES,
            max_dropped_bytes=100_000,
        )
        self.streams: dict[tuple[MuxerEnd, int], MuxerStream] = {}
        self.written: dict[tuple[MuxerEnd, int], bytearray] = {}

    def pick(self, side: int, number: int) -> MuxerStream | None:
        one = self.pair.ends[side]
        for stream_id, sink in one.acceptor.sinks.items():
            self.streams.setdefault((one, stream_id), MuxerStream(one, stream_id, sink))
        mine = [stream for (owner, _), stream in self.streams.items() if owner is one]
        return mine[number % len(mine)] if mine else None

    def other(self, one: MuxerEnd, stream_id: int) -> tuple[MuxerEnd, int]:
        """The same stream, seen from the other side: the lowest bit says whose it is."""
        return self.pair.ends[one is self.pair.initiator], stream_id ^ 1

    @rule(side=integers(0, 1))
    def open(self, side: int) -> None:
        stream = self.pair.ends[side].open()
        self.streams[stream.end, stream.stream_id] = stream

    @rule(side=integers(0, 1), number=integers(0, 9), size=SIZES)
    def write(self, side: int, number: int, size: int) -> None:
        stream = self.pick(side, number)
        if stream is None:
            return
        chunk = bytes([size % 251]) * size
        try:
            assert stream.write(chunk) == size
        except StreamClosed:
            return
        self.written.setdefault((stream.end, stream.stream_id), bytearray()).extend(chunk)

    @rule(side=integers(0, 1), number=integers(0, 9))
    def read(self, side: int, number: int) -> None:
        stream = self.pick(side, number)
        if stream is not None and not stream.is_reset:
            stream.read()

    @rule(side=integers(0, 1), number=integers(0, 9), how=sampled_from(["close_write", "stop_reading", "reset"]))
    def end(self, side: int, number: int, how: str) -> None:
        stream = self.pick(side, number)
        if stream is not None:
            getattr(stream, how)()

    @rule(side=integers(0, 1))
    def deliver(self, side: int) -> None:
        self.pair.deliver(self.pair.ends[side])

    @rule(seconds=sampled_from([0.01, 1, 5, 100]))
    def wait(self, seconds: float) -> None:
        self.pair.wait(seconds)

    @invariant()
    def what_came_was_sent(self) -> None:
        for one in self.pair.ends:
            assert one.error is None
            for stream_id, sink in one.acceptor.sinks.items():
                assert self._sent_to(one, stream_id).startswith(sink.received)
                assert not sink.too_late
            for stream in one.opened:
                assert self._sent_to(one, stream.stream_id).startswith(stream.sink.received)
                assert not stream.sink.too_late

    def _sent_to(self, one: MuxerEnd, stream_id: int) -> bytes:
        return bytes(self.written.get(self.other(one, stream_id), b""))

    @invariant()
    def only_a_deadline_ends_a_pause(self) -> None:
        for one in self.pair.ends:
            assert not one.wire.paused or one.session.next_timeout() is not None

    def teardown(self) -> None:
        self.pair.wait(1000)
        assert not any(one.wire.paused for one in self.pair.ends)
        for stream in list(self.streams.values()):
            stream.reset()
        for one in self.pair.ends:
            for stream_id in one.acceptor.sinks:
                one.session.reset_stream(stream_id)
        self.pair.exchange()
        assert [one.session.stream_count for one in self.pair.ends] == [0, 0]
        for one in self.pair.ends:
            self.pair.transfer(*self.pair.open(one), b"still there")


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
