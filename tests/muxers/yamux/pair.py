"""One session against hand-made frames, and two against each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.abc.security import Role
from aiolibp2p.muxers.yamux import YamuxConfig, YamuxSession
from aiolibp2p.muxers.yamux.frames import HEADER, HEADER_BYTES


@dataclass
class Clock:
    """A runtime whose time is set by hand."""

    time: float = 0.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def entropy(self, n: int) -> bytes:
        return bytes(n)


@dataclass
class Wire:
    """Keeps what a session sends."""

    full: bool = False
    sent: bytearray = field(default_factory=bytearray)
    sizes: list[int] = field(default_factory=list)
    """One for each cipher frame."""
    flushes: int = 0
    path_rtt: float | None = None
    paused: bool = False

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def rtt(self) -> float | None:
        return self.path_rtt

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
class Sink:
    """A stream's end: remembers what it was told."""

    received: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: tuple[int, str] | None = None
    credits: int = 0

    def data_received(self, chunk: ByteString) -> None:
        self.received += chunk

    def eof_received(self) -> None:
        self.ended = True

    def reset_received(self, code: int, reason: str) -> None:
        self.reset = (code, reason)

    def credit_received(self) -> None:
        self.credits += 1


@dataclass
class Acceptor:
    """A connection: makes sinks for what the peer opens."""

    sinks: dict[int, Sink] = field(default_factory=dict)
    refuse: bool = False
    capacities: int = 0
    goodbye: int | None = None
    idles: int = 0
    timeouts_changed: int = 0

    def accept(self, stream_id: int) -> Sink | None:
        if self.refuse:
            return None
        self.sinks[stream_id] = Sink()
        return self.sinks[stream_id]

    def capacity(self) -> None:
        self.capacities += 1

    def said_goodbye(self, code: int) -> None:
        self.goodbye = code

    def idle(self) -> None:
        self.idles += 1

    def timeout_changed(self) -> None:
        self.timeouts_changed += 1


class End:
    """A session with its fakes."""

    def __init__(self, role: Role, **limits: float) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.acceptor = Acceptor()
        config = YamuxConfig(**limits)  # type: ignore[arg-type]
        self.session = YamuxSession(role, self.acceptor, self.wire, self.clock, config)

    def take(self) -> bytes:
        """What it has sent since the last look."""
        self.session.flush()
        sent = bytes(self.wire.sent)
        self.wire.sent.clear()
        return sent

    def frames(self) -> list[tuple[int, int, int, int, bytes]]:
        """The same, as (type, flags, id, length, body)."""
        return parse(self.take())


def frame(kind: int, flags: int, stream_id: int, length: int, body: bytes = b"", version: int = 0) -> bytes:
    """One frame, whatever it says."""
    return HEADER.pack(version, kind, flags, stream_id, length) + body


def data(stream_id: int, body: bytes, flags: int = 0) -> bytes:
    """A DATA frame."""
    return frame(0, flags, stream_id, len(body), body)


def parse(sent: bytes) -> list[tuple[int, int, int, int, bytes]]:
    """All frames in `sent`; it must hold nothing else."""
    found = []
    at = 0
    while at < len(sent):
        _version, kind, flags, stream_id, length = HEADER.unpack_from(sent, at)
        at += HEADER_BYTES
        body = sent[at : at + length] if kind == 0 else b""
        at += len(body)
        found.append((kind, flags, stream_id, length, body))
    assert at == len(sent)
    return found


def exchange(one: End, other: End) -> None:
    """Pass bytes both ways until both are quiet."""
    while True:
        there, back = one.take(), other.take()
        if not there and not back:
            return
        if there:
            other.session.receive_data(there)
        if back:
            one.session.receive_data(back)
