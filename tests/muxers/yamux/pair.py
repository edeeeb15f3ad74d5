"""One session against hand-made frames, and two against each other."""

from __future__ import annotations

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.muxers.yamux import YamuxConfig, YamuxSession
from aiolibp2p.muxers.yamux.frames import HEADER, HEADER_BYTES
from aiolibp2p.testing.muxer_suite.fakes import UNLIMITED, Acceptor, Clock, Scope, Sink, Wire

__all__ = ["Acceptor", "Clock", "End", "Scope", "Sink", "Wire", "data", "exchange", "frame", "parse"]


class End:
    """A session with its fakes."""

    def __init__(
        self, role: Role, max_streams: int = UNLIMITED, max_unread_bytes: int = UNLIMITED, **limits: float
    ) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.acceptor = Acceptor(max_streams=max_streams)
        self.scope = Scope(max_unread_bytes)
        config = YamuxConfig(**limits)  # type: ignore[arg-type]
        self.session = YamuxSession(role, self.acceptor, self.wire, self.scope, self.clock, config)

    def take(self) -> bytes:
        """What it has sent since the last look."""
        self.session.flush()
        sent = bytes(self.wire.sent)
        self.wire.sent.clear()
        return sent

    def frames(self) -> list[tuple[int, int, int, int, bytes]]:
        """Return the frames that were sent, as (type, flags, id, length, body)."""
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
