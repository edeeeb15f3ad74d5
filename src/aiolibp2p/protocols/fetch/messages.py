"""Requests and responses of fetch: bytes to what they say, and back (fetch/README.md, r1).

Each goes onto the stream behind its length as a varint; the specification does not say so, everybody does it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from aiolibp2p.errors import ProtocolViolation, RemoteError

FETCH_ID = "/libp2p/fetch/0.0.1"

MAX_KEY_BYTES = 64 * 1024
"""The longest key that is served and asked for unless told otherwise: a key is a name, and this is 16 file paths."""

MAX_VALUE_BYTES = 4 * 1024 * 1024 - 64 * 1024
"""The longest value that is served and taken unless told otherwise: js (4.1.11) reads no message of 4 MiB or more.

go (go-libp2p-pubsub-router) takes messages of 1 MiB.
"""

ENVELOPE_BYTES = 64
"""Bytes of a message beside its key or value: two fields take twelve, and there is room for unknown ones."""

MAX_REASON_BYTES = 256
"""The most bytes of the words that go along with an error: a line or two for a log."""


class FetchFailed(RemoteError):
    """A peer could not look up the key that it was asked for; `reason` is what it said of it, in printable text."""

    def __init__(self, peer: object, key: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"peer {peer} could not look up {key}{f': {reason}' if reason else ''}")


class Status(enum.IntEnum):
    """How a lookup ended."""

    OK = 0
    NOT_FOUND = 1
    ERROR = 2


@dataclass(frozen=True)
class Response:
    """An answer: with OK, `data` is the value; with ERROR, words about it in UTF-8; otherwise it means nothing."""

    status: Status
    data: bytes = b""


def encode_request(key: bytes) -> bytes:
    """Return the request for a key, without the length before it."""
    from aiolibp2p.protocols.fetch.fetch_pb2 import FetchRequest  # slow to load, so on first use

    return FetchRequest(identifier=key).SerializeToString()


def decode_request(data: bytes) -> bytes:
    """Return the key that is asked for; one that is absent is empty. Raises ProtocolViolation."""
    from google.protobuf.message import DecodeError

    from aiolibp2p.protocols.fetch.fetch_pb2 import FetchRequest

    try:
        return FetchRequest.FromString(data).identifier
    except DecodeError as error:
        raise ProtocolViolation("fetch: the request is no protobuf of that kind") from error


def encode_response(response: Response) -> bytes:
    """Return the message, without the length before it. The status is always written, OK too."""
    from aiolibp2p.protocols.fetch.fetch_pb2 import FetchResponse

    return FetchResponse(status=response.status.name, data=response.data or None).SerializeToString()


def decode_response(data: bytes) -> Response:
    """Return what the message says; a status that is absent is OK. Raises ProtocolViolation, for an unknown one too."""
    from google.protobuf.message import DecodeError

    from aiolibp2p.protocols.fetch.fetch_pb2 import FetchResponse

    try:
        message = FetchResponse.FromString(data)
    except DecodeError as error:
        raise ProtocolViolation("fetch: the response is no protobuf of that kind") from error
    try:
        status = Status(message.status)
    except ValueError as error:
        raise ProtocolViolation(f"fetch: the response has the unknown status {message.status}") from error
    return Response(status, message.data)
