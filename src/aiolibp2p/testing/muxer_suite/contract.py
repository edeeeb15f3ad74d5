"""What a suite asks of its user: how the muxer is made, its limits, and what its protocol lacks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.testing.muxer_suite.fakes import Clock, Sink
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerPair, MuxerStream

inherited = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow]
)
"""Settings of Hypothesis for the suite's tests: each muxer has a subclass of its own, and all share these tests."""

CUTS = st.lists(st.integers(0, 100_000), max_size=6)


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The pieces of `data` between `cuts`, taken modulo its length."""
    places = sorted(place % (len(data) + 1) for place in cuts)
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


class MuxerUnderTest:
    """Override `muxer`, and the attributes that do not hold for yours. Small limits make the tests quick."""

    max_inbound_streams: int = 30
    """Streams of the peer that the connection takes at once; at least 10."""
    max_unread_bytes: int = 512 * 1024
    """What the scope lets a session hold unread, all streams together."""
    max_lingering_streams: int = 1000
    """Streams that a session keeps although we are done with them, because the peer has not ended them."""
    max_owed_bytes: int = 128 * 1024
    """Answers of its own that a session sends to a peer that does not read, before it ends or pauses reading."""
    reset_codes: bool = True
    """A reset carries an error code."""
    goodbye: bool = True
    """The peer learns that no new streams are taken."""
    keep_alive: bool = True
    """A peer that has fallen silent is noticed."""
    patience_s: float = 600.0
    """Seconds after which a silent peer was noticed, and a stream that nobody reads or finishes was given up."""

    def muxer(self, runtime: Runtime) -> Muxer:
        """Return your muxer, for a host with this clock. Override it."""
        raise NotImplementedError("a subclass of MuxerSuite says how its muxer is made")

    def pair(self) -> MuxerPair:
        """Two sessions over one connection."""
        clock = Clock()
        return MuxerPair(self._end(Role.INITIATOR, clock), self._end(Role.RESPONDER, clock))

    def end(self, role: Role = Role.RESPONDER) -> MuxerEnd:
        """One session alone, for bytes made by hand."""
        return self._end(role, Clock())

    def _end(self, role: Role, clock: Clock) -> MuxerEnd:
        return MuxerEnd(self.muxer(clock), role, clock, self.max_inbound_streams, self.max_unread_bytes)

    def open_patiently(self, pair: MuxerPair, opener: MuxerEnd) -> MuxerStream:
        """A stream, once the peer has answered those before."""
        with contextlib.suppress(LimitExceeded):
            return opener.open()
        acceptor = pair.responder if opener is pair.initiator else pair.initiator
        pair.exchange()
        for stream_id, sink in acceptor.acceptor.sinks.items():
            if sink.reset is None:
                acceptor.session.write(stream_id, b"!")
        pair.exchange()
        return opener.open()

    def assert_sound(self, pair: MuxerPair) -> None:
        """Both sessions live, and no sink was called after its end."""
        for end in pair.ends:
            assert end.error is None
            self.assert_nothing_after_the_end(end)

    def assert_nothing_after_the_end(self, end: MuxerEnd) -> None:
        """No sink was called after its end."""
        for sink in self.sinks(end):
            assert not sink.too_late, f"called after the end: {sink.too_late}"

    def sinks(self, end: MuxerEnd) -> list[Sink]:
        """Return all sinks that this end has had."""
        return [*end.acceptor.accepted, *(stream.sink for stream in end.opened)]

    def unread(self, end: MuxerEnd) -> int:
        """Bytes that its sinks hold, when nobody has read."""
        return sum(len(sink.received) for sink in self.sinks(end) if sink.reset is None)
