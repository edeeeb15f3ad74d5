"""A session has reserved what is unread, little more, and nothing when it has ended, whatever its streams do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import StreamClosed, StreamCode
from aiolibp2p.muxers.mplex import Mplex, MplexConfig
from aiolibp2p.muxers.yamux import Yamux, YamuxConfig
from aiolibp2p.muxing.unread import SPARE_BYTES, STEP_BYTES
from aiolibp2p.testing.muxer_suite import Clock, MuxerEnd, MuxerPair, MuxerStream

ACTIONS = (
    "open",
    "write",
    "write",
    "write",
    "read",
    "read",
    "close_write",
    "stop_reading",
    "reset",
    "exchange",
    "wait",
)
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7), st.integers(1, 3 * STEP_BYTES)), max_size=80)
LIMITS = st.sampled_from([1, STEP_BYTES // 2, STEP_BYTES, 3 * STEP_BYTES + 1, 2**40])


class Streams:
    """Two sessions that may each hold `limit` bytes, and the streams between them as both ends see them."""

    def __init__(self, muxer: Muxer, clock: Clock, limit: int) -> None:
        ends = (MuxerEnd(muxer, role, clock, 20, limit) for role in (Role.INITIATOR, Role.RESPONDER))
        self.pair = MuxerPair(*ends)
        self.known: list[MuxerStream] = []

    def step(self, action: str, which: int, n: int) -> None:
        if action == "open":
            self.known.append(self.pair.ends[which % 2].open())
            self.known[-1].write(b"x")
        elif action == "exchange":
            self.pair.exchange()
        elif action == "wait":
            self.pair.wait(float(which * 3))
        elif self.known:
            self._use(self.known[which % len(self.known)], action, n)
        self._learn()

    def _use(self, stream: MuxerStream, action: str, n: int) -> None:
        if action == "write":
            with contextlib.suppress(StreamClosed):
                stream.write(bytes(n))
        elif action == "read":
            stream.read()
        else:
            getattr(stream, action)()

    def _learn(self) -> None:
        sinks = [stream.sink for stream in self.known]
        for end in self.pair.ends:
            self.known += [stream for stream in end.accepted() if not any(sink is stream.sink for sink in sinks)]

    def check(self, limit: int) -> None:
        for end in self.pair.ends:
            mine = [stream for stream in self.known if stream.end is end]
            unread = sum(stream.unread for stream in mine if not stream.sink.is_given_up)
            # What came whole before a reset may still be read, and so it still counts.
            more = sum(len(stream.sink.received) for stream in mine if stream.is_reset and stream.sink.got_eof)
            assert unread <= end.scope.held <= min(limit, unread + more + SPARE_BYTES)
            for stream in mine:
                assert stream.sink.reset is None or stream.sink.reset[0] in (0, StreamCode.LIMIT_EXCEEDED)


def yamux(clock: Clock) -> Muxer:
    return Yamux(clock, YamuxConfig(max_unacknowledged=1000, linger_s=5))


def mplex(clock: Clock) -> Muxer:
    return Mplex(clock, MplexConfig(max_unread_stream_bytes=STEP_BYTES, max_dropped_bytes=1000, linger_s=5))


@pytest.mark.parametrize("make", [yamux, mplex])
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, limit=LIMITS, dies=st.booleans())
def test_what_was_reserved_is_released(
    make: Callable[[Clock], Muxer], steps: list[tuple[str, int, int]], limit: int, dies: bool
) -> None:
    clock = Clock()
    streams = Streams(make(clock), clock, limit)
    for step in steps:
        streams.step(*step)
        streams.check(limit)
    if dies:
        for end in streams.pair.ends:
            end.session.abort("the cable was cut")
    else:
        for stream in streams.known:
            stream.reset()
        streams.pair.wait(10.0)
    for end in streams.pair.ends:
        assert (end.error, end.session.stream_count, end.scope.held) == (None, 0, 0)
    for stream in streams.known:
        stream.read()  # a reader may be late, and what it takes counts no more
    assert [end.scope.held for end in streams.pair.ends] == [0, 0]


def peer_resets_after_its_fin(ours: MuxerStream, theirs: MuxerStream) -> None:
    ours.close_write()
    theirs.end.receive(ours.end.take())
    ours.reset()
    theirs.end.receive(ours.end.take())


def both_have_finished(ours: MuxerStream, theirs: MuxerStream) -> None:
    ours.close_write()
    theirs.close_write()
    theirs.end.receive(ours.end.take())


Way = Callable[[MuxerStream, MuxerStream], object]
WAYS: dict[str, list[Way]] = {
    "read": [lambda _, theirs: theirs.read()],
    "given up": [lambda _, theirs: theirs.stop_reading()],
    "reset by us": [lambda _, theirs: theirs.reset()],
    "reset by the peer": [lambda ours, _: ours.reset()],
    "finished and read": [both_have_finished, lambda _, theirs: theirs.read()],
    "finished and given up": [both_have_finished, lambda _, theirs: theirs.stop_reading()],
    "whole before a reset, and read": [peer_resets_after_its_fin, lambda _, theirs: theirs.read()],
    "whole before a reset, and given up": [peer_resets_after_its_fin, lambda _, theirs: theirs.stop_reading()],
    "whole before a reset of ours": [peer_resets_after_its_fin, lambda _, theirs: theirs.reset()],
}


@pytest.mark.parametrize("make", [yamux, mplex])
@pytest.mark.parametrize("way", WAYS)
def test_each_end_of_a_stream_gives_back_what_it_held(make: Callable[[Clock], Muxer], way: str) -> None:
    streams = Streams(make(Clock()), Clock(), 2**40)
    pair = streams.pair
    pair.open(pair.initiator)  # while there is a stream, not everything is given back at once
    held = pair.responder.scope
    for _ in range(18):
        ours, theirs = pair.open(pair.initiator)
        ours.write(bytes(STEP_BYTES - 100))
        pair.exchange()
        assert held.held >= STEP_BYTES - 100
        for step in WAYS[way]:
            step(ours, theirs)
        pair.exchange()
        assert held.held <= SPARE_BYTES
