"""One stream of mplex as its session sees it. Pure."""

from __future__ import annotations

from aiolibp2p.abc.layers.streams import StreamSink
from aiolibp2p.muxers.mplex.frames import BY_OPENER, MESSAGE, NEW_STREAM, bodiless, opening, stream_key
from aiolibp2p.muxing.half_close import OPEN, HalfClosing


class StreamState(HalfClosing):
    """What a session knows of one stream.

    `unread` counts the bytes that the sink holds, `dropped` those that came after the sink was given up.
    """

    __slots__ = (
        "_message",
        "_sender",
        "dropped",
        "is_new",
        "is_ours",
        "key",
        "number",
        "sink",
        "stream_id",
        "unread",
    )

    def __init__(self, number: int, sink: StreamSink | None, is_ours: bool) -> None:
        self.half = OPEN
        self.number = number
        self.is_ours = self.is_new = is_ours
        """`is_new`: the peer has not heard of the stream yet, because nothing of it has been sent."""
        self.key = self.stream_id = stream_key(number, is_ours)
        """The key names the stream on the wire, the id names it to its user: a number may come again, an id never."""
        self.sink = sink
        self.unread = 0
        self.dropped = 0
        self._sender = BY_OPENER if is_ours else 0
        self._message = opening(number, MESSAGE + self._sender)

    def take_opening(self) -> bytes:
        """Return a message's header up to its length, behind what opens the stream if that has not left yet."""
        if not self.is_new:
            return self._message
        self.is_new = False
        return bodiless(self.number, NEW_STREAM) + self._message

    def take_bodiless(self, flag: int) -> bytes:
        """Return a close or a reset of ours, behind what opens the stream if that has not left yet."""
        own = bodiless(self.number, flag + self._sender)
        if not self.is_new:
            return own
        self.is_new = False
        return bodiless(self.number, NEW_STREAM) + own
