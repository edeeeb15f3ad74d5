"""What takes bytes cut anywhere but is no byte machine, in the shape of one, so that cuts.py can feed it.

Their `receive_eof` returns what was read.
"""

from __future__ import annotations

from typing import Any

from aiolibp2p.abc.layers.muxer import Muxer, MuxerSession
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteString, Output
from aiolibp2p.abc.services.resources import NULL_SCOPE
from aiolibp2p.errors import RemoteError
from aiolibp2p.multistream import MessageReader
from aiolibp2p.muxers.yamux.frame_reader import FrameReader
from aiolibp2p.muxers.yamux.frames import ACK, DATA
from aiolibp2p.muxers.yamux.stream_state import StreamState
from aiolibp2p.protocols.identify.messages import IdentifyMessage
from aiolibp2p.protocols.identify.messages import MessageReader as IdentifyReader
from aiolibp2p.testing.muxer_suite import Wire
from aiolibp2p.wire.framing import parse_prefix

FRAMING_LIMIT_BYTES = 300
UNKNOWN_STREAM = 9
LAZY_STREAM = 4
"""Streams with this bit in their id are left unread and open when the peer is done."""
MAX_STREAMS = 4
"""Streams of the peer that the connection of a session takes at once."""


class Adapter:
    """The base of adapters: nothing to send at the start, and `receive_eof` returns the end."""

    def start(self) -> Output[object]:
        return Output()

    def receive_eof(self) -> object:
        return None


class Messages(Adapter):
    """multistream's reader; the events are its messages."""

    def __init__(self) -> None:
        self._reader = MessageReader()

    def receive_data(self, data: ByteString) -> Output[object]:
        self._reader.feed(data)
        return Output(tuple(iter(self._reader.next_message, None)))

    def receive_eof(self) -> object:
        return self._reader.take_rest()


class Framing(Adapter):
    """Length-delimited messages, read as streams do."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive_data(self, data: ByteString) -> Output[object]:
        self._buffer += bytes(data)
        found = []
        while (bounds := parse_prefix(self._buffer[:16], FRAMING_LIMIT_BYTES)) and bounds[1] <= len(self._buffer):
            found.append(self._buffer[bounds[0] : bounds[1]])
            self._buffer = self._buffer[bounds[1] :]
        return Output(tuple(found))

    def receive_eof(self) -> object:
        return self._buffer


class IdentifyParts(Adapter):
    """Identify's reader; its end is the message."""

    def __init__(self) -> None:
        self._reader = IdentifyReader()

    def receive_data(self, data: ByteString) -> Output[object]:
        self._reader.receive_data(bytes(data))
        return Output()

    def receive_eof(self) -> IdentifyMessage:
        return self._reader.finish()


class Frames(Adapter):
    """A cipher, fed as the driver does it; the events are the plaintexts."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._tail = b""
        self._broken = False

    def receive_data(self, data: ByteString) -> Output[object]:
        if self._broken:
            return Output()
        data = self._tail + bytes(data)
        opened: list[bytes] = []
        try:
            self._tail = data[self._cipher.decrypt(memoryview(data), opened.append) :]
        except RemoteError as error:
            # What came before the bad frame was delivered, and must not depend on the cuts.
            self._broken, self._tail = True, b""
            return Output((*opened, str(error)))
        return Output(tuple(opened))

    def receive_eof(self) -> object:
        return self._tail


class YamuxFrames(Adapter):
    """yamux's frame reader; the end is the list of frames it delivered, bodies joined."""

    def __init__(self) -> None:
        self._told: list[tuple[Any, ...]] = []
        self._states: dict[int, StreamState] = {}
        self._reader = FrameReader()

    def receive_data(self, data: ByteString) -> Output[object]:
        self._reader.receive(bytes(data), self)
        return Output()

    def receive_eof(self) -> object:
        return self._told

    def header_received(self, kind: int, flags: int, stream_id: int, length: int) -> StreamState | None:
        self._told.append((kind, flags, stream_id, length))
        if kind != DATA or stream_id == UNKNOWN_STREAM:
            return None
        return self._states.setdefault(stream_id, StreamState(stream_id, None, ACK))

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        assert len(piece)
        if self._told[-1][0] == "body":
            piece = self._told.pop()[2] + bytes(piece)
        self._told.append(("body", state.stream_id, bytes(piece)))

    def fin_received(self, state: StreamState) -> None:
        self._told.append(("fin", state.stream_id))


