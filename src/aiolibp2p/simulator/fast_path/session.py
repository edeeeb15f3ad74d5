"""One end of a simulated muxed connection: streams, windows, ids; frames in and out. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiolibp2p.abc.layers.muxer import MuxerSession
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope
from aiolibp2p.errors import ConnectionLost, LimitExceeded, ProtocolViolation, StreamCode
from aiolibp2p.muxing.half_close import (
    CLOSED,
    LOCAL_ENDED,
    LOCAL_FIN,
    LOCAL_RESET,
    OPEN,
    REMOTE_ENDED,
    REMOTE_FIN,
    REMOTE_RESET,
    STOP_READING,
    UNREADABLE,
    HalfClosing,
)
from aiolibp2p.muxing.keep_alive import KeepAlive
from aiolibp2p.muxing.no_acceptor import NO_ACCEPTOR
from aiolibp2p.muxing.unread import UnreadBytes
from aiolibp2p.simulator.fast_path.frames import Credit, Data, Fin, Frame, GoAway, Probe, Reset


@dataclass(frozen=True)
class MuxedConfig:
    """Limits of a connection; sizes in bytes, times in seconds."""

    window_bytes: int = 4 * 1024 * 1024
    """What a peer may send on one stream before it is read: the middle of what windows of yamux grow to."""
    max_outbound_streams: int = 1000
    """Streams of ours that are open at once: as many as go and js take from one peer."""
    max_lingering_streams: int = 1000
    """Streams that we are done with and the peer has not ended, as with yamux; past it its new ones are refused."""
    linger_s: float = 60.0
    """How long a stream that nobody reads any more waits for the peer's FIN, as with yamux; then it is reset."""
    keep_alive_s: float = 30.0
    """Silence after which the peer is asked whether it is there, as with yamux."""
    pong_timeout_s: float = 10.0
    """How long a peer that was asked may stay silent, as with yamux; past it the connection is lost."""
    connect_timeout_s: float = 5.0
    """How long a dial waits for the other machine, as with TCP."""
    handshake_timeout_s: float = 10.0
    """How long the three parts of the handshake may take, as with TCP."""
    high_water_bytes: int = 64 * 1024
    """Unsent bytes past which streams wait, as asyncio has it for sockets."""


class _Stream(HalfClosing):
    """One stream. It tells `HalfClosing` of no unread bytes: the second FIN ends a stream, read or not."""

    __slots__ = ("credit", "inbound", "owed", "room", "sink", "unread")

    def __init__(self, sink: StreamSink, inbound: bool, window: int) -> None:
        self.half = OPEN
        self.sink = sink
        self.inbound = inbound
        self.credit = self.room = window
        self.owed = self.unread = 0


@dataclass(frozen=True)
class FrameWire:
    """What a session asks of the connection it sends its frames on."""

    request_flush: Callable[[], None]
    """Take the session's pending frames at the end of this tick."""
    timeout_changed: Callable[[], None]
    """Hear that the session's `next_timeout` has come nearer."""


