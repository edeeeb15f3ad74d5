"""Messages of multistream-select: length (uvarint, counting the newline), UTF-8 text, newline."""

from __future__ import annotations

from collections.abc import Sequence

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ConfigError, FormatError, LimitExceeded, ProtocolViolation
from aiolibp2p.multiformats import varint

MAX_MESSAGE_BYTES = 1024
"""The longest message, newline included and length prefix excluded; go and js draw the same line."""

PROTOCOL_ID = "/multistream/1.0.0"
"""The protocol id that both sides send first."""

HEADER = b"\x13/multistream/1.0.0\n"
"""The first message of either side, encoded."""

NA = b"\x03na\n"
"""The answer to a proposal that is not available, encoded."""

LS = "ls"
"""The message that asks for the list of protocols."""

_LONGEST_PREFIX = 2  # bytes: a length up to MAX_MESSAGE_BYTES needs no more
_NEWLINE = 10


def encode_message(text: str) -> bytes:
    """Return one message, encoded.

    Raises LimitExceeded when it would be longer than `MAX_MESSAGE_BYTES`, ConfigError when `text` is not encodable as
    UTF-8 (a lone surrogate).
    """
    try:
        body = text.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise ConfigError(f"the protocol id {text!r} cannot be encoded: {error.reason}") from None
    if len(body) > MAX_MESSAGE_BYTES:
        raise LimitExceeded(f"a protocol id of {len(body)} bytes exceeds MAX_MESSAGE_BYTES ({MAX_MESSAGE_BYTES})")
    return varint.encode(len(body)) + body


def encode_list(protocols: Sequence[str]) -> bytes:
    """Return the answer to `ls`: one message around the messages of the protocols, as rust and js nest it.

    Holds as many of `protocols`, in their order, as fit into `MAX_MESSAGE_BYTES`.
    """
    body = b""
    for protocol_id in protocols:
        message = encode_message(protocol_id)
        if len(body) + len(message) + 1 > MAX_MESSAGE_BYTES:
            break
        body += message
    return varint.encode(len(body) + 1) + body + b"\n"


class MessageReader:
    """A byte stream cut into messages. Keeps no more than one unfinished message between calls."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: ByteString) -> None:
        """Take bytes, cut anywhere; then call `next_message` until it returns None."""
        self._buffer += data

    def may_be(self, message: bytes) -> bool:
        """Return whether the bytes that are here so far could be the beginning of `message`, encoded."""
        start = self._buffer[: len(message)]
        return message.startswith(start)

    def next_message(self) -> str | None:
        """Return the next whole message without its newline, or None when more bytes are needed.

        Raises ProtocolViolation for a length of zero, over `MAX_MESSAGE_BYTES` or not minimally encoded, a missing
        newline, and text that is not UTF-8.
        """
        buffer = self._buffer
        if not buffer:
            return None
        try:
            length, start = varint.decode(bytes(buffer[:_LONGEST_PREFIX]), 0)
        except varint.IncompleteVarint:
            if len(buffer) < _LONGEST_PREFIX:
                return None
            raise ProtocolViolation(f"multistream message of more than {MAX_MESSAGE_BYTES} bytes") from None
        except FormatError as error:
            raise ProtocolViolation(f"multistream message with a bad length: {error}") from None
        if length == 0:
            raise ProtocolViolation("multistream message of length 0")
        if length > MAX_MESSAGE_BYTES:
            raise ProtocolViolation(f"multistream message of {length} bytes, at most {MAX_MESSAGE_BYTES} are allowed")
        end = start + length
        if len(buffer) < end:
            return None
        if buffer[end - 1] != _NEWLINE:
            raise ProtocolViolation("multistream message without a newline at its end")
        try:
            text = buffer[start : end - 1].decode()
        except UnicodeDecodeError:
            raise ProtocolViolation("multistream message that is not UTF-8") from None
        del buffer[:end]
        return text

    def take_rest(self) -> bytes:
        """Return the bytes behind the last message returned; the reader is empty afterwards."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest
