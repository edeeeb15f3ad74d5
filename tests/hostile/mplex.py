"""mplex by a peer of our own: nothing in here knows aiolibp2p."""

from __future__ import annotations

from hostile import wire
from hostile.peer import Frame, Peer
from hostile.wire import FIN, RST, varint

MPLEX = "/mplex/6.7.0"
NEW, MESSAGE, CLOSE, RESET = 0, 1, 3, 5
FLAGS = {CLOSE: FIN, RESET: RST}


def frame(number: int, flag: int, body: bytes = b"") -> bytes:
    """Return a message with these fields, whatever they say."""
    return varint(number << 3 | flag) + varint(len(body)) + body


class MplexPeer(Peer):
    """A `Peer` whose muxer is mplex. A stream's id is twice its number, and one more if we opened it."""

    _next_number = 0
    _echo = 0

    def payload(self) -> bytes:
        """Return the payload with the identity and the wish for mplex."""
        return self.identity.proves(self.static(), (MPLEX,))

    def new_id(self) -> int:
        """An id of ours."""
        self._next_number += 1
        return self._next_number << 1 | 1

    def opening(self, stream_id: int) -> bytes:
        """Return the bytes that open a stream of ours."""
        return frame(stream_id >> 1, NEW)

    def say(self, stream_id: int, kind: int, body: bytes = b"") -> bytes:
        """MESSAGE, CLOSE or RESET on a stream."""
        return frame(stream_id >> 1, kind + (stream_id & 1), body)

    def open(self, protocol_id: str, words: bytes = b"") -> int:
        """Open a stream, with the proposal and these words in its first message."""
        stream_id = self.new_id()
        self.send(self.opening(stream_id), self.say(stream_id, MESSAGE, wire.ask(protocol_id) + words))
        return stream_id

    def ping(self) -> None:
        """A round trip on a stream of its own."""
        if not self._echo:
            self._echo = self.use("/echo/1.0.0")
        self.send(self.say(self._echo, MESSAGE, b"ping"))
        assert self.read(self._echo, 4) == b"ping"

    def read_frame(self) -> Frame:
        """The next message; its effects are noted."""
        head, length = self._read_varint(), self._read_varint()
        number, flag = head >> 3, head & 7
        body = self.read_plain(length)
        if flag == NEW:
            self.arrived.append(number << 1)
            return Frame(flag, 0, number << 1, length, body)
        # Odd flags come from whoever accepted the stream: it is one of ours then.
        stream_id, kind = number << 1 | flag & 1, flag if flag & 1 else flag - 1
        if kind == MESSAGE:
            self.inbox[stream_id] += body
        self.flags[stream_id] |= FLAGS.get(kind, 0)
        return Frame(kind, self.flags[stream_id], stream_id, length, body)

    def _read_varint(self) -> int:
        encoded = self.read_plain(1)
        while encoded[-1] > 127:
            encoded += self.read_plain(1)
        return wire.read_varint(encoded)[0]
