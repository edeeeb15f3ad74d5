"""The Identify message: bytes to what it says, and back (identify/README.md; field 8 and framing as deployed).

On the wire it is one or more protobufs of the same kind, each behind its length as a varint, to be merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiolibp2p.errors import FormatError, ProtocolViolation
from aiolibp2p.multiformats import varint
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.wire.printable import printable

if TYPE_CHECKING:
    from aiolibp2p.protocols.identify.identify_pb2 import Identify

IDENTIFY_ID = "/ipfs/id/1.0.0"
PUSH_ID = "/ipfs/id/push/1.0.0"

MAX_PARTS = 10
"""The most delimited messages on one stream, as in go."""

MAX_PART_BYTES = 8 * 1024
"""The most bytes of one delimited message that we read, as in go."""

MAX_OWN_PART_BYTES = 4 * 1024
"""The most bytes of one delimited message that we send: rust reads no more."""

SINGLE_PART_BYTES = 2 * 1024
"""Bytes up to which all goes in one part; past it the signed record has its own, for peers that read 2 KiB."""

MAX_PROTOCOLS = 1024
"""The most protocol ids taken of a message, far more than a host has services."""

MAX_PROTOCOL_ID_BYTES = 1024
"""The longest protocol id taken, in bytes: a longer one could not be negotiated."""

MAX_ADDRESSES = 500
"""The most addresses taken of a message, as in go; hosts with many interfaces and relays list dozens."""

MAX_VERSION_CHARACTERS = 128
"""The most code points taken of an agent or protocol version: room for a name, a version and a commit."""


_OBSERVED_TAG = b"\x22"  # field 4, bytes


@dataclass(frozen=True)
class IdentifyMessage:
    """The fields of one Identify message. None, or an empty tuple, is what it does not say.

    Addresses that do not parse and protocol ids that could not be negotiated are left out; versions are printable.
    """

    public_key: bytes | None = None
    listen_addresses: tuple[Multiaddr, ...] = ()
    protocols: tuple[str, ...] = ()
    observed_address: Multiaddr | None = None
    protocol_version: str | None = None
    agent_version: str | None = None
    signed_peer_record: bytes | None = None


class MessageReader:
    """The bytes of one stream cut into parts and merged. Pure; holds at most one unfinished part of 8 KiB."""

    def __init__(self) -> None:
        from aiolibp2p.protocols.identify.identify_pb2 import Identify  # slow to load, so on first use

        self._buffer = bytearray()
        self._message = Identify()
        self._parts = 0

    def receive_data(self, data: bytes) -> None:
        """Take bytes, cut anywhere. Raises ProtocolViolation past a limit, or for a part that is no Identify."""
        self._buffer += data
        offset = 0
        while (end := self._part_end(offset)) is not None:
            start, stop = end
            self._merge(bytes(self._buffer[start:stop]))
            offset = stop
        del self._buffer[:offset]

    def _part_end(self, offset: int) -> tuple[int, int] | None:
        try:
            # Of these bytes alone: where the buffer begins depends on how the stream was cut, and errors name offsets.
            length, prefix = varint.decode(self._buffer[offset : offset + varint.MAX_LENGTH])
        except varint.IncompleteVarint:
            return None
        except FormatError as error:
            raise ProtocolViolation(f"identify: {error}") from error
        if length > MAX_PART_BYTES:
            raise ProtocolViolation(f"an identify message of {length} bytes; at most {MAX_PART_BYTES}")
        if self._parts >= MAX_PARTS:
            raise ProtocolViolation(f"more than {MAX_PARTS} identify messages on one stream")
        start = offset + prefix
        return (start, start + length) if start + length <= len(self._buffer) else None

    def _merge(self, part: bytes) -> None:
        from google.protobuf.message import DecodeError

        self._parts += 1
        try:
            self._message.MergeFromString(part)
        except DecodeError as error:
            raise ProtocolViolation("the identify message is no protobuf of that kind") from error

    def finish(self) -> IdentifyMessage:
        """Return the message at the end of the stream. Raises ProtocolViolation inside a part, or before the first."""
        if self._buffer:
            raise ProtocolViolation("the stream ended inside an identify message")
        if not self._parts:
            raise ProtocolViolation("the stream ended without an identify message")
        return _read(self._message)


def _read(message: Identify) -> IdentifyMessage:
    return IdentifyMessage(
        public_key=message.public_key if message.HasField("public_key") else None,
        listen_addresses=tuple(_addresses(message.listen_addresses[:MAX_ADDRESSES])),
        protocols=tuple(_protocols(message.protocols)),
        observed_address=_address(message.observed_address),
        protocol_version=_version(message.protocol_version) if message.HasField("protocol_version") else None,
        agent_version=_version(message.agent_version) if message.HasField("agent_version") else None,
        signed_peer_record=message.signed_peer_record or None,
    )


def _address(data: bytes) -> Multiaddr | None:
    try:
        return Multiaddr(data)
    except FormatError:
        return None


def _addresses(items: Iterable[bytes]) -> Iterable[Multiaddr]:
    parsed = (_address(item) for item in items)
    return dict.fromkeys(address for address in parsed if address is not None)


def _protocols(items: Iterable[bytes]) -> Iterable[str]:
    found: dict[str, None] = {}
    for item in items:
        if len(found) >= MAX_PROTOCOLS:
            break
        text = item.decode("utf-8", errors="replace") if len(item) <= MAX_PROTOCOL_ID_BYTES else ""
        # What was replaced could not be asked for by its right name.
        if text and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text:
            found[text] = None
    return found


def _version(data: bytes) -> str:
    # Four bytes are the longest code point, so the rest cannot matter.
    return printable(data[: 4 * MAX_VERSION_CHARACTERS].decode("utf-8", errors="replace"), MAX_VERSION_CHARACTERS)


def encode_parts(message: IdentifyMessage) -> list[bytes]:
    """Return the message as parts of at most 4 KiB, lengths not included; what does not fit ten of them is left out.

    One part up to 2 KiB in all. Past it the signed record has a part of its own, and protocols and addresses
    fill as many as they need.
    """
    return with_observed(_with_record(message), message.observed_address)


def _with_record(message: IdentifyMessage) -> list[bytes]:
    from aiolibp2p.protocols.identify.identify_pb2 import Identify

    parts = _without_record(message)
    record = Identify(signed_peer_record=message.signed_peer_record).SerializeToString()
    if len(parts) == 1 and len(parts[0]) + len(record) <= SINGLE_PART_BYTES:
        return [parts[0] + record]
    if not record or len(record) > MAX_OWN_PART_BYTES:
        return parts
    return [*parts[: MAX_PARTS - 1], record]


def _without_record(message: IdentifyMessage) -> list[bytes]:
    """Return the parts of a message without the signed record and the observed address.

    Encoded fields may simply follow one another: that is how protobufs merge.
    """
    from aiolibp2p.protocols.identify.identify_pb2 import Identify

    protocol, agent = message.protocol_version, message.agent_version
    head = Identify(
        public_key=message.public_key,
        protocol_version=None if protocol is None else protocol.encode(),
        agent_version=None if agent is None else agent.encode(),
    )
    fields = [Identify(listen_addresses=[address.to_bytes()]) for address in message.listen_addresses]
    fields += [Identify(protocols=[text.encode()]) for text in message.protocols]
    parts = [bytearray(head.SerializeToString())]
    for field in fields:
        encoded = field.SerializeToString()
        if len(parts[-1]) + len(encoded) > MAX_OWN_PART_BYTES:
            if len(parts) == MAX_PARTS:
                break
            parts.append(bytearray())
        parts[-1] += encoded
    return [bytes(part) for part in parts]


def with_observed(parts: Sequence[bytes], observed: Multiaddr | None) -> list[bytes]:
    """Return the parts with the observed address in the first that has room for it: fields may stand in any order."""
    whole = list(parts)
    if observed is None:
        return whole
    value = observed.to_bytes()
    field = _OBSERVED_TAG + varint.encode(len(value)) + value
    for number, part in enumerate(whole):
        if len(part) + len(field) <= (SINGLE_PART_BYTES if number == 0 and len(whole) == 1 else MAX_OWN_PART_BYTES):
            whole[number] = part + field
            return whole
    return [*whole, field] if len(whole) < MAX_PARTS else whole


def delimit(parts: Sequence[bytes]) -> bytes:
    """Return the parts as they go onto a stream, each behind its length."""
    return b"".join(varint.encode(len(part)) + part for part in parts)
