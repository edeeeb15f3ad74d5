"""The streams of one session, and what of them is limited. Pure."""

from __future__ import annotations

from aiolibp2p.muxers.yamux.stream_state import StreamState


class StreamTable:
    """Streams by id, with counts of what they cost."""

    __slots__ = ("by_id", "inbound", "lingering", "unacknowledged", "unread")

    def __init__(self) -> None:
        self.by_id: dict[int, StreamState] = {}
        self.inbound = 0
        self.unacknowledged = 0
        """Streams of ours that the peer has not answered."""
        self.unread = 0
        """Bytes that all sinks hold."""
        self.lingering: dict[int, float] = {}
        """Streams closed on our side that wait for the peer's FIN: when to stop waiting, soonest first."""

    def add(self, state: StreamState) -> StreamState:
        """A stream was opened."""
        self.by_id[state.stream_id] = state
        if state.inbound:
            self.inbound += 1
        else:
            self.unacknowledged += 1
        return state

    def remove(self, state: StreamState) -> bool:
        """A stream is gone; whether it was there."""
        if self.by_id.pop(state.stream_id, None) is None:
            return False
        self.unread -= state.unread
        self.lingering.pop(state.stream_id, None)
        state.sink = None
        if state.inbound:
            self.inbound -= 1
        else:
            self.acknowledge(state)
        return True

    def acknowledge(self, state: StreamState) -> bool:
        """The peer answered (or the stream is gone); whether that was news."""
        if state.acknowledged:
            return False
        state.acknowledged = True
        self.unacknowledged -= 1
        return True

    def linger(self, state: StreamState, deadline: float) -> bool:
        """Wait for the peer's FIN until then, later than for any other; whether this is the only one that waits."""
        self.lingering[state.stream_id] = deadline
        return len(self.lingering) == 1

    def expired(self, now: float) -> list[int]:
        """Streams that lingered long enough."""
        return [stream_id for stream_id, deadline in self.lingering.items() if deadline <= now]

    def clear(self) -> list[StreamState]:
        """Forget all; what was there."""
        states = list(self.by_id.values())
        self.by_id.clear()
        self.lingering.clear()
        return states
