"""The sending half of a yamux session: frames gathered into as few cipher frames as the tick allows."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.layers.muxer import MuxerWire
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.muxers.yamux.frames import DATA, HEADER, HEADER_BYTES, LENGTH, LENGTH_OFFSET, SYN
from aiolibp2p.muxing.pending_frames import DIRECT_BYTES, PENDING_BYTES, PendingFrames

BODY_BYTES = PENDING_BYTES - HEADER_BYTES
"""The longest body that we send, in bytes: with its header it fills a cipher frame exactly."""


class Sender(Protocol):
    """The stream a DATA frame belongs to."""

    stream_id: int
    flags: int

    def take_flags(self) -> int:
        """Return the flags for a frame that leaves now: SYN or ACK on the first, then none."""
        ...


class Outbox(PendingFrames):
    """Pending plaintext of one session, as whole frames but for the last.

    The last DATA frame stays open: further bytes of the same stream grow it, and its length is patched when it
    closes. All writes of a new stream wait for company: its request rides with its SYN.

    A write takes one of three ways, and bytes never overtake others of their session on any of them:

    - large (`DIRECT_BYTES` and more): what is pending is sent first, then the bytes themselves, without a copy;
    - small, alone, and the first since input came or the tick ended (the lead): sent at once, for nothing may follow;
    - any other: appended to what is pending, which leaves when a piece is complete, or at the end of the tick.

    The header of an open frame is packed, flags and all, when the frame begins. So whoever takes the flags of a
    stream must append its frame right away: a SYN that left behind other frames of its stream would open nothing.
    `_open` names a stream only while the last bytes of `_pending` are the body of its frame; everything that appends
    something else, or hands `_pending` on, closes it first.
    """

    def __init__(self, wire: MuxerWire) -> None:
        super().__init__(wire)
        self.owed_pongs = 0
        self._open: Sender | None = None
        self._open_at = 0

    def pong(self, frame: bytes) -> None:
        """Queue the answer to a ping; counted apart, for nothing is cheaper to flood with."""
        if self._wire.full:
            self.owed_pongs += 1
        self.control(frame)

    def data(self, sender: Sender, data: ByteString, n: int) -> None:
        """Queue or send `n` bytes of a stream."""
        if self._wire.full:
            self.owed_bytes += n
        if n >= DIRECT_BYTES:
            data, n = self._send_bulk(sender, memoryview(data), n)
            if not n:
                return
        elif self._lead and not self._pending and not self.held and not sender.flags & SYN:
            self._lead = False
            self._wire.send(HEADER.pack(0, DATA, sender.take_flags(), sender.stream_id, n) + data)
            return
        self._queue(sender, data, n)

    def _queue(self, sender: Sender, data: ByteString, n: int) -> None:
        pending = self._pending
        if self._open is sender and len(pending) + n <= PENDING_BYTES:
            pending += data
            return
        self._make_room(HEADER_BYTES + n)
        pending = self._pending
        self._open = sender
        self._open_at = len(pending)
        pending += HEADER.pack(0, DATA, sender.take_flags(), sender.stream_id, n)
        pending += data
        self._request()

    def _send_bulk(self, sender: Sender, data: memoryview, n: int) -> tuple[memoryview, int]:
        """Send all but a small rest, in frames that fill a cipher frame each; return the rest."""
        at = 0
        if self._open is sender:
            at = min(n, PENDING_BYTES - len(self._pending))
            self._pending += data[:at]
        if self._pending and n - at >= DIRECT_BYTES:
            self._send_pending()
        while n - at >= DIRECT_BYTES:
            k = min(n - at, BODY_BYTES)
            header = HEADER.pack(0, DATA, sender.take_flags(), sender.stream_id, k)
            self._wire.send_with_header(header, data[at : at + k])
            at += k
        return data[at:], n - at

    def drained(self) -> None:
        """Forget what was owed: the transport has caught up."""
        super().drained()
        self.owed_pongs = 0

    def _close_frame(self) -> None:
        if self._open is not None:
            length = len(self._pending) - self._open_at - HEADER_BYTES
            LENGTH.pack_into(self._pending, self._open_at + LENGTH_OFFSET, length)
            self._open = None
