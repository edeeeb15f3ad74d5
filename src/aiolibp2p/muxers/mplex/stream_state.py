"""One stream as its session sees it. Pure."""

from __future__ import annotations

from aiolibp2p.abc.muxer import StreamSink
from aiolibp2p.muxers.mplex.frames import BY_OPENER, NEW_STREAM, bodiless, opening, stream_key


class StreamState:
    """`unread`: what the sink holds. Without a sink, what came and was `dropped`."""

    __slots__ = ("dropped", "got_close", "is_new", "is_ours", "key", "number", "sender", "sent_close", "sink", "unread")

    def __init__(self, number: int, sink: StreamSink | None, is_ours: bool) -> None:
        self.number = number
        self.is_ours = self.is_new = is_ours
        """New: the peer has not heard of it."""
        self.key = stream_key(number, is_ours)
        self.sender = BY_OPENER if is_ours else 0
        self.sink = sink
        self.sent_close = False
        self.got_close = False
        self.unread = 0
        self.dropped = 0

    def opening(self, flag: int) -> bytes:
        """A header of ours up to the length, behind the message that opens the stream where that has not left yet."""
        own = opening(self.number, flag + self.sender)
        if not self.is_new:
            return own
        self.is_new = False
        return bodiless(self.number, NEW_STREAM) + own

    def bodiless(self, flag: int) -> bytes:
        """A message without a body."""
        return self.opening(flag) + b"\0"

    @property
    def is_over(self) -> bool:
        """Nothing will come, go or be read any more."""
        return self.got_close and self.sent_close and not self.unread
