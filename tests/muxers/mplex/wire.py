"""mplex in bytes, by hand."""

from __future__ import annotations

from collections.abc import Iterator

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.multiformats import varint
from aiolibp2p.muxers.mplex import Mplex, MplexConfig
from aiolibp2p.testing.muxer_suite.fakes import UNLIMITED, Clock
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


def end(
    role: Role = Role.RESPONDER, max_streams: int = UNLIMITED, max_unread_bytes: int = UNLIMITED, **limits: float
) -> MuxerEnd:
    """One session, for bytes made by hand: what its acceptor and its scope allow, and its own limits."""
    clock = Clock()
    muxer = Mplex(clock, MplexConfig(**limits))  # type: ignore[arg-type]
    return MuxerEnd(muxer, role, clock, max_streams, max_unread_bytes)


def served(**limits: float) -> MuxerEnd:
    """A session in which the peer has opened stream 0 and sent one byte."""
    ours = end(**limits)
    ours.receive(message(0, NEW) + message(0, MESSAGE_I, b"x"))
    return ours


def pair(max_streams: int = UNLIMITED, max_unread_bytes: int = UNLIMITED, **limits: float) -> MuxerPair:
    """Two sessions over one connection, with the same limits."""
    clock = Clock()
    muxer = Mplex(clock, MplexConfig(**limits))  # type: ignore[arg-type]
    initiator, responder = (
        MuxerEnd(muxer, role, clock, max_streams, max_unread_bytes) for role in (Role.INITIATOR, Role.RESPONDER)
    )
    return MuxerPair(initiator, responder)
