"""mplex in bytes, by hand."""

from __future__ import annotations

from collections.abc import Iterator

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.multiformats import varint
from aiolibp2p.muxers.mplex import Mplex, MplexConfig
from aiolibp2p.testing.muxer_suite.fakes import Clock
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerPair

NEW, MESSAGE_R, MESSAGE_I, CLOSE_R, CLOSE_I, RESET_R, RESET_I = range(7)


def message(number: int, flag: int, body: bytes = b"", length: int | None = None) -> bytes:
    """One message, whatever length it claims."""
    return varint.encode(number << 3 | flag) + varint.encode(len(body) if length is None else length) + body


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, flag and body of each message; the bytes end with one."""
    at = 0
    while at < len(data):
        head, at = varint.decode(data, at)
        length, at = varint.decode(data, at)
        assert at + length <= len(data)
        yield head >> 3, head & 7, data[at : at + length]
        at += length


def end(role: Role = Role.RESPONDER, **limits: float) -> MuxerEnd:
    """One session, for bytes made by hand."""
    clock = Clock()
    return MuxerEnd(Mplex(clock, MplexConfig(**limits)), role, clock)  # type: ignore[arg-type]


def served(**limits: float) -> MuxerEnd:
    """A session in which the peer has opened stream 0 and sent one byte."""
    ours = end(**limits)
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, b"x"))
    return ours


def pair(**limits: float) -> MuxerPair:
    """Two sessions over one connection."""
    clock = Clock()
    muxer = Mplex(clock, MplexConfig(**limits))  # type: ignore[arg-type]
    return MuxerPair(MuxerEnd(muxer, Role.INITIATOR, clock), MuxerEnd(muxer, Role.RESPONDER, clock))
