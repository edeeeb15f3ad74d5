"""The streams of one session, and what of them is limited. Pure."""

from __future__ import annotations

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.streams import StreamSink
from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.muxers.yamux.frames import ACK, MAX_U32, SYN
from aiolibp2p.muxers.yamux.stream_state import StreamState
from aiolibp2p.muxing.unread import UnreadBytes


class StreamTable:
    """Streams by id, with counts of what they cost."""

    __slots__ = (
        "_max_unacknowledged",
        "_next_id",
        "_remote_parity",
        "by_id",
        "lingering",
        "unacknowledged",
        "unread",
    )

    def __init__(self, role: Role, max_unacknowledged: int, unread: UnreadBytes) -> None:
        self.by_id: dict[int, StreamState] = {}
        self.unacknowledged = 0
        """`unacknowledged`: streams of ours that the peer has not answered."""
        self.unread = unread
        """`unread`: the bytes that all sinks hold."""
        self.lingering: dict[int, float] = {}
        """Streams nobody reads any more, which wait for the peer's FIN: when to stop waiting, soonest first."""
        self._max_unacknowledged = max_unacknowledged
        self._next_id, self._remote_parity = (1, 0) if role is Role.INITIATOR else (2, 1)

    def open(self, sink: StreamSink) -> StreamState:
        """Enter and return a stream of ours. Raises LimitExceeded past the ACK backlog, or when all ids are used up."""
        if self.unacknowledged >= self._max_unacknowledged:
            raise LimitExceeded(f"{self.unacknowledged} streams wait for the peer to accept them")
        stream_id = self._next_id
        if stream_id > MAX_U32:
            raise LimitExceeded("all stream ids of this connection are used up")
        self._next_id = stream_id + 2
        state = self.by_id[stream_id] = StreamState(stream_id, sink, SYN)
        self.unacknowledged += 1
        return state

    def check_inbound(self, stream_id: int) -> None:
        """Raise ProtocolViolation for an id that the peer may not open a stream with."""
        if stream_id & 1 != self._remote_parity or stream_id == 0:
            raise ProtocolViolation(f"stream id {stream_id} is not the peer's to open")
        if stream_id in self.by_id:
            raise ProtocolViolation(f"stream id {stream_id} is open already")

    def accept(self, stream_id: int) -> StreamState:
        """Enter and return a stream of the peer, whose id was checked. It has no sink yet."""
        state = self.by_id[stream_id] = StreamState(stream_id, None, ACK)
        return state

    def remove(self, state: StreamState) -> bool:
        """Take a stream out, with what it counts; return whether it was there."""
        if self.by_id.pop(state.stream_id, None) is None:
            return False
        if unread := state.unread:
            self.unread.release(unread)
        self.lingering.pop(state.stream_id, None)
        state.sink = None
        self.acknowledge(state)
        return True

    def acknowledge(self, state: StreamState) -> bool:
        """Count a stream as answered, or gone; return whether it was not before."""
        if state.acknowledged:
            return False
        state.acknowledged = True
        self.unacknowledged -= 1
        return True

    def linger(self, state: StreamState, deadline: float) -> bool:
        """Wait for the peer's FIN until `deadline`, the latest so far; return whether no other stream waits."""
        self.lingering[state.stream_id] = deadline
        return len(self.lingering) == 1

    def expired(self, now: float) -> list[int]:
        """Return the streams whose deadline has come."""
        return [stream_id for stream_id, deadline in self.lingering.items() if deadline <= now]

    def clear(self) -> list[StreamState]:
        """Take all streams out and return them."""
        states = list(self.by_id.values())
        self.by_id.clear()
        self.lingering.clear()
        self.unread.release_all()
        return states
