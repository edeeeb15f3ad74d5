"""Muxers with one thing wrong each: what the suite is there to find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from aiolibp2p.abc.layers.muxer import MuxerWire
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope
from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from aiolibp2p.muxers.yamux import YamuxConfig, YamuxSession
from aiolibp2p.muxing.half_close import HalfClose
from aiolibp2p.testing.muxer_suite.fakes import Sink

SessionMaker = Callable[[Role, StreamAcceptor, MuxerWire, Scope, Runtime, YamuxConfig], YamuxSession]


class Broken:
    """yamux, with sessions of another kind."""

    protocol_id = "/broken"

    def __init__(self, runtime: Runtime, config: YamuxConfig, session: SessionMaker) -> None:
        self.runtime, self.config, self.session = runtime, config, session

    def start(self, role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope) -> YamuxSession:
        return self.session(role, acceptor, wire, scope, self.runtime, self.config)


class AsksNobody(YamuxSession):
    """Reserves nothing for what is unread."""

    def __init__(
        self,
        role: Role,
        acceptor: StreamAcceptor,
        wire: MuxerWire,
        scope: Scope,
        runtime: Runtime,
        config: YamuxConfig,
    ) -> None:
        super().__init__(role, acceptor, wire, NULL_SCOPE, runtime, config)


class Keeps(YamuxSession):
    """Does not give back what was read."""

    def consumed(self, stream_id: int, n: int) -> None:
        super().consumed(stream_id, n)
        self._unread.reserved -= n
        self._unread.spare -= n


class ForgetsResets(YamuxSession):
    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        self.close_write(stream_id)


class LosesCodes(YamuxSession):
    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        super().reset_stream(stream_id)


class TellsWhoResets(YamuxSession):
    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        sink = getattr(self._streams.get(stream_id), "sink", None)
        super().reset_stream(stream_id, code)
        if sink is not None:
            sink.reset_received(code, "we did that")


class LeaksErrors(YamuxSession):
    def receive_data(self, data: bytes) -> None:
        try:
            super().receive_data(data)
        except ProtocolViolation as error:
            raise KeyError("a bug") from error


class Gathers(YamuxSession):
    """A session that waits until a whole frame has come, however long it says it is."""

    gathered = b""

    def receive_data(self, data: bytes) -> None:
        self.gathered += data
        at = 0
        while len(self.gathered) - at >= 12:
            is_data = self.gathered[at + 1] == 0
            end = at + 12 + is_data * int.from_bytes(self.gathered[at + 8 : at + 12], "big")
            if end > len(self.gathered):
                break
            at = end
        whole, self.gathered = self.gathered[:at], self.gathered[at:]
        super().receive_data(whole)


class DropsTails(YamuxSession):
    def receive_data(self, data: bytes) -> None:
        super().receive_data(data if len(data) >= 12 else b"")


class SwallowsEnds(YamuxSession):
    def close_write(self, stream_id: int) -> None:
        if stream_id in self._streams:
            self._streams[stream_id].half = HalfClose.HALF_CLOSED_LOCAL


class SaysNoGoodbye(YamuxSession):
    def close(self, code: int = 0) -> None:
        self.closed = True


class OpensAfterGoodbye(YamuxSession):
    def close(self, code: int = 0) -> None:
        super().close(code)
        self.closed = False


class TellsNobody(YamuxSession):
    def abort(self, reason: str) -> None:
        self.closed = True
        self._table.clear()


class TellsTwice(YamuxSession):
    def abort(self, reason: str) -> None:
        sinks = [state.sink for state in self._streams.values()]
        super().abort(reason)
        for sink in sinks:
            if sink is not None:
                sink.reset_received(0, reason)


class LivesOn(YamuxSession):
    """A session that goes on receiving after its end."""

    def abort(self, reason: str) -> None:
        accept = self._acceptor
        super().abort(reason)
        self._acceptor, self.closed = accept, False


class AlwaysDue(YamuxSession):
    def next_timeout(self) -> float | None:
        return self._runtime.now()


class AnnouncesNoTimeout(YamuxSession):
    opened_at: float | None = None

    def open_stream(self, sink: StreamSink) -> int:
        self.opened_at = self._runtime.now()
        return super().open_stream(sink)

    def next_timeout(self) -> float | None:
        due = super().next_timeout()
        return due if self.opened_at is None or due is None else min(due, self._runtime.now() + 1)


class NoticesNoSilence(YamuxSession):
    def handle_timeout(self, now: float) -> None:
        try:
            super().handle_timeout(now)
        except ConnectionLost:
            self._keep_alive.due_at = now + 10


class LetsStreamsLinger(YamuxSession):
    def stop_reading(self, stream_id: int) -> None:
        super().stop_reading(stream_id)
        self._table.lingering.clear()


class RemembersStreams(YamuxSession):
    def open_stream(self, sink: StreamSink) -> int:
        stream_id = super().open_stream(sink)
        self.memory = [*getattr(self, "memory", []), (stream_id, bytearray(100))]
        return stream_id


class StallsAll(YamuxSession):
    def body_received(self, state: object, piece: ByteString) -> None:
        super().body_received(state, piece)  # type: ignore[arg-type]
        if self._unread.total > 100_000:
            self._wire.pause_reading()


class SwapsStreams(YamuxSession):
    """A session that gives some bytes to the stream opened first."""

    def body_received(self, state: object, piece: ByteString) -> None:
        first = next(iter(self._streams.values()))
        super().body_received(first if len(self._streams) > 1 else state, piece)  # type: ignore[arg-type]


class Takes(YamuxSession):
    """A session that says it took all, and did not."""

    def write(self, stream_id: int, data: ByteString) -> int:
        super().write(stream_id, data)
        return len(data)


class WritesAfterTheEnd(YamuxSession):
    def write(self, stream_id: int, data: ByteString) -> int:
        with contextlib.suppress(Exception):
            return super().write(stream_id, data)
        return len(data)


class Deaf:
    """A wire that does not hear of flushes."""

    full = False

    def __init__(self, inner: MuxerWire) -> None:
        self.send, self.send_with_header, self.rtt = inner.send, inner.send_with_header, inner.rtt
        self.pause_reading, self.resume_reading = inner.pause_reading, inner.resume_reading

    def request_flush(self) -> None:
        return


class Polite:
    """An acceptor that refuses nobody."""

    def __init__(self, inner: StreamAcceptor) -> None:
        self.accept_inside = inner.accept
        self.room_for_streams, self.idle = inner.room_for_streams, inner.idle
        self.goodbye_received = inner.goodbye_received

    def accept(self, stream_id: int) -> StreamSink | None:
        return self.accept_inside(stream_id) or Sink()


class Silent:
    """A sink that is not told of credit."""

    def __init__(self, inner: StreamSink) -> None:
        self.data_received, self.eof_received = inner.data_received, inner.eof_received
        self.reset_received = inner.reset_received

    def credit_received(self) -> None:
        return


class TellsNoCredit(YamuxSession):
    def open_stream(self, sink: StreamSink) -> int:
        return super().open_stream(Silent(sink))


def never_flushes(
    role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope, runtime: Runtime, config: YamuxConfig
) -> YamuxSession:
    return YamuxSession(role, acceptor, Deaf(wire), scope, runtime, config)


def refuses_nobody(
    role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope, runtime: Runtime, config: YamuxConfig
) -> YamuxSession:
    return YamuxSession(role, Polite(acceptor), wire, scope, runtime, config)


def same_ids(
    role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope, runtime: Runtime, config: YamuxConfig
) -> YamuxSession:
    return YamuxSession(Role.INITIATOR, acceptor, wire, scope, runtime, config)
