"""Two sessions in one place, and the bytes between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ProtocolViolation, RemoteError
from aiolibp2p.testing.muxer_suite.fakes import UNLIMITED, Acceptor, Clock, Scope, Sink, Wire

Cut: TypeAlias = Callable[[bytes], Iterable[bytes]]
"""A way of cutting what is sent into the pieces in which it arrives."""

MAX_ROUNDS = 1000
"""Exchanges after which two sessions that are not quiet never will be: honest ones need a handful."""

WRITE_BYTES = 64 * 1024
"""Bytes that a transfer writes before its reader reads: a quarter of the smallest window there is."""


class MuxerStream:
    """One end of a stream: what `swarm.stream.Stream` would be, without waiting."""

    def __init__(self, end: MuxerEnd, stream_id: int, sink: Sink) -> None:
        self.end = end
        self.stream_id = stream_id
        self.sink = sink

    @property
    def unread(self) -> int:
        """Bytes that came and were not read."""
        return 0 if self.sink.reset else len(self.sink.received) - self.sink.read_bytes

    @property
    def is_reset(self) -> bool:
        """Whether its sink was called with a reset."""
        return self.sink.reset is not None

    def write(self, data: ByteString) -> int:
        """Write to the stream; return how many bytes were taken."""
        taken = self.end.session.write(self.stream_id, data)
        assert 0 <= taken <= len(data)
        return taken

    def read(self) -> bytes:
        """Read and consume all that came since the last time."""
        data = bytes(self.sink.received[self.sink.read_bytes :])
        self.sink.read_bytes = len(self.sink.received)
        if data:
            self.end.session.consumed(self.stream_id, len(data))
        return data

    def close_write(self) -> None:
        """End the direction in which this end writes."""
        self.sink.is_closed = True
        self.end.session.close_write(self.stream_id)

    def stop_reading(self) -> None:
        """Say that nobody will read here any more."""
        self.sink.is_given_up = True
        self.end.session.stop_reading(self.stream_id)

    def reset(self, code: int = 0) -> None:
        """End both directions at once."""
        self.sink.is_given_up = True
        self.end.session.reset_stream(self.stream_id, code)


class MuxerEnd:
    """One session with what surrounds it. `error` is what ended it; it was aborted then, as a connection does."""

    def __init__(
        self,
        muxer: Muxer,
        role: Role,
        clock: Clock,
        max_streams: int = UNLIMITED,
        max_unread_bytes: int = UNLIMITED,
    ) -> None:
        self.clock = clock
        self.wire = Wire()
        self.acceptor = Acceptor(max_streams=max_streams)
        self.scope = Scope(max_unread_bytes)
        self.error: RemoteError | None = None
        self.opened: list[MuxerStream] = []
        self.session = muxer.start(role, self.acceptor, self.wire, self.scope)
        self._flushed = 0
        self._timeouts_changed = 0
        self._armed = self.session.next_timeout()

    def open(self) -> MuxerStream:
        """Open a stream of ours. Raises what `open_stream` raises."""
        sink = Sink()
        stream = MuxerStream(self, self.session.open_stream(sink), sink)
        self.opened.append(stream)
        return stream

    def newest(self) -> MuxerStream:
        """The stream that the peer opened last."""
        sink = self.acceptor.accepted[-1]
        stream_id = next(one for one, its in self.acceptor.sinks.items() if its is sink)
        return MuxerStream(self, stream_id, sink)

    def accepted(self) -> list[MuxerStream]:
        """The newest stream of the peer for each id, whether it is open or not."""
        return [MuxerStream(self, stream_id, sink) for stream_id, sink in self.acceptor.sinks.items()]

    def take(self) -> bytes:
        """What it has sent since the last look, flushed if it asked for that."""
        if self.wire.flushes != self._flushed:
            self._flushed = self.wire.flushes
            self.session.flush()
        sent = bytes(self.wire.sent)
        self.wire.sent.clear()
        return sent

    def receive(self, data: bytes) -> None:
        """Take bytes of the peer. Any error but a ProtocolViolation goes through."""
        if self.error is not None:
            return
        try:
            self.session.receive_data(data)
        except ProtocolViolation as error:
            self.fail(error)

    def fail(self, error: RemoteError) -> None:
        """The connection ends: what is pending is sent, then every stream is reset."""
        self.error = error
        self.session.flush()
        self.session.abort(str(error))

    def next_timeout(self) -> float | None:
        """When the timer that its connection would have set goes off."""
        if self.wire.timeouts_changed != self._timeouts_changed:
            self._timeouts_changed = self.wire.timeouts_changed
            self._armed = self.session.next_timeout()
        due = self.session.next_timeout()
        assert due is None or (self._armed is not None and self._armed <= due), "a nearer timeout was not announced"
        return self._armed

    def handle_timeout(self) -> None:
        """The timer goes off."""
        try:
            self.session.handle_timeout(self.clock.time)
        except RemoteError as error:
            self.fail(error)
            return
        self._armed = self.session.next_timeout()
        assert self._armed is None or self._armed > self.clock.time, "a timeout is due again at once"


class MuxerPair:
    """An initiator and a responder; a session that paused reading gets nothing until it resumes."""

    def __init__(self, initiator: MuxerEnd, responder: MuxerEnd) -> None:
        self.initiator = initiator
        self.responder = responder
        self._to = {initiator: b"", responder: b""}

    @property
    def ends(self) -> tuple[MuxerEnd, MuxerEnd]:
        """The initiator and the responder."""
        return self.initiator, self.responder

    def exchange(self, cut: Cut | None = None) -> None:
        """Pass bytes both ways until both are quiet."""
        for _ in range(MAX_ROUNDS):
            passed = self.deliver(self.responder, cut)
            passed += self.deliver(self.initiator, cut)
            if not passed:
                return
        raise AssertionError("the two sessions are never quiet")

    def deliver(self, receiver: MuxerEnd, cut: Cut | None = None) -> int:
        """Pass on what was sent to `receiver`, unless it paused; how many bytes."""
        sender = self.initiator if receiver is self.responder else self.responder
        self._to[receiver] += sender.take()
        data = self._to[receiver]
        if not data or receiver.wire.paused:
            return 0
        self._to[receiver] = b""
        for piece in cut(data) if cut else (data,):
            receiver.receive(piece)
        receiver.next_timeout()
        return len(data)

    def wait(self, seconds: float) -> None:
        """Time passes: timers go off when they are due, and what they cause is passed on."""
        clock = self.initiator.clock
        until = clock.time + seconds
        for _ in range(MAX_ROUNDS):
            due = [at for end in self.ends if not end.error and (at := end.next_timeout()) is not None]
            clock.time = max(clock.time, min([*due, until]))
            if clock.time >= until and not any(at <= clock.time for at in due):
                return
            self._handle_timeouts()
            self.exchange()
        raise AssertionError(f"more than {MAX_ROUNDS} timeouts in {seconds:g} s")

    def _handle_timeouts(self) -> None:
        for end in self.ends:
            due = None if end.error else end.next_timeout()
            if due is not None and due <= end.clock.time:
                end.handle_timeout()

    def open(self, opener: MuxerEnd) -> tuple[MuxerStream, MuxerStream]:
        """A stream that both ends know, and have used: the opener's end, and the other."""
        acceptor = self.initiator if opener is self.responder else self.responder
        before = len(acceptor.acceptor.accepted)
        stream = opener.open()
        assert stream.write(b"?") == 1
        self.exchange()
        assert len(acceptor.acceptor.accepted) == before + 1, "the peer did not hear of one new stream"
        other = acceptor.newest()
        assert other.read() == b"?"
        assert other.write(b"!") == 1
        self.exchange()
        assert stream.read() == b"!"
        return stream, other

    def transfer(self, sender: MuxerStream, receiver: MuxerStream, data: bytes, cut: Cut | None = None) -> None:
        """Write all of `data`, reading as it comes; it must arrive whole."""
        came = bytearray()
        left = memoryview(data)
        for _ in range(MAX_ROUNDS):
            if left:
                left = left[sender.write(left[:WRITE_BYTES]) :]
            self.exchange(cut)
            came += receiver.read()
            self.exchange(cut)
            if not left and len(came) >= len(data):
                break
        assert bytes(came) == data, f"{len(came)} of {len(data)} bytes came; {receiver.sink.reset or 'no reset'}"
