"""Addresses as people type them, read with help where they are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiolibp2p.cli.failures import UsageError

if TYPE_CHECKING:
    from aiolibp2p.multiformats.multiaddr import Multiaddr
    from aiolibp2p.peer.peer_id import PeerId

MAX_PORT_DIGITS = 5
"""The most digits that a port has."""

DEFAULT_PORT = 4001
"""The port that examples show: the one libp2p nodes listen on by custom."""

MAX_SHOWN_LENGTH = 512
"""The most characters of a wrong argument that are shown again."""


def parse(text: str) -> Multiaddr:
    """Read a multiaddr. Raises UsageError that points at its wrong part, in one line."""
    from aiolibp2p.errors import InvalidMultiaddr
    from aiolibp2p.multiformats.multiaddr import Multiaddr
    from aiolibp2p.wire.printable import printable

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
    """Read an address to listen on. Raises UsageError where `parse` does, and for one that names a peer."""
    address = parse(text)
    if address.p2p is not None:
        bare = address.without_p2p()
        raise UsageError(f"to listen on {address}, leave out the peer id: --listen {bare} (--identity FILE sets it)")
    return address


def parse_host_port(option: str, text: str, lowest_port: int = 1) -> Multiaddr:
    """Read HOST:PORT as a TCP address; HOST is an IPv4 address, an IPv6 one in brackets, or a name.

    Raises UsageError that points at its wrong part.
    """
    from aiolibp2p.wire.printable import printable

    def wrong(reason: str, part: str = "") -> UsageError:
        where = f" the part '{printable(part, MAX_SHOWN_LENGTH)}'" if part else ""
        return UsageError(
            f"in {option} '{printable(text, MAX_SHOWN_LENGTH)}'{where}{' is wrong' if part else ''}: {reason}"
        )

    if text.startswith("/"):
        raise wrong(f"it takes HOST:PORT, as in {host_port(text)}, not a multiaddr")
    if text.startswith("[") and "]" not in text:
        raise wrong("the ] behind the IPv6 address is missing")
    host, colon, port = text.rpartition(":")
    if not _wrong_with_ipv6(text, bracketed=True) and _wrong_with_ipv6(host, bracketed=True):
        raise wrong(f"it takes HOST:PORT with an IPv6 address in brackets, as in [{text}]:{DEFAULT_PORT}")
    if not colon or text.endswith("]"):
        raise wrong(f"the port is missing; it takes HOST:PORT, as in 127.0.0.1:{DEFAULT_PORT}")
    if not host:
        raise wrong("the host is missing; 127.0.0.1 is this machine, 0.0.0.0 (to listen on) all its addresses")
    if not (_is_port(port) and lowest_port <= int(port) <= 65535):
        raise wrong(f"a port is a number from {lowest_port} to 65535", port) if port else wrong("the port is empty")
    if reason := _wrong_with_host(host):
        raise wrong(reason, host)
    address = _socket_address(host.strip("[]"), int(port))
    if address is None:
        raise wrong("it is no name of a host", host)
    return address


def of_this_machine(found: Sequence[Multiaddr]) -> list[Multiaddr]:
    """Return those of a name's TCP addresses that this machine can listen on; all if it has none of them."""
    return [address for address in found if _can_bind(address)] or list(found)


def _can_bind(address: Multiaddr) -> bool:
    import socket

    kind, ip = str(address).split("/")[1:3]
    with socket.socket(socket.AF_INET6 if kind == "ip6" else socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
    return True


def host_port(multiaddr: str) -> str:
    """Return HOST:PORT for somebody who typed a multiaddr in its place."""
    kind, host, transport, port, *_ = [*multiaddr.split("/")[1:], "", "", "", ""]
    if transport == "tcp" and host and port:
        return f"[{host}]:{port}" if kind == "ip6" else f"{host}:{port}"
    return f"127.0.0.1:{DEFAULT_PORT}"


def _wrong_with_host(host: str) -> str:
    """Return why the text is no host; "" if it is one."""
    import ipaddress

    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed or ":" in host:
        return _wrong_with_ipv6(host[1:-1] if bracketed else host, bracketed)
    if all(character in "0123456789." for character in host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return "it is no IPv4 address: that is four numbers from 0 to 255"
        return ""
    odd = [c for c in host if not (c.isalnum() or c in "-_.")]
    return f"a name does not hold {odd[0]!r}" if odd else ""


def _wrong_with_ipv6(host: str, bracketed: bool) -> str:
    import ipaddress

    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return "it is no IPv6 address; one looks like [2001:db8::1]" if bracketed else "a host has no colon in it"
    if "%" in host:
        return "zones (what is behind the %) are not supported yet"
    return "" if bracketed else f"an IPv6 address goes in brackets: [{host}]"


def _meant(text: str) -> str:
    """Return the multiaddr that somebody who typed something else may have meant; "" when that is not clear."""
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
    """Return the address of a host, by its IP or its name; None when it has none, as a name with a space in it."""
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
