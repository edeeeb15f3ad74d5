"""One stream of yamux as its session sees it: flags that wait for a frame, and two windows. Pure."""

from __future__ import annotations

from collections.abc import Callable

from aiolibp2p.abc.layers.streams import StreamSink
from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.muxers.yamux.frames import ACK, INITIAL_WINDOW_BYTES, MAX_U32
from aiolibp2p.muxers.yamux.window import FAST_GROWTH_BYTES, next_window
from aiolibp2p.muxing.half_close import CLOSED, OPEN, HalfClosing


class StreamState(HalfClosing):
    """What a session knows of one stream.

    `window` is our receive window in bytes: what the peer may still send (`credit`), what the sink holds unread, and
    what was read but not announced (`taken`).
    """

    __slots__ = (
        "acknowledged",
        "announced_at",
        "credit",
        "flags",
        "send_window",
        "sink",
        "stream_id",
        "taken",
        "window",
    )

    def __init__(self, stream_id: int, sink: StreamSink | None, flags: int) -> None:
        self.half = OPEN
        self.stream_id = stream_id
        self.sink = sink
        self.flags = flags
        """`flags`: SYN or ACK, to ride on the next frame; 0 once it has left."""
        self.send_window = INITIAL_WINDOW_BYTES
        self.window = INITIAL_WINDOW_BYTES
        self.credit = INITIAL_WINDOW_BYTES
        self.taken = 0
        self.announced_at: float | None = None
        self.acknowledged = flags == ACK

    def abort(self, reason: str) -> None:
        """End the stream with its connection: call the sink, and let go of it, for what is pending may refer to us."""
        self.half = CLOSED
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.reset_received(0, reason)

    def take_flags(self) -> int:
        """Return the flags for a frame that leaves now."""
        flags = self.flags
        self.flags = 0
        return flags

    @property
    def unread(self) -> int:
        """Bytes that the sink holds and nobody has read."""
        return self.window - self.credit - self.taken

    def credit_received(self, delta: int) -> None:
        """Let `delta` more bytes be sent, and tell the sink. Raises ProtocolViolation for a window past 2^32."""
        window = self.send_window + delta
        if window > MAX_U32:
            raise ProtocolViolation(f"stream {self.stream_id}: window grown past 2^32")
        self.send_window = window
        if self.sink is not None:
            self.sink.credit_received()

    def announce(self, now: float, rtt: Callable[[], float | None], maximum: int) -> int:
        """Give back what was taken, in a window grown as its use asks for; return the credit to send, in bytes."""
        before, window = self.announced_at, self.window
        if window < FAST_GROWTH_BYTES or before is None:
            window = next_window(window, self.taken, 0.0, None, maximum)
        elif window < maximum:
            window = next_window(window, self.taken, now - before, rtt(), maximum)
        delta = self.taken + window - self.window
        self.window = window
        self.credit += delta
        self.taken = 0
        self.announced_at = now
        return delta

    def drop_unread(self) -> int:
        """Give up what the sink holds, and the sink: nobody will read any more. Return the bytes given up."""
        unread = self.unread
        self.taken += unread
        self.sink = None
        return unread
