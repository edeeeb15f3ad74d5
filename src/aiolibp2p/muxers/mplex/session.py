"""An mplex session: ids, what is unread, and the messages that say so. Pure and synchronous."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import MuxerSession, MuxerWire
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope
from aiolibp2p.errors import ConnectionLost, ProtocolViolation, StreamClosed, StreamCode
from aiolibp2p.muxers.mplex import frames
from aiolibp2p.muxers.mplex.config import MplexConfig
from aiolibp2p.muxers.mplex.frame_reader import FrameHandler, FrameReader
from aiolibp2p.muxers.mplex.frames import CLOSE, NEW_STREAM, RESET
from aiolibp2p.muxers.mplex.outbox import Outbox
from aiolibp2p.muxers.mplex.stalls import Stalls, expired
from aiolibp2p.muxers.mplex.stream_state import StreamState
from aiolibp2p.muxers.mplex.stream_table import StreamTable
from aiolibp2p.muxing.half_close import (
    CLOSED,
    LOCAL_ENDED,
    LOCAL_FIN,
    LOCAL_RESET,
    NOTHING_UNREAD,
    REMOTE_ENDED,
    REMOTE_FIN,
    REMOTE_RESET,
    RESET_UNREAD,
    STOP_READING,
    UNREADABLE,
)
from aiolibp2p.muxing.no_acceptor import NO_ACCEPTOR
from aiolibp2p.muxing.unread import SPARE_BYTES, UnreadBytes


class Mplex:
    """The muxer `/mplex/6.7.0`; see the package's docstring."""

    protocol_id = frames.PROTOCOL_ID

    def __init__(self, runtime: Runtime, config: MplexConfig | None = None) -> None:
        self._runtime = runtime
        self._config = config or MplexConfig()

    def start(self, role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope = NULL_SCOPE) -> MplexSession:
        """Start a session; the role does not matter, for both sides count their streams from 0."""
        return MplexSession(acceptor, wire, scope, self._runtime, self._config)


