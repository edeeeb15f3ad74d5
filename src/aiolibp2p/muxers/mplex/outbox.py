"""The sending half of a session."""

from __future__ import annotations

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.io.muxing.pending_frames import DIRECT_BYTES, PENDING_BYTES, PendingFrames
from aiolibp2p.multiformats import varint
from aiolibp2p.muxers.mplex.frames import MAX_LENGTH_BYTES, MESSAGE
from aiolibp2p.muxers.mplex.stream_state import StreamState


class Outbox(PendingFrames):
    """Messages as they are written: mplex has lengths of any size, so none is left open to grow."""

    def data(self, state: StreamState, data: ByteString, n: int) -> None:
        """Queue or send `n` bytes of a stream."""
        if self._wire.full:
            self.owed_bytes += n
        if n >= DIRECT_BYTES:
            data, n = self._send_bulk(state, memoryview(data), n)
            if not n:
                return
        elif self._lead and not self._pending and not self.held and not state.is_new:
            self._lead = False
            self._wire.send(state.opening(MESSAGE) + varint.encode(n) + data)
            return
        header = state.opening(MESSAGE) + varint.encode(n)
        if len(self._pending) + len(header) + n > PENDING_BYTES:
            self._send_pending()
        self._pending += header
        self._pending += data
        self._request()

    def _send_bulk(self, state: StreamState, data: memoryview, n: int) -> tuple[memoryview, int]:
        """Send all but a small rest, in messages that fill a cipher frame exactly; return the rest."""
        if self._pending:
            self._send_pending()
        at = 0
        while n - at >= DIRECT_BYTES:
            opening = state.opening(MESSAGE)
            k = min(n - at, PENDING_BYTES - len(opening) - MAX_LENGTH_BYTES)
            self._wire.send_with_header(opening + varint.encode(k), data[at : at + k])
            at += k
        return data[at:], n - at
