"""What a wildcard listen address stands for on this machine."""

from __future__ import annotations

import ipaddress

from aiolibp2p.multiformats.multiaddr import Multiaddr


def expand_wildcard(address: Multiaddr) -> list[Multiaddr]:
    """0.0.0.0 and :: become one address an interface; any other address stays as it is.

    Loopback comes last. Link-local addresses mean nothing to others and are left out.
    """
    if not address.is_unspecified:
        return [address]
    name = address.protocols()[0]
    rest = str(address).split("/", 3)[3:]
    ips = sorted(_interface_ips(4 if name == "ip4" else 6), key=lambda ip: ip.is_loopback)
    return [Multiaddr("/".join(["", name, str(ip), *rest])) for ip in ips]


def _interface_ips(version: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    import ifaddr

    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            ip = ipaddress.ip_address(text)
            if ip.version == version and not ip.is_link_local:
                found.append(ip)
    return found
