"""Target: a peer that passes the limits of an mplex session. wire.py has its bytes cut anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.muxers.mplex.frames import MAX_STREAM_NUMBER
from fuzz.engine import Target
from muxers.mplex.wire import (
    CLOSE_I,
    MESSAGE_I,
    NEW,
    RESET_I,
    end,
    message,
)

FRAMES = (
    *(message(number, flag, body) for number in (0, 1, 2) for flag in range(7) for body in (b"", b"abc")),
    message(7, NEW), message(7, MESSAGE_I, b"refused"), message(0, 7), b"\x80", b"\xff" * 8, b"\x80\x00",
    message(MAX_STREAM_NUMBER, NEW), message(0, MESSAGE_I)[:-1] + b"\x81\x80\x40", message(0, MESSAGE_I, bytes(20)),
)  # fmt: skip
MAX_PIECE_BYTES = 16
LIMITS = {
    "max_streams": 3,
    "max_unread_stream_bytes": 20,
    "max_unread_bytes": 50,
    "max_dropped_bytes": 10,
    "max_owed_bytes": 40,
}


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield pieces of the data, each as large as the byte before it says."""
    at = 0
    while at < len(data):
        size = data[at] % MAX_PIECE_BYTES
        yield data[at + 1 : at + 1 + size]
        at += 1 + size


def narrow(data: bytes) -> object:
    """A session with small limits: what it holds stays within them, and no reader holds up the others for ever."""
    ours = end(**LIMITS)
    mine = ours.open()
    mine.write(b"hello")
    pauses = 0
    for number, piece in enumerate(pieces(data)):
        ours.wire.full = number % 8 == 7
        ours.receive(piece)
        if ours.error is not None:
            raise ProtocolViolation(str(ours.error))
        pauses += ours.wire.paused
        assert (ours.next_timeout() is not None) >= ours.wire.paused
        assert ours.session.stream_count <= LIMITS["max_streams"] + 1
        live = [sink for sink in (mine.sink, *ours.acceptor.accepted) if sink.reset is None and not sink.got_eof]
        assert sum(len(sink.received) for sink in live) <= LIMITS["max_unread_bytes"]
        assert not any(sink.too_late for sink in (mine.sink, *ours.acceptor.accepted))
    while (due := ours.next_timeout()) is not None:
        ours.clock.time = due
        ours.handle_timeout()
    assert not ours.wire.paused
    return min(pauses, 2), min(len(ours.acceptor.accepted), 4), sum(sink.resets for sink in ours.acceptor.accepted)


TARGETS = (Target("mplex_limits", narrow, (ProtocolViolation,), FRAMES, executions=600, max_bytes=1000),)


def seeds() -> dict[str, dict[str, bytes]]:
    """Readers that stall, one by one and all together, streams past the limit, and one that ends in peace."""
    overrun = {
        "stalled": message(0, NEW) + message(0, MESSAGE_I, bytes(30)),
        "all-unread": b"".join(message(at, NEW) + message(at, MESSAGE_I, bytes(20)) for at in range(3)),
        "refused": b"".join(message(at, NEW) for at in range(40)),
        "used-again": (message(0, NEW) + message(0, MESSAGE_I, b"x") + message(0, RESET_I)) * 2 + message(0, NEW),
        "closed": message(1, NEW) + message(1, MESSAGE_I, b"x") + message(1, CLOSE_I),
    }
    return {"mplex_limits": {name: _in_pieces(data) for name, data in overrun.items()}}


def _in_pieces(data: bytes) -> bytes:
    size = MAX_PIECE_BYTES - 1
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(bytes([len(piece)]) + piece for piece in cut)