class MuxedSession(MuxerSession):
    """The streams of one simulated connection, over frames instead of bytes."""

    closed = False
    rtt: float | None = None

    def __init__(
        self,
        role: Role,
        acceptor: StreamAcceptor,
        config: MuxedConfig,
        now: Callable[[], float],
        wire: FrameWire,
        scope: Scope = NULL_SCOPE,
    ) -> None:
        self.pending: list[Frame] = []
        """Frames to be sent; the connection takes them at the end of the tick."""
        self._acceptor = acceptor
        self._config = config
        self._now = now
        self._send_soon = wire.request_flush
        self._timeout_changed = wire.timeout_changed
        self._next_id = 1 if role is Role.INITIATOR else 2
        self._last_theirs = 0
        self._streams: dict[int, _Stream] = {}
        self._lingering: dict[int, float] = {}
        """When to give up each stream that nobody reads any more, in seconds of `now`, soonest first."""
        self._inbound = 0
        self._unread = UnreadBytes(scope)
        self._keep_alive = KeepAlive(config.keep_alive_s, config.pong_timeout_s, now())

    @property
    def stream_count(self) -> int:
        return len(self._streams)

    def _queue(self, frame: Frame) -> None:
        if not self.pending:
            self._send_soon()
        self.pending.append(frame)

    # What our streams want

    def open_stream(self, sink: StreamSink) -> int:
        """Open a stream, return its id. Raises LimitExceeded past `max_outbound_streams`, or ConnectionLost."""
        if self.closed:
            raise ConnectionLost("the connection takes no new streams")
        if len(self._streams) - self._inbound >= self._config.max_outbound_streams:
            raise LimitExceeded(f"{self._config.max_outbound_streams} streams are open")
        stream_id = self._next_id
        self._next_id += 2
        self._streams[stream_id] = _Stream(sink, inbound=False, window=self._config.window_bytes)
        return stream_id

    def write(self, stream_id: int, data: ByteString) -> int:
        stream = self._streams.get(stream_id)
        if stream is None or stream.half & LOCAL_ENDED:
            return 0
        n = min(len(data), stream.credit)
        if n:
            stream.credit -= n
            self._queue(Data(stream_id, bytes(data[:n])))
        return n

    def consumed(self, stream_id: int, n: int) -> None:
        """A reader took `n` bytes: they are given back to the peer once they make half a window."""
        stream = self._streams.get(stream_id)
        if stream is None or not n or stream.half & UNREADABLE:
            return
        stream.unread -= n
        self._unread.release(n)
        stream.owed += n
        if stream.owed * 2 >= self._config.window_bytes and not stream.half & REMOTE_ENDED:
            self._give_credit(stream_id, stream)

    def _give_credit(self, stream_id: int, stream: _Stream) -> None:
        stream.room += stream.owed
        self._queue(Credit(stream_id, stream.owed))
        stream.owed = 0

    def close_write(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None and stream.advance(LOCAL_FIN, 0):
            self._queue(Fin(stream_id))
            self._forget_if_closed(stream_id, stream)

    def stop_reading(self, stream_id: int) -> None:
        """Drop what comes, up to a window, and reset the stream then, or after `linger_s`."""
        stream = self._streams.get(stream_id)
        if stream is not None and stream.advance(STOP_READING, 0):
            self._unread.release(stream.unread)
            stream.unread = 0
            self._lingering[stream_id] = self._now() + self._config.linger_s
            self._timeout_changed()

    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.advance(LOCAL_RESET, 0)
            self._queue(Reset(stream_id, code))
            self._forget(stream_id)

    def close(self, code: int = 0) -> None:
        if not self.closed:
            self.closed = True
            self._queue(GoAway(code))
            self._acceptor.room_for_streams()

    def abort(self, reason: str) -> None:
        self.closed = True
        streams, self._streams = self._streams, {}
        self._lingering.clear()
        self._unread.release_all()
        # What refers back to the connection goes, so that both are freed at once.
        acceptor, self._acceptor = self._acceptor, NO_ACCEPTOR
        self._send_soon = _nowhere
        for stream in streams.values():
            if not stream.half & UNREADABLE:
                stream.sink.reset_received(0, reason)
        acceptor.room_for_streams()

    def flush(self) -> None:
        """Do nothing: the connection takes `pending` itself."""

    def drained(self) -> None:
        """Do nothing: no answer is counted as owed."""

    def receive_data(self, data: bytes) -> None:
        """Raise ProtocolViolation: this session takes frames, no bytes."""
        raise ProtocolViolation("bytes came where frames were expected")

    # What the peer's say

    def receive_frame(self, frame: Frame) -> None:
        """Take one frame of the peer. Raises ProtocolViolation for data past its window."""
        self._keep_alive.heard = True
        if isinstance(frame, Data):
            self._receive_data(frame.stream_id, frame.data)
        elif isinstance(frame, Probe):
            if frame.is_answer:
                self._keep_alive.pong(frame.opaque, self._now())
            else:
                self._queue(Probe(frame.opaque, is_answer=True))
        elif isinstance(frame, GoAway):
            self.closed = True
            self._acceptor.goodbye_received(frame.code)
            self._acceptor.room_for_streams()
        else:
            stream = self._streams.get(frame.stream_id)
            if stream is None and isinstance(frame, Fin):
                stream = self._accept(frame.stream_id)
            if stream is not None:
                self._receive_control(stream, frame)

    def _receive_control(self, stream: _Stream, frame: Fin | Reset | Credit) -> None:
        if isinstance(frame, Credit):
            stream.credit += frame.n
            stream.sink.credit_received()
            return
        is_read = not stream.half & UNREADABLE
        if not stream.advance(REMOTE_FIN if isinstance(frame, Fin) else REMOTE_RESET, 0):
            return
        if isinstance(frame, Reset):
            self._forget(frame.stream_id)
            if is_read:
                stream.sink.reset_received(frame.code, "the peer reset the stream")
            return
        if is_read:
            stream.sink.eof_received()
        self._forget_if_closed(frame.stream_id, stream)

    def _accept(self, stream_id: int) -> _Stream | None:
        if stream_id % 2 == self._next_id % 2 or stream_id <= self._last_theirs:
            return None
        self._last_theirs = stream_id
        sink = None
        if not self.closed and len(self._lingering) < self._config.max_lingering_streams:
            sink = self._acceptor.accept(stream_id)
        if sink is None:
            self._queue(Reset(stream_id, 0 if self.closed else StreamCode.LIMIT_EXCEEDED))
            return None
        self._inbound += 1
        stream = self._streams[stream_id] = _Stream(sink, inbound=True, window=self._config.window_bytes)
        return stream

    def _receive_data(self, stream_id: int, data: bytes) -> None:
        stream = self._streams.get(stream_id) or self._accept(stream_id)
        if stream is None:
            return
        n = len(data)
        stream.room -= n
        if stream.room < 0:
            raise ProtocolViolation(f"stream {stream_id}: data past its window")
        if stream.half & UNREADABLE:
            if not stream.room:
                self.reset_stream(stream_id)
            return
        stream.unread += n
        self._unread.spare -= n
        if self._unread.spare < 0 and (refusal := self._unread.reserve()) is not None:
            self.reset_stream(stream_id, StreamCode.LIMIT_EXCEEDED)
            stream.sink.reset_received(StreamCode.LIMIT_EXCEEDED, f"too much unread data: {refusal}")
            return
        stream.sink.data_received(data)

    def _forget_if_closed(self, stream_id: int, stream: _Stream) -> None:
        if stream.half is CLOSED:
            self._forget(stream_id)

    def _forget(self, stream_id: int) -> None:
        stream = self._streams.pop(stream_id, None)
        self._lingering.pop(stream_id, None)
        if stream is None:
            return
        self._unread.release(stream.unread)
        if stream.inbound:
            self._inbound -= 1
        else:
            self._acceptor.room_for_streams()
        if not self._streams:
            self._unread.release_all()
            self._acceptor.idle()

    # Time

    def next_timeout(self) -> float | None:
        """Return when to look whether the peer is there, or to give up the stream that lingers longest."""
        due_at = self._keep_alive.due_at
        return min(due_at, next(iter(self._lingering.values()), due_at))

    def handle_timeout(self, now: float) -> None:
        """Give up streams that lingered too long. Raises ConnectionLost when the peer stopped answering."""
        for stream_id, deadline in list(self._lingering.items()):
            if deadline <= now:
                self.reset_stream(stream_id)
        if self._keep_alive.check(now):
            self._queue(Probe(self._keep_alive.ping(now), is_answer=False))


def _nowhere() -> None:
    """Takes the place of `send_soon` once there is no connection any more."""
