"""Multiaddrs turned into the endpoints that sockets take, and back."""

from __future__ import annotations

import socket

from aiolibp2p.abc.layers.datagrams import Endpoint
from aiolibp2p.errors import Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr


def endpoint_of(address: Multiaddr) -> Endpoint:
    """Return the IP and UDP port that an address begins with; for IPv6 the number of its zone, too.

    Raises UnsupportedAddress for another kind of address, Unreachable for a zone that this machine does not have.
    """
    parts = address.components()
    zone = ""
    if parts and parts[0].name == "ip6zone":
        zone, parts = parts[0].value or "", parts[1:]
    if len(parts) < 2 or parts[1].name != "udp" or parts[0].name not in ("ip4", "ip6") or parts[0].value is None:
        raise UnsupportedAddress(f"{address} does not begin with an IP address and a UDP port")
    ip, port = parts[0].value, int(parts[1].value or 0)
    if parts[0].name == "ip6":
        return ip, port, 0, _scope_id(address, zone)
    if zone:
        raise UnsupportedAddress(f"{address} has a zone before IPv4")
    return ip, port


def address_of(endpoint: Endpoint) -> Multiaddr:
    """Return the address of an endpoint: /ip4 or /ip6, then /udp, a zone before it if it has one."""
    ip = endpoint[0].partition("%")[0]
    scope_id = endpoint[3] if len(endpoint) == 4 else 0
    return Multiaddr.from_ip_port(f"{ip}%{_zone(scope_id)}" if scope_id else ip, "udp", endpoint[1])


def family_of(endpoint: Endpoint) -> socket.AddressFamily:
    """Return the family of a socket that reaches the endpoint."""
    return socket.AF_INET6 if len(endpoint) == 4 else socket.AF_INET


def _scope_id(address: Multiaddr, zone: str) -> int:
    if not zone or zone.isdecimal():
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except OSError as error:
        raise Unreachable(f"{address}: this machine has no interface {zone}") from error


def _zone(scope_id: int) -> str:
    try:
        return socket.if_indextoname(scope_id)
    except OSError:
        return str(scope_id)
