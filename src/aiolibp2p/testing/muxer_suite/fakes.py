"""What surrounds a session: clock, wire, connection and streams, each of which only remembers what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiolibp2p.abc.layers.muxer import MuxerWire
from aiolibp2p.abc.layers.streams import StreamAcceptor, StreamSink
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services import resources
from aiolibp2p.abc.services.resources import ALWAYS
from aiolibp2p.errors import LimitExceeded

UNLIMITED = 2**62
"""More than any test sends or opens."""


@dataclass
class Clock(Runtime):
    """A runtime whose time is set by hand, and whose random bits are zeros."""

    time: float = 0.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def entropy(self, n: int) -> bytes:
        return bytes(n)


@dataclass
class Wire(MuxerWire):
    """Keeps what a session sends, and counts what it asks for."""

    full: bool = False
    sent: bytearray = field(default_factory=bytearray)
    sizes: list[int] = field(default_factory=list)
    """The bytes of each cipher frame, in order."""
    flushes: int = 0
    """Times that a flush was asked for."""
    timeouts_changed: int = 0
    """How often the session said that its deadline had come nearer."""
    path_rtt: float | None = None
    paused: bool = False
    """The session wants no more input for now."""

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def rtt(self) -> float | None:
        return self.path_rtt

    def timeout_changed(self) -> None:
        """Count it in `timeouts_changed`."""
        self.timeouts_changed += 1

    def request_flush(self) -> None:
        self.flushes += 1

    def send(self, plaintext: ByteString) -> None:
        self.sent += plaintext
        self.sizes.append(len(plaintext))

    def send_with_header(self, header: bytes, payload: memoryview) -> None:
        self.sent += header
        self.sent += payload
        self.sizes.append(len(header) + len(payload))


@dataclass
class Scope(resources.Scope):
    """Where a session reserves what is unread, up to a limit."""

    limit: int = UNLIMITED
    """Bytes that may be reserved at once."""
    held: int = 0
    """Bytes reserved and not released."""

    def reserve(self, n: int, priority: int = ALWAYS) -> None:
        assert n > 0, f"{n} bytes cannot be reserved"
        if self.held + n > self.limit:
            raise LimitExceeded(f"{n} bytes more than {self.held} pass the limit of {self.limit}")
        self.held += n

    def release(self, n: int) -> None:
        assert 0 < n <= self.held, f"{n} bytes are released of {self.held} that were reserved"
        self.held -= n

    def done(self) -> None:
        self.held = 0


@dataclass
class Sink(StreamSink):
    """A stream's end: remembers what it was called with."""

    received: bytearray = field(default_factory=bytearray)
    got_eof: bool = False
    reset: tuple[int, str] | None = None
    credits: int = 0
    resets: int = 0
    too_late: list[str] = field(default_factory=list)
    """Calls that came after the end of its input, or of all, in words."""
    is_closed: bool = False
    """Whether the direction in which this end writes has ended."""
    is_given_up: bool = False
    """Whether the user at this end is done with the stream, whatever the peer still sends."""
    read_bytes: int = 0
    """The bytes of `received` that the user at this end has read."""

    @property
    def is_finished(self) -> bool:
        """Whether it counts no more among the streams of its connection."""
        if self.is_given_up:
            return True
        if self.got_eof and self.read_bytes < len(self.received):
            return False  # complete and unread: its user is still to read it, whatever became of the stream
        return self.reset is not None or (self.got_eof and self.is_closed)

    def data_received(self, chunk: ByteString) -> None:
        if self.got_eof or self.reset is not None:
            self.too_late.append(f"{len(chunk)} bytes")
        self.received += chunk

    def eof_received(self) -> None:
        if self.got_eof or self.reset is not None:
            self.too_late.append("the end of input")
        self.got_eof = True

    def reset_received(self, code: int, reason: str) -> None:
        if self.reset is not None:
            self.too_late.append(f"a reset: {reason}")
        self.resets += 1
        self.reset = (code, reason)

    def credit_received(self) -> None:
        if self.reset is not None:
            self.too_late.append("credit")
        self.credits += 1


@dataclass
class Acceptor(StreamAcceptor):
    """A connection: makes sinks for what the peer opens, and counts its calls."""

    sinks: dict[int, Sink] = field(default_factory=dict)
    """The newest sink for each id."""
    accepted: list[Sink] = field(default_factory=list)
    """All sinks, in order."""
    refuse: bool = False
    max_streams: int = UNLIMITED
    """Streams of the peer that are open at once; one more is refused."""
    room_calls: int = 0
    goodbye: int | None = None
    goodbyes: int = 0
    idles: int = 0
    _open: list[Sink] = field(default_factory=list)

    def accept(self, stream_id: int) -> Sink | None:
        """A new sink, or None while `refuse` is set, or when `max_streams` are open."""
        self._open = [sink for sink in self._open if not sink.is_finished]
        if self.refuse or len(self._open) >= self.max_streams:
            return None
        sink = self.sinks[stream_id] = Sink()
        self.accepted.append(sink)
        self._open.append(sink)
        return sink

    def room_for_streams(self) -> None:
        self.room_calls += 1

    def goodbye_received(self, code: int) -> None:
        self.goodbye = code
        self.goodbyes += 1

    def idle(self) -> None:
        self.idles += 1
