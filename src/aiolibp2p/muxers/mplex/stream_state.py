"""One stream as its session sees it. Pure."""

from __future__ import annotations

from aiolibp2p.abc.layers.streams import StreamSink
from aiolibp2p.muxers.mplex.frames import BY_OPENER, MESSAGE, NEW_STREAM, bodiless, opening, stream_key


class StreamState:
    """`unread`: what the sink holds. Without a sink, what came and was `dropped`."""

    __slots__ = (
        "_message",
        "_sender",
        "dropped",
        "got_close",
        "is_dead",
        "is_new",
        "is_ours",
        "key",
        "number",
        "sent_close",
        "sink",
        "stream_id",
        "unread",
    )

    def __init__(self, number: int, sink: StreamSink | None, is_ours: bool) -> None:
        self.number = number
        self.is_ours = self.is_new = is_ours
        """New: the peer has not heard of it."""
        self.key = self.stream_id = stream_key(number, is_ours)
        """On the wire, and for those who use it."""
        self.sink = sink
        self.sent_close = False
        self.got_close = False
        self.is_dead = False
        """Reset, and only here because of what is unread: its number may be used again."""
        self.unread = 0
        self.dropped = 0
        self._sender = BY_OPENER if is_ours else 0
        self._message = opening(number, MESSAGE + self._sender)

    def take_opening(self) -> bytes:
        """The header of a message of ours up to its length, behind what opens the stream if that has not left yet."""
        if not self.is_new:
            return self._message
        self.is_new = False
        return bodiless(self.number, NEW_STREAM) + self._message

    def take_bodiless(self, flag: int) -> bytes:
        """A close or a reset of ours, likewise."""
        own = bodiless(self.number, flag + self._sender)
        if not self.is_new:
            return own
        self.is_new = False
        return bodiless(self.number, NEW_STREAM) + own

    def die(self) -> bool:
        """A reset. Whether it stays: what it received to its end is readable, and counts until that is given up."""
        if self.got_close and self.unread:
            self.sent_close = self.is_dead = True
        return self.is_dead

    @property
    def is_over(self) -> bool:
        """Nothing will come, go or be read any more."""
        return self.got_close and self.sent_close and not self.unread
