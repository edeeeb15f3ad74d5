"""The sending half of an mplex session: messages gathered into as few cipher frames as the tick allows."""

from __future__ import annotations

from aiolibp2p.abc.layers.muxer import MuxerWire
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.multiformats import varint
from aiolibp2p.muxers.mplex.frames import MAX_LENGTH_BYTES
from aiolibp2p.muxers.mplex.stream_state import StreamState
from aiolibp2p.muxing.pending_frames import DIRECT_BYTES, PENDING_BYTES, PendingFrames

ROOM_BYTES = PENDING_BYTES - MAX_LENGTH_BYTES
"""The most bytes that are pending while a message is open: its length, put in when it closes, must still fit."""


class Outbox(PendingFrames):
    """Pending plaintext of one session.

    The last message stays open: further bytes of the same stream grow it, and its length, a varint of any size, is put
    in when it closes. What the transport takes is taken whole: mplex has no windows, so nothing could tell a writer
    that was cut short when to go on.
    """

    def __init__(self, wire: MuxerWire) -> None:
        super().__init__(wire)
        self._open: StreamState | None = None
        self._length_at = 0

    def data(self, state: StreamState, data: ByteString, n: int) -> None:
        """Queue or send `n` bytes of a stream, at least one. What opens a stream of ours is owed to nobody."""
        if self._wire.full and not state.is_new:
            self.owed_bytes += n
        if n >= DIRECT_BYTES:
            data, n = self._send_bulk(state, memoryview(data), n)
            if not n:
                return
        elif self._lead and not self._pending and not self.held and not state.is_new:
            self._lead = False
            self._wire.send(state.take_opening() + varint.encode(n) + data)
            return
        self._queue(state, data, n)

    def _queue(self, state: StreamState, data: ByteString, n: int) -> None:
        if self._open is not state or len(self._pending) + n > ROOM_BYTES:
            opening = state.take_opening()
            self._make_room(len(opening) + MAX_LENGTH_BYTES + n)
            self._pending += opening
            self._open = state
            self._length_at = len(self._pending)
        self._pending += data
        self._request()

    def _send_bulk(self, state: StreamState, data: memoryview, n: int) -> tuple[memoryview, int]:
        """Send all but a small rest, in messages that fill a cipher frame each; return the rest."""
        at = 0
        if self._open is state:
            at = min(n, ROOM_BYTES - len(self._pending))
            if at < n:
                self._close_frame(at)  # before they are there: the length moves what lies behind it
            self._pending += data[:at]
        if self._pending and n - at >= DIRECT_BYTES:
            self._send_pending()
        while n - at >= DIRECT_BYTES:
            opening = state.take_opening()
            k = min(n - at, ROOM_BYTES - len(opening))
            self._wire.send_with_header(opening + varint.encode(k), data[at : at + k])
            at += k
        return data[at:], n - at

    def _close_frame(self, more: int = 0) -> None:
        """Close the open message: it is complete, or will be with `more` bytes."""
        if self._open is not None:
            at = self._length_at
            self._pending[at:at] = varint.encode(len(self._pending) - at + more)
            self._open = None
