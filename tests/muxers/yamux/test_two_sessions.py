"""Two sessions against each other: whatever their hosts do, bytes arrive whole and in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import booleans, integers, sampled_from

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import LimitExceeded, StreamClosed
from muxers.yamux.pair import End, Sink, exchange

SIZES = sampled_from([0, 1, 100, 16_384, 70_000, 262_144, 400_000])


class TwoSessions(RuleBasedStateMachine):
    """Streams opened, written, read, closed and reset from both ends, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = (
            End(Role.INITIATOR, max_streams=4, max_unacknowledged=3),
            End(Role.RESPONDER, max_streams=4, max_unacknowledged=3),
        )
        self.opened: dict[int, Sink] = {}
        self.written: dict[tuple[int, int], bytearray] = {}
        self.read: dict[tuple[int, int], int] = {}

    def pick(self, number: int) -> int | None:
        ids = list(self.opened)
        return ids[number % len(ids)] if ids else None

    def sink(self, side: int, stream_id: int) -> Sink | None:
        ours = stream_id % 2 == (1 if side == 0 else 0)
        return self.opened[stream_id] if ours else self.ends[side].acceptor.sinks.get(stream_id)

    @rule(side=integers(0, 1))
    def open(self, side: int) -> None:
        sink = Sink()
        try:
            self.opened[self.ends[side].session.open_stream(sink)] = sink
        except LimitExceeded:
            return

    @rule(side=integers(0, 1), number=integers(0, 9), size=SIZES)
    def write(self, side: int, number: int, size: int) -> None:
        stream_id = self.pick(number)
        if stream_id is None or self.sink(side, stream_id) is None:
            return
        chunk = bytes([size % 251]) * size
        try:
            taken = self.ends[side].session.write(stream_id, chunk)
        except StreamClosed:
            return
        self.written.setdefault((side, stream_id), bytearray()).extend(chunk[:taken])

    @rule(side=integers(0, 1), number=integers(0, 9))
    def consume(self, side: int, number: int) -> None:
        stream_id = self.pick(number)
        sink = None if stream_id is None else self.sink(side, stream_id)
        if stream_id is None or sink is None or sink.reset is not None:
            return
        done = self.read.get((side, stream_id), 0)
        self.read[side, stream_id] = len(sink.received)
        self.ends[side].session.consumed(stream_id, len(sink.received) - done)

    @rule(side=integers(0, 1), number=integers(0, 9), how=sampled_from(["close_write", "stop_reading", "reset_stream"]))
    def end(self, side: int, number: int, how: str) -> None:
        stream_id = self.pick(number)
        if stream_id is not None and self.sink(side, stream_id) is not None:
            getattr(self.ends[side].session, how)(stream_id)

    @rule(side=integers(0, 1), all_of_it=booleans())
    def deliver(self, side: int, all_of_it: bool) -> None:
        if all_of_it:
            exchange(*self.ends)
        elif sent := self.ends[side].take():
            self.ends[1 - side].session.receive_data(sent)

    @rule(step=sampled_from([0.01, 1, 100]))
    def wait(self, step: float) -> None:
        exchange(*self.ends)
        for end in self.ends:
            end.clock.time += step
            end.session.handle_timeout(end.clock.time)
        exchange(*self.ends)

    @invariant()
    def what_came_was_sent(self) -> None:
        for (side, stream_id), sent in self.written.items():
            sink = self.sink(1 - side, stream_id)
            assert sink is None or sent.startswith(sink.received)
        assert not any(end.session.closed for end in self.ends)

    def teardown(self) -> None:
        for stream_id in list(self.opened) * 2:  # what one reset leaves unread is given up by another
            for end in self.ends:
                end.session.reset_stream(stream_id)
            exchange(*self.ends)
        assert [end.session.stream_count for end in self.ends] == [0, 0]
        for end in self.ends:
            for _ in range(3):
                end.session.open_stream(Sink())


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
