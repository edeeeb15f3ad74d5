"""Multiaddrs between text and bytes, and where the components of the bytes lie.

Addressing r0; the binary form is, for each component, the varint code, for some a varint length, and the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from aiolibp2p.errors import FormatError, InvalidMultiaddr
from aiolibp2p.multiformats import varint
from aiolibp2p.multiformats.multiaddr.protocols import (
    BY_CODE,
    BY_CODE_BYTES,
    VARIABLE,
    AddressProtocol,
    UnknownProtocol,
    protocol_by_name,
)

MAX_LENGTH = 4096
"""The longest address in binary, in bytes.

No specification has a limit; the longest that peers announce, through a relay over WebTransport with two certificate
hashes, has about 300.
"""

MAX_COMPONENTS = 64
"""The most components an address has. No specification has a limit; a relayed WebTransport address has about ten."""

MAX_TEXT_LENGTH = 16384
"""The longest text that is read, in characters: four for a byte of the binary form, since an escaped path takes three.
"""

Span: TypeAlias = tuple[AddressProtocol, int, int, int]
"""A component's protocol and where it starts, where its value starts, and where both end (bytes)."""


@dataclass(frozen=True)
class Component:
    """One part of an address: `/tcp/80` has name "tcp", code 6, value "80" and raw b"\\x00\\x50".

    `value` is None for protocols without one; `raw` is the value's bytes alone, without code and length.
    """

    name: str
    code: int
    value: str | None
    raw: bytes


def scan(data: bytes) -> tuple[Span, ...]:
    """Where the components of a binary address lie, all of them valid; raises InvalidMultiaddr, UnknownProtocol."""
    if len(data) > MAX_LENGTH:
        raise InvalidMultiaddr(f"{len(data)} bytes are over the limit of {MAX_LENGTH}", None, 0, len(data))
    spans: list[Span] = []
    position = 0
    while position < len(data):
        if spans and spans[-1][0].is_path:
            raise InvalidMultiaddr(f"bytes follow the path that ends at byte {position}", None, position, len(data))
        if len(spans) == MAX_COMPONENTS:
            raise InvalidMultiaddr(f"more than {MAX_COMPONENTS} components", None, position, len(data))
        span = _scan_component(data, position)
        spans.append(span)
        position = span[3]
    return tuple(spans)


def join(protocol: AddressProtocol, value: bytes) -> bytes:
    """The bytes of one component. Nothing is checked: `scan` the address they become part of."""
    length = varint.encode(len(value)) if protocol.size == VARIABLE else b""
    return protocol.code_bytes + length + value


def component(data: bytes, span: Span) -> Component:
    """The component at a span of a scanned address."""
    protocol, _, start, end = span
    raw = data[start:end]
    return Component(protocol.name, protocol.code, protocol.codec.to_text(raw) if protocol.codec else None, raw)


def to_text(data: bytes, spans: tuple[Span, ...]) -> str:
    """The canonical text of a scanned address."""
    parts = []
    for protocol, _, start, end in spans:
        parts.append("/" + protocol.name)
        if protocol.codec is not None:
            value = protocol.codec.to_text(data[start:end])
            parts.append(value if protocol.is_path else "/" + value)
    return "".join(parts)


def to_bytes(text: str) -> bytes:
    """The binary form of a text address; raises InvalidMultiaddr, its offsets counting characters of `text`."""
    if len(text) > MAX_TEXT_LENGTH:
        shown = text[:64] + "..."
        raise InvalidMultiaddr(f"{len(text)} characters are over the limit of {MAX_TEXT_LENGTH}", shown, 0, len(shown))
    body = text.rstrip("/")
    if not body:
        raise InvalidMultiaddr("no component", text, 0, len(text))
    if body[0] != "/":
        raise InvalidMultiaddr("an address starts with a slash, as /ip4/127.0.0.1/tcp/4001 does", text, 0, 1)
    encoded = bytearray()
    position = count = 0
    while position < len(body):
        count += 1
        part, position = _read_component(text, body, position + 1)
        encoded += part
    if len(encoded) > MAX_LENGTH or count > MAX_COMPONENTS:
        limits = f"{MAX_LENGTH} bytes or {MAX_COMPONENTS} components"
        raise InvalidMultiaddr(f"the address is over the limit of {limits}", text, 0, len(text))
    return bytes(encoded)


def _scan_component(data: bytes, position: int) -> Span:
    protocol = BY_CODE_BYTES.get(data[position : position + (1 if data[position] < 0x80 else 2)])
    if protocol is None:
        protocol, start = _scan_long_code(data, position)
    else:
        start = position + len(protocol.code_bytes)
    size = protocol.size
    if size == 0:
        return protocol, position, start, start
    if size == VARIABLE:
        size, start = _scan_varint(data, start)
        if size == 0:
            raise InvalidMultiaddr(f"{_lack(protocol)} at byte {start}", None, position, start)
    end = start + size
    if end > len(data):
        reason = f"{protocol.name} at byte {position} needs {size} bytes, {len(data) - start} follow"
        raise InvalidMultiaddr(reason, None, position, len(data))
    if protocol.codec is not None and protocol.codec.check is not None:
        try:
            protocol.codec.check(data[start:end])
        except FormatError as error:
            raise InvalidMultiaddr(f"{protocol.name} at byte {position}: {error}", None, start, end) from None
    return protocol, position, start, end


def _scan_long_code(data: bytes, position: int) -> tuple[AddressProtocol, int]:
    code, start = _scan_varint(data, position)
    protocol = BY_CODE.get(code)
    if protocol is None:
        raise UnknownProtocol(code, None, position, start)
    return protocol, start


def _scan_varint(data: bytes, position: int) -> tuple[int, int]:
    try:
        return varint.decode(data, position)
    except FormatError as error:
        raise InvalidMultiaddr(str(error), None, position, len(data)) from None


def _read_component(text: str, body: str, start: int) -> tuple[bytes, int]:
    """The bytes of the component whose name starts at `start`, and where it ends; `body` is what counts of `text`."""
    name_end = _next_slash(body, start)
    name = body[start:name_end]
    protocol = protocol_by_name(name)
    if not name:
        raise InvalidMultiaddr("two slashes in a row: a protocol name is missing", text, start - 1, start + 1)
    if protocol is None:
        raise UnknownProtocol(name, text, start, name_end)
    if protocol.codec is None:
        return protocol.code_bytes, name_end
    value_start, value_end = name_end + 1, _next_slash(body, name_end + 1)
    if protocol.is_path:
        value_start, value_end = name_end, len(body)
    if value_start >= value_end:
        raise InvalidMultiaddr(_lack(protocol), text, start, name_end)
    try:
        value = protocol.codec.to_bytes(body[value_start:value_end])
    except FormatError as error:
        raise InvalidMultiaddr(str(error), text, value_start, value_end) from None
    return join(protocol, value), value_end


def _next_slash(body: str, start: int) -> int:
    found = body.find("/", start)
    return len(body) if found < 0 else found


def _lack(protocol: AddressProtocol) -> str:
    noun = protocol.codec.noun if protocol.codec else "value"
    return f"{protocol.name} lacks its {noun}"