class MplexSession(MuxerSession, FrameHandler):
    """The streams of one connection over mplex."""

    closed = False
    rtt = None
    """mplex has no ping."""

    def __init__(
        self, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope, runtime: Runtime, config: MplexConfig
    ) -> None:
        self._acceptor = acceptor
        self._wire = wire
        self._outbox = Outbox(wire)
        self._runtime = runtime
        self._config = config
        self._table = StreamTable()
        self._streams = self._table.by_id
        self._unread = UnreadBytes(scope)
        self._stalls = Stalls(wire, config)
        self._woken = 0
        self._reader = FrameReader()

    @property
    def stream_count(self) -> int:
        return len(self._streams)

    # Receiving

    def receive_data(self, data: bytes) -> None:
        self._woken = 0
        outbox = self._outbox
        outbox.held = True
        try:
            self._reader.receive(data, self)
        except ProtocolViolation:
            self.closed = True
            raise
        finally:
            outbox.release(lead=self._woken <= 1)
        if outbox.owed_bytes > self._config.max_owed_bytes:
            self.closed = True
            raise ProtocolViolation("the peer does not read our answers")

    def header_received(self, number: int, flag: int, length: int) -> StreamState | None:
        if flag == NEW_STREAM:
            self._accept(number)
            return None
        # Odd flags come from whoever accepted the stream: it is one of ours then.
        is_ours = bool(flag & 1)
        state = self._table.by_key.get(frames.stream_key(number, is_ours))
        if state is None:
            return None
        kind = flag if is_ours else flag - frames.BY_OPENER
        if kind == RESET:
            self._end(state, "the peer reset the stream")
        elif kind == CLOSE:
            self._close_received(state)
        elif length and state.half & REMOTE_ENDED:
            self._drop(state, "the peer sent data after its close")
        else:
            return state
        return None

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        n = len(piece)
        sink = state.sink
        if sink is None:
            state.dropped += n
            if state.dropped > self._config.max_dropped_bytes:
                self.reset_stream(state.stream_id)
            return
        state.unread += n
        unread = self._unread
        unread.spare = spare = unread.spare - n
        if spare < 0 and (refusal := unread.reserve()) is not None:
            self._drop(state, f"too much unread data: {refusal}", StreamCode.LIMIT_EXCEEDED)
            return
        self._woken += 1
        sink.data_received(piece)
        if state.unread > self._config.max_unread_stream_bytes:
            self._stalls.stall(state.stream_id, self._runtime.now())

    def _accept(self, number: int) -> None:
        state = self._table.arrived(number)
        if self.closed or len(self._stalls.lingering) >= self._config.max_lingering_streams:
            self._outbox.control(state.take_bodiless(RESET))
            return
        self._table.accept(state)
        sink = self._acceptor.accept(state.stream_id)
        if sink is None:
            self.reset_stream(state.stream_id)
        else:
            state.sink = sink

    def _close_received(self, state: StreamState) -> None:
        if not state.advance(REMOTE_FIN, state.unread):
            return
        self._stalls.go_on(state.stream_id)  # for it will grow no more
        if state.sink is not None:
            self._woken += 1
            state.sink.eof_received()
        self._forget_if_closed(state)

    def consumed(self, stream_id: int, n: int) -> None:
        """A reader took `n` bytes: once it holds no more than half of what it may, it holds up nobody."""
        state = self._streams.get(stream_id)
        if state is None or state.half & UNREADABLE:
            return
        state.unread -= n
        unread = self._unread
        unread.spare = spare = unread.spare + n
        if spare > SPARE_BYTES:
            unread.shrink()
        if state.unread <= self._config.max_unread_stream_bytes >> 1:
            self._stalls.go_on(state.stream_id)
        if state.half & REMOTE_ENDED and not state.unread and state.advance(NOTHING_UNREAD, 0):
            self._forget(state)

    # Sending

    def open_stream(self, sink: StreamSink) -> int:
        """Open a stream and return its id. Raises ConnectionLost when closed, LimitExceeded past the last id."""
        if self.closed:
            raise ConnectionLost("the connection takes no new streams")
        return self._table.open(sink).stream_id

    def write(self, stream_id: int, data: ByteString) -> int:
        """Take all of it: only the transport says when to wait. Raises StreamClosed after close or reset."""
        state = self._streams.get(stream_id)
        if state is None or state.half & LOCAL_ENDED:
            raise StreamClosed("the stream is closed for writing")
        n = len(data)
        if n:
            self._outbox.data(state, data, n)
        return n

    def close_write(self, stream_id: int) -> None:
        state = self._streams.get(stream_id)
        if state is None or not state.advance(LOCAL_FIN, state.unread):
            return
        self._outbox.control(state.take_bodiless(CLOSE))
        self._forget_if_closed(state)

    def stop_reading(self, stream_id: int) -> None:
        """Drop what is unread and what comes: up to a limit, and for a limited time."""
        state = self._streams.get(stream_id)
        if state is None or state.half & UNREADABLE:
            return
        self._give_up_unread(state)
        state.advance(STOP_READING, 0)
        if state.half is CLOSED:
            self._forget(state)
        else:
            self._stalls.linger(stream_id, self._runtime.now())

    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        """Send a reset, unless the peer has never heard of the stream, and forget it. mplex has no codes."""
        state = self._streams.get(stream_id)
        if state is None:
            return
        was_reset = state.half is RESET_UNREAD
        state.advance(LOCAL_RESET, 0)
        self._forget(state)
        if not was_reset:
            self._send_reset(state)

    def _send_reset(self, state: StreamState) -> None:
        if not state.is_new:
            self._outbox.control(state.take_bodiless(RESET))

    def flush(self) -> None:
        self._outbox.flush()

    def drained(self) -> None:
        self._outbox.drained()

    # Ends

    def close(self, code: int = 0) -> None:
        """Take no new streams, from now on. mplex has no words to tell the peer."""
        self.closed = True

    def abort(self, reason: str) -> None:
        self.closed = True
        states = self._table.clear()
        self._stalls.clear()
        self._unread.release_all()
        for state in states:
            sink, state.sink = state.sink, None
            was_reset = state.half is RESET_UNREAD
            state.half = CLOSED
            if sink is not None and not was_reset:
                sink.reset_received(0, reason)
        acceptor, self._acceptor = self._acceptor, NO_ACCEPTOR
        acceptor.room_for_streams()

    def _drop(self, state: StreamState, reason: str, code: int = 0) -> None:
        self._send_reset(state)
        self._end(state, reason, code)

    def _end(self, state: StreamState, reason: str, code: int = 0) -> None:
        sink = state.sink
        state.advance(REMOTE_RESET, state.unread)
        if state.half is CLOSED:
            self._forget(state)
        else:
            self._table.free_number(state)
        if sink is not None:
            sink.reset_received(code, reason)

    def _give_up_unread(self, state: StreamState) -> None:
        if state.unread:
            self._unread.release(state.unread)
            state.unread = 0
        state.sink = None
        self._stalls.go_on(state.stream_id)

    def _forget_if_closed(self, state: StreamState) -> None:
        if state.half is CLOSED:
            self._forget(state)

    def _forget(self, state: StreamState) -> None:
        if not self._table.remove(state):
            return
        self._give_up_unread(state)
        self._stalls.lingering.pop(state.stream_id, None)
        self._acceptor.room_for_streams()
        if not self._streams:
            self._unread.release_all()
            self._acceptor.idle()

    # Time

    def next_timeout(self) -> float | None:
        """Return when the first reader that holds up the others, or the first lingering stream, is given up."""
        return self._stalls.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Reset the streams whose time is up."""
        for stream_id in expired(self._stalls.stalled, now):
            if (state := self._streams.get(stream_id)) is not None:  # the end of one may have brought that of another
                self._drop(state, f"its reader held up the connection for {self._config.stall_timeout_s:g} s")
        for stream_id in expired(self._stalls.lingering, now):
            self.reset_stream(stream_id)
