"""Cuts a session's input into headers and pieces of bodies. Pure."""

from __future__ import annotations

from typing import Protocol

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ProtocolViolation
from aiolibp2p.muxers.mplex.frames import MAX_FLAG, MAX_LENGTH_BYTES, MAX_MESSAGE_BYTES, MAX_VARINT_BYTES
from aiolibp2p.muxers.mplex.stream_state import StreamState
from aiolibp2p.muxing.pieces import piece_of

_MORE = 0x80


class FrameHandler(Protocol):
    """What a reader calls at its session."""

    def header_received(self, number: int, flag: int, length: int) -> StreamState | None:
        """A header came; for a message, return the stream whose body follows. Any other body is dropped."""
        ...

    def body_received(self, state: StreamState, piece: ByteString) -> None:
        """Take a piece of the message whose header came last."""
        ...


class FrameReader:
    """Cuts the input of one session; keeps a header at most between two inputs, and passes bodies on as they come."""

    __slots__ = ("_body", "_left", "_partial")

    def __init__(self) -> None:
        self._partial = b""
        self._body: StreamState | None = None
        self._left = 0

    def receive(self, data: bytes, handler: FrameHandler) -> None:
        """Take bytes, cut anywhere, and call the handler. Raises ProtocolViolation for a header that is none."""
        at = 0
        if self._left:
            at = self._pass_on(data, 0, handler)
        elif self._partial:
            data = self._partial + data
            self._partial = b""
        end = len(data)
        while at < end:
            head, body_at = _read_varint(data, at, MAX_VARINT_BYTES, "the id of an mplex message")
            length, body_at = _read_varint(data, body_at, MAX_LENGTH_BYTES, "the length of an mplex message")
            if head < 0 or length < 0:
                self._partial = data[at:]
                return
            if head & 7 > MAX_FLAG:
                raise ProtocolViolation("mplex flag 7, which there is not")
            if length > MAX_MESSAGE_BYTES:
                raise ProtocolViolation(f"mplex message of {length} bytes, at most {MAX_MESSAGE_BYTES} are allowed")
            self._body = handler.header_received(head >> 3, head & 7, length)
            self._left = length
            at = self._pass_on(data, body_at, handler)

    def _pass_on(self, data: bytes, at: int, handler: FrameHandler) -> int:
        n = min(self._left, len(data) - at)
        self._left -= n
        if n and self._body is not None:
            handler.body_received(self._body, piece_of(data, at, n))
        return at + n


def _read_varint(data: bytes, at: int, most: int, what: str) -> tuple[int, int]:
    """Return a number and where it ends; -1 for the number while bytes are missing. Raises ProtocolViolation."""
    end = len(data)
    if at + 1 < end:  # most have one byte or two
        low, high = data[at], data[at + 1]
        if low < _MORE:
            return low, at + 1
        if 0 < high < _MORE:
            return low & 0x7F | high << 7, at + 2
    value = shift = 0
    for position in range(at, min(end, at + most)):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < _MORE:
            if not byte and position > at:
                raise ProtocolViolation(f"{what} is not in its shortest form")
            return value, position + 1
        shift += 7
    if end - at >= most:
        raise ProtocolViolation(f"{what} is longer than {most} bytes")
    return -1, end
