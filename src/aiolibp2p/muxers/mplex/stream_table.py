"""The streams of one mplex session, by the names they have here and on the wire. Pure."""

from __future__ import annotations

from aiolibp2p.abc.layers.streams import StreamSink
from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.muxers.mplex import frames
from aiolibp2p.muxers.mplex.stream_state import StreamState


class StreamTable:
    """Streams by id and by key: a peer may use a number of the wire again, our ids are new each time."""

    __slots__ = ("_accepted", "_next_number", "by_id", "by_key")

    def __init__(self) -> None:
        self.by_id: dict[int, StreamState] = {}
        self.by_key: dict[int, StreamState] = {}
        """The streams that the wire may still name, by what it calls them."""
        self._accepted = 0
        self._next_number = 0

    def open(self, sink: StreamSink) -> StreamState:
        """Enter and return a stream of ours. Raises LimitExceeded past the last id."""
        if self._next_number > frames.MAX_STREAM_NUMBER:
            raise LimitExceeded("all stream ids of this connection are used up")
        state = StreamState(self._next_number, sink, is_ours=True)
        self._next_number += 1
        self.by_id[state.stream_id] = self.by_key[state.key] = state
        return state

    def arrived(self, number: int) -> StreamState:
        """Return a stream of the peer, not entered yet. Raises ProtocolViolation if its number is in use."""
        state = StreamState(number, None, is_ours=False)
        if state.key in self.by_key:
            raise ProtocolViolation(f"mplex stream id {number} is open already")
        return state

    def accept(self, state: StreamState) -> None:
        """Enter a stream of the peer, under an id of its own. It has no sink yet."""
        state.stream_id = frames.stream_key(self._accepted, is_ours=False)
        self._accepted += 1
        self.by_id[state.stream_id] = self.by_key[state.key] = state

    def free_number(self, state: StreamState) -> None:
        """Let the peer use the stream's number again."""
        if self.by_key.get(state.key) is state:
            del self.by_key[state.key]

    def remove(self, state: StreamState) -> bool:
        """Take a stream out; return whether it was there."""
        if self.by_id.pop(state.stream_id, None) is None:
            return False
        self.free_number(state)
        return True

    def clear(self) -> list[StreamState]:
        """Take all streams out and return them."""
        states = list(self.by_id.values())
        self.by_id.clear()
        self.by_key.clear()
        return states
