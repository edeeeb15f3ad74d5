"""Cuts a session's input into headers and pieces of bodies. Pure."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.muxers.yamux.frames import DATA, FIN, HEADER, HEADER_BYTES
from aiolibp2p.muxers.yamux.stream_state import StreamState
from aiolibp2p.muxing.pieces import COPY_BELOW_BYTES, piece_of


class FrameHandler(Protocol):
    """What a reader calls at its session."""

    def header_received(self, kind: int, flags: int, stream_id: int, length: int) -> StreamState | None:
        """A header came; for DATA, return the stream whose body follows, or None to drop the body."""
        ...

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        """Take a piece of the body of the DATA frame whose header came last."""
        ...

    def fin_received(self, state: StreamState) -> None:
        """The body of a DATA frame with FIN has come whole."""
        ...


class FrameReader:
    """Cuts the input of one session; keeps a header at most between two inputs, and passes bodies on as they come."""

    __slots__ = ("_body", "_fin", "_left", "_partial")

    def __init__(self) -> None:
        self._partial = b""
        self._body: StreamState | None = None
        self._left = 0
        self._fin = False

    def receive(self, data: bytes, handler: FrameHandler) -> None:
        """Take bytes, cut anywhere, and call the handler. Raises ProtocolViolation for a header that is none."""
        at = 0
        if self._left:
            at = self._pass_on(data, 0, handler)
        elif self._partial:
            data = self._partial + data
            self._partial = b""
        size = len(data)
        end = size - HEADER_BYTES
        while at <= end:
            version, kind, flags, stream_id, length = HEADER.unpack_from(data, at)
            at += HEADER_BYTES
            if version:
                raise ProtocolViolation(f"yamux version {version}, not 0")
            state = handler.header_received(kind, flags, stream_id, length)
            if kind != DATA:
                continue
            stop = at + length
            if stop > size or length >= COPY_BELOW_BYTES or flags & FIN:
                self._body, self._left, self._fin = state, length, bool(flags & FIN)
                at = self._pass_on(data, at, handler)
                continue
            # Whole and small, as most are: nothing is to be remembered.
            if length and state is not None:
                handler.body_received(state, data[at:stop])
            at = stop
        if at < size:
            self._partial = data[at:]

    def _pass_on(self, data: bytes, at: int, handler: FrameHandler) -> int:
        n = min(self._left, len(data) - at)
        self._left -= n
        if n and self._body is not None:
            handler.body_received(self._body, piece_of(data, at, n))
        if not self._left and self._fin:
            self._fin = False
            if self._body is not None:
                handler.fin_received(self._body)
        return at + n

    @property
    def is_last_frame(self) -> bool:
        """Whether the DATA frame at hand carries a FIN."""
        return self._fin

    def forget(self, state: StreamState) -> None:
        """Drop what is still to come of the body at hand, if it is for this stream: the stream is gone."""
        if self._body is state:
            self._body = None
