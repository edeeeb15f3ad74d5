"""A yamux session: windows, ids, and the frames that say so. Pure and synchronous."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import MuxerSession, MuxerWire
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import NULL_SCOPE, Scope
from aiolibp2p.errors import ConnectionLost, ProtocolViolation, StreamClosed, StreamCode
from aiolibp2p.muxers.yamux import frames
from aiolibp2p.muxers.yamux.config import YamuxConfig
from aiolibp2p.muxers.yamux.frame_reader import FrameHandler, FrameReader
from aiolibp2p.muxers.yamux.frames import ACK, DATA, FIN, PING, RST, SYN, WINDOW_UPDATE
from aiolibp2p.muxers.yamux.outbox import Outbox
from aiolibp2p.muxers.yamux.pings import Pings
from aiolibp2p.muxers.yamux.stream_ends import StreamEnds
from aiolibp2p.muxers.yamux.stream_state import StreamState
from aiolibp2p.muxers.yamux.stream_table import StreamTable
from aiolibp2p.muxing.half_close import (
    CLOSED,
    LOCAL_ENDED,
    LOCAL_FIN,
    NOTHING_UNREAD,
    REMOTE_ENDED,
    REMOTE_FIN,
    RESET_UNREAD,
    STOP_READING,
    UNREADABLE,
)
from aiolibp2p.muxing.keep_alive import KeepAlive
from aiolibp2p.muxing.unread import SPARE_BYTES, UnreadBytes


class Yamux:
    """The muxer `/yamux/1.0.0`; see the package's docstring."""

    protocol_id = frames.PROTOCOL_ID

    def __init__(self, runtime: Runtime, config: YamuxConfig | None = None) -> None:
        self._runtime = runtime
        self._config = config or YamuxConfig()

    def start(self, role: Role, acceptor: StreamAcceptor, wire: MuxerWire, scope: Scope = NULL_SCOPE) -> YamuxSession:
        """Start a session; the initiator of the connection takes the odd ids."""
        return YamuxSession(role, acceptor, wire, scope, self._runtime, self._config)


