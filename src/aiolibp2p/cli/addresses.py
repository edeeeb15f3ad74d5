"""Addresses as people type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiolibp2p.cli.failures import UsageError

if TYPE_CHECKING:
    from aiolibp2p.multiformats.multiaddr import Multiaddr
    from aiolibp2p.peer.peer_id import PeerId

MAX_PORT_DIGITS = 5
"""Digits that can be a port."""

MAX_SHOWN_LENGTH = 512
"""Characters of a wrong argument that are shown again."""


def parse(text: str) -> Multiaddr:
    """The address. Raises UsageError that points at its wrong part, in one line."""
    from aiolibp2p.errors import InvalidMultiaddr
    from aiolibp2p.io.printable import printable
    from aiolibp2p.multiformats.multiaddr import Multiaddr

    try:
        return Multiaddr(text)
    except InvalidMultiaddr as error:
        given = printable(text, MAX_SHOWN_LENGTH)
        reason = _meant(text) or printable(error.reason, MAX_SHOWN_LENGTH)
        part = printable((error.text or "")[error.start : error.end], MAX_SHOWN_LENGTH)
        # The part says something only when it is neither all nor a mere slash.
        if text.startswith("/") and part.strip("/") and part != given:
            raise UsageError(f"in '{given}' the part '{part}' is wrong: {reason}") from None
        raise UsageError(f"'{given}' is no multiaddr: {reason}") from None


def parse_listen(text: str) -> Multiaddr:
    """An address to listen on. Raises UsageError as `parse` does, and for one that names a peer."""
    address = parse(text)
    if address.p2p is not None:
        bare = address.without_p2p()
        raise UsageError(f"to listen on {address}, leave out the peer id: --listen {bare} (--identity FILE sets it)")
    return address


def _meant(text: str) -> str:
    """What somebody who typed something else than a multiaddr may have meant; "" when that is not clear."""
    if not text.strip("/ "):
        return "it is empty; an address looks like /ip4/127.0.0.1/tcp/4001"
    if text.startswith("/"):
        return ""
    host, colon, port = text.strip().rpartition(":")
    if colon and _is_port(port) and (address := _socket_address(host.strip("[]"), int(port))):
        return f"did you mean {address}?"
    if peer := _peer_id(text):
        return f"it is a peer id, and where it can be reached is missing: /ip4/.../tcp/.../p2p/{peer}"
    return ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_PORT_DIGITS


def _socket_address(host: str, port: int) -> Multiaddr | None:
    """The address of a host, by its IP or its name; None when it has none, as a name with a space in it."""
    from aiolibp2p.errors import InvalidMultiaddr
    from aiolibp2p.multiformats.multiaddr import Multiaddr

    try:
        return Multiaddr.from_ip_port(host, "tcp", port)
    except InvalidMultiaddr:
        pass
    try:
        return Multiaddr(f"/dns/{host}/tcp/{port}")
    except InvalidMultiaddr:
        return None


def _peer_id(text: str) -> PeerId | None:
    from aiolibp2p.errors import FormatError
    from aiolibp2p.peer.peer_id import PeerId

    try:
        return PeerId.parse(text)
    except FormatError:
        return None