class StreamEnd:
    """The application's side of a stream: when the peer is done it takes what came, answers and ends too."""

    def __init__(self, log: list[tuple[Any, ...]]) -> None:
        self.stream_id = 0
        self.session: MuxerSession | None = None
        self._log = log
        self._received = 0
        self._ended = False
        self._dead = False

    def data_received(self, chunk: ByteString) -> None:
        assert len(chunk)
        assert not self._dead
        assert not self._ended
        self._received += len(chunk)
        if self._log[-1][:2] == ("data", self.stream_id):
            chunk = self._log.pop()[2] + bytes(chunk)
        self._log.append(("data", self.stream_id, bytes(chunk)))

    def eof_received(self) -> None:
        assert not self._dead
        assert not self._ended, "a stream ended once more"
        assert self.session is not None
        self._ended = True
        self._log.append(("eof", self.stream_id))
        if self.stream_id & LAZY_STREAM:
            return
        self.session.consumed(self.stream_id, self._received)
        self.session.write(self.stream_id, b"answer")
        self.session.close_write(self.stream_id)

    def reset_received(self, code: int, reason: str) -> None:
        assert not self._dead, "a stream that is dead was reset once more"
        self._dead = True
        self._log.append(("reset", self.stream_id, code, reason))

    def credit_received(self) -> None:
        self._log.append(("credit", self.stream_id))

    @property
    def is_over(self) -> bool:
        """Both sides have ended it."""
        return self._dead or (self._ended and not self.stream_id & LAZY_STREAM)


class Session(Adapter):
    """A muxer's session with one stream of its own; the end is what its streams heard, and how many it has."""

    def __init__(self, muxer: Muxer, role: Role) -> None:
        self._wire = Wire()
        self._log: list[tuple[Any, ...]] = [("start",)]
        self._live: list[StreamEnd] = []
        self._session = muxer.start(role, self, self._wire, NULL_SCOPE)
        sink = StreamEnd(self._log)
        sink.session = self._session
        sink.stream_id = self._session.open_stream(sink)
        self._session.write(sink.stream_id, b"hello")

    def start(self) -> Output[object]:
        return Output(to_send=self._take())

    def receive_data(self, data: ByteString) -> Output[object]:
        if self._session.closed and self._log[-1][0] == "violation":
            return Output()
        try:
            self._session.receive_data(bytes(data))
        except RemoteError as error:
            # The farewell must leave; after it the connection ends.
            self._log.append(("violation", str(error)))
        return Output(to_send=self._take())

    def receive_eof(self) -> object:
        count = self._session.stream_count
        self._session.abort("the connection is gone")
        assert self._session.stream_count == 0
        return count, self._log

    def _take(self) -> bytes:
        self._session.flush()
        sent = bytes(self._wire.sent)
        self._wire.sent.clear()
        return sent

    # StreamAcceptor

    def accept(self, stream_id: int) -> StreamEnd | None:
        self._live = [sink for sink in self._live if not sink.is_over]
        if len(self._live) >= MAX_STREAMS:
            return None
        self._log.append(("accept", stream_id))
        if stream_id % 16 > 12:
            return None
        sink = StreamEnd(self._log)
        sink.stream_id, sink.session = stream_id, self._session
        self._live.append(sink)
        return sink

    def room_for_streams(self) -> None:
        self._log.append(("room_for_streams",))

    def goodbye_received(self, code: int) -> None:
        self._log.append(("goodbye", code))

    def idle(self) -> None:
        self._log.append(("idle",))