class YamuxSession(MuxerSession, FrameHandler):
    """The streams of one connection over yamux."""

    closed = False

    def __init__(
        self,
        role: Role,
        acceptor: StreamAcceptor,
        wire: MuxerWire,
        scope: Scope,
        runtime: Runtime,
        config: YamuxConfig,
    ) -> None:
        self._wire = wire
        self._outbox = Outbox(wire)
        self._runtime = runtime
        self._config = config
        self._unread = UnreadBytes(scope)
        self._table = StreamTable(role, config.max_unacknowledged, self._unread)
        self._streams = self._table.by_id
        self._woken = 0
        self._reader = FrameReader()
        self._ends = StreamEnds(acceptor, self._outbox, self._reader, self._table)
        self._keep_alive = KeepAlive(config.keep_alive_s, config.pong_timeout_s, runtime.now())
        self._pings = Pings(self._keep_alive, self._outbox, runtime, wire.rtt)

    @property
    def stream_count(self) -> int:
        return len(self._streams)

    @property
    def rtt(self) -> float | None:
        return self._keep_alive.rtt

    # Receiving

    def receive_data(self, data: bytes) -> None:
        """Take plaintext, cut anywhere. Raises ProtocolViolation after queueing the farewell."""
        self._keep_alive.heard = True
        self._woken = 0
        outbox = self._outbox
        outbox.held = True
        try:
            self._reader.receive(data, self)
        except ProtocolViolation as error:
            self.closed = True
            outbox.control(frames.go_away(frames.GO_AWAY_PROTOCOL_ERROR if error.answer is None else error.answer))
            raise
        finally:
            outbox.release(lead=self._woken <= 1)
        if outbox.owed_bytes > self._config.max_owed_bytes or outbox.owed_pongs > self._config.max_owed_pongs:
            self.closed = True
            raise ProtocolViolation("the peer does not read our answers")

    def header_received(self, kind: int, flags: int, stream_id: int, length: int) -> StreamState | None:
        if kind > WINDOW_UPDATE:
            self._receive_session_frame(kind, flags, length)
            return None
        state = self._streams.get(stream_id)
        if flags:
            if flags & SYN and kind == DATA and length > frames.INITIAL_WINDOW_BYTES:
                # Before the stream exists: nobody is to be told of a stream that ends with its connection.
                raise ProtocolViolation(f"stream {stream_id} opens with {length} bytes, more than a window")
            state = self._receive_flags(state, stream_id, flags, 0 if kind == DATA else length)
        if state is None:
            return None
        if state.half is RESET_UNREAD:
            return None  # only what came before waits to be read
        if kind == WINDOW_UPDATE:
            if length:
                state.credit_received(length)
            if flags & FIN:
                self.fin_received(state)
        elif length > state.credit:
            raise ProtocolViolation(f"stream {stream_id}: {length} bytes, {state.credit} of window left")
        elif length and state.half & REMOTE_ENDED:
            self._ends.drop(state, "the peer sent data after its FIN")
            return None
        return state

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        n = len(piece)
        state.credit -= n
        sink = state.sink
        if sink is None:
            self._discard(state, n)
            return
        unread = self._unread
        unread.spare = spare = unread.spare - n
        if spare < 0 and (refusal := unread.reserve()) is not None:
            self._ends.drop(state, f"too much unread data: {refusal}", StreamCode.LIMIT_EXCEEDED)
            return
        self._woken += 1
        sink.data_received(piece)

    def _discard(self, state: StreamState, n: int) -> None:
        state.taken += n
        if not state.credit and not state.half & REMOTE_ENDED and not self._reader.is_last_frame:
            self.reset_stream(state.stream_id)

    def _receive_flags(self, state: StreamState | None, stream_id: int, flags: int, code: int) -> StreamState | None:
        if flags & SYN:
            state = self._accept(stream_id)
        if flags & ACK and state is not None and self._table.acknowledge(state):
            self._ends.acceptor.room_for_streams()
        if flags & RST and state is not None:
            self._ends.end(state, "the peer reset the stream", code)
            return None
        return state

    def _accept(self, stream_id: int) -> StreamState | None:
        self._table.check_inbound(stream_id)
        if self.closed or len(self._table.lingering) >= self._config.max_lingering_streams:
            self._outbox.control(frames.window_update(stream_id, RST, 0 if self.closed else StreamCode.LIMIT_EXCEEDED))
            return None
        state = self._table.accept(stream_id)
        sink = self._ends.acceptor.accept(stream_id)
        if sink is None:
            self.reset_stream(stream_id, StreamCode.LIMIT_EXCEEDED)
            return None
        state.sink = sink
        self._pings.send_first()
        return state

    def fin_received(self, state: StreamState) -> None:
        if not state.advance(REMOTE_FIN, state.unread):
            return
        if state.sink is not None:
            self._woken += 1
            state.sink.eof_received()
        self._ends.forget_if_closed(state)

    def _receive_session_frame(self, kind: int, flags: int, length: int) -> None:
        if kind == PING:
            self._pings.receive(flags, length)
        elif kind == frames.GO_AWAY:
            self.closed = True
            self._ends.acceptor.goodbye_received(length)
        else:
            raise ProtocolViolation(f"yamux frame type {kind}")

    # Sending

    def open_stream(self, sink: StreamSink) -> int:
        """Open a stream and return its id. Raises LimitExceeded past the ACK backlog, ConnectionLost when closed."""
        if self.closed:
            raise ConnectionLost("the connection takes no new streams")
        state = self._table.open(sink)
        self._pings.send_first()
        return state.stream_id

    def write(self, stream_id: int, data: ByteString) -> int:
        """Take as many bytes as the peer's window allows. Raises StreamClosed after FIN or reset."""
        state = self._streams.get(stream_id)
        if state is None or state.half & LOCAL_ENDED:
            raise StreamClosed("the stream is closed for writing")
        n = len(data)
        window = state.send_window
        if n > window:
            if not window:
                return 0
            n = window
            data = memoryview(data)[:n]
        state.send_window = window - n
        self._outbox.data(state, data, n)
        return n

    def consumed(self, stream_id: int, n: int) -> None:
        """A reader took `n` bytes: announce them once they make half a window."""
        state = self._streams.get(stream_id)
        if state is None:
            return
        half = state.half
        if half & UNREADABLE:
            return
        unread = self._unread
        unread.spare = spare = unread.spare + n
        if spare > SPARE_BYTES:
            unread.shrink()
        state.taken += n
        if half & REMOTE_ENDED:
            if not state.unread and state.advance(NOTHING_UNREAD, 0):
                self._ends.forget(state)
        elif state.taken >= state.window >> 1:
            delta = state.announce(self._runtime.now(), self._pings.path_rtt, self._config.max_window_bytes)
            self._outbox.control(frames.window_update(stream_id, state.take_flags(), delta))

    def close_write(self, stream_id: int) -> None:
        """Send FIN, in a frame of its own: js resets a stream whose FIN comes with its first data."""
        state = self._streams.get(stream_id)
        if state is None or not state.advance(LOCAL_FIN, state.unread):
            return
        self._outbox.control(frames.window_update(stream_id, state.take_flags() | FIN, 0))
        self._ends.forget_if_closed(state)

    def stop_reading(self, stream_id: int) -> None:
        """Give back what is unread and drop what comes: up to a window, and for a limited time."""
        state = self._streams.get(stream_id)
        if state is None or state.half & UNREADABLE:
            return
        self._unread.release(state.drop_unread())
        state.advance(STOP_READING, 0)
        if state.half is CLOSED:
            self._ends.forget(state)
        elif not state.credit and not state.half & REMOTE_ENDED:
            self.reset_stream(stream_id)
        elif self._table.linger(state, self._runtime.now() + self._config.linger_s):
            self._wire.timeout_changed()

    def reset_stream(self, stream_id: int, code: int = 0) -> None:
        """Send RST with an error code (as go: in the length of a WINDOW_UPDATE), and forget the stream."""
        state = self._streams.get(stream_id)
        if state is not None:
            self._ends.reset(state, code)

    def flush(self) -> None:
        self._outbox.flush()

    def drained(self) -> None:
        self._outbox.drained()

    # Ends

    def close(self, code: int = frames.GO_AWAY_NORMAL) -> None:
        """Send GoAway: no new streams either way."""
        if not self.closed:
            self.closed = True
            self._outbox.control(frames.go_away(code))

    def abort(self, reason: str) -> None:
        self.closed = True
        self._ends.abort(reason)

    # Time

    def next_timeout(self) -> float | None:
        """Return when the peer is pinged, its answer is overdue, or the first lingering stream is given up."""
        due_at = self._keep_alive.due_at
        return min(due_at, next(iter(self._table.lingering.values()), due_at))

    def handle_timeout(self, now: float) -> None:
        """Ping a silent peer; reset streams that lingered. Raises ConnectionLost when no pong came."""
        for stream_id in self._table.expired(now):
            self.reset_stream(stream_id)
        if self._keep_alive.check(now):
            self._pings.send()
