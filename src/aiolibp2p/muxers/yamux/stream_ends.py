"""How the streams of a yamux session end. Pure.

A stream ends by the table of `muxing.half_close`, and is forgotten once that says CLOSED:

- by FINs, in the session: `close_write` and `fin_received`, then `consumed` and `stop_reading`, when what is unread is
  gone; each calls `forget` or `forget_if_closed`;
- `reset`, by our user or a time limit: RST leaves, the sink hears nothing;
- `end`, by the peer's RST: the sink hears of it, and after a FIN keeps what it holds;
- `drop`, because of what the peer sent (more than there is room for, or behind its FIN): RST leaves, too;
- `abort`, with the connection: the sinks hear of it, nothing leaves.

A sink may call back from inside of what it hears, and even end its stream there: so the state has changed before the
sink is called, what is done behind that call asks the state anew, and to forget a stream twice does nothing.
"""

from __future__ import annotations

from aiolibp2p.abc.layers.streams import StreamAcceptor
from aiolibp2p.muxers.yamux import frames
from aiolibp2p.muxers.yamux.frame_reader import FrameReader
from aiolibp2p.muxers.yamux.frames import RST, SYN
from aiolibp2p.muxers.yamux.outbox import Outbox
from aiolibp2p.muxers.yamux.stream_state import StreamState
from aiolibp2p.muxers.yamux.stream_table import StreamTable
from aiolibp2p.muxing.half_close import CLOSED, LOCAL_RESET, REMOTE_RESET, RESET_UNREAD
from aiolibp2p.muxing.no_acceptor import NO_ACCEPTOR


class StreamEnds:
    """Ends the streams of one session, and tells its acceptor of the room that this makes."""

    __slots__ = ("_outbox", "_reader", "_table", "acceptor")

    def __init__(self, acceptor: StreamAcceptor, outbox: Outbox, reader: FrameReader, table: StreamTable) -> None:
        self.acceptor = acceptor
        """The one that the session's news are for: nobody, once the connection is over."""
        self._outbox = outbox
        self._reader = reader
        self._table = table

    def reset(self, state: StreamState, code: int) -> None:
        """Forget the stream, and send RST unless the peer knows of its end, or does not know of the stream yet."""
        silent = state.half is RESET_UNREAD or state.flags & SYN
        state.advance(LOCAL_RESET, 0)
        self.forget(state)
        if not silent:
            self._outbox.control(frames.window_update(state.stream_id, RST, code))

    def drop(self, state: StreamState, reason: str, code: int = 0) -> None:
        """Send RST, and end the stream for its sink as well."""
        self._outbox.control(frames.window_update(state.stream_id, RST, code))
        self.end(state, reason, code)

    def end(self, state: StreamState, reason: str, code: int = 0) -> None:
        """End the stream for its sink, and forget it when nothing is unread."""
        sink, state.sink = state.sink, None  # what is unread may keep the state, but the sink hears of one end only
        state.advance(REMOTE_RESET, state.unread)
        self.forget_if_closed(state)
        if sink is not None:
            sink.reset_received(code, reason)

    def abort(self, reason: str) -> None:
        """End all streams with their connection."""
        for state in self._table.clear():
            self._reader.forget(state)
            state.abort(reason)
        acceptor, self.acceptor = self.acceptor, NO_ACCEPTOR
        acceptor.room_for_streams()

    def forget_if_closed(self, state: StreamState) -> None:
        """Forget the stream if both directions are over and nothing is unread."""
        if state.half is CLOSED:
            self.forget(state)

    def forget(self, state: StreamState) -> None:
        """Forget the stream, and drop what is still to come of it."""
        table = self._table
        if not table.remove(state):
            return
        self._reader.forget(state)
        self.acceptor.room_for_streams()
        if not table.by_id:
            table.unread.release_all()
            self.acceptor.idle()
