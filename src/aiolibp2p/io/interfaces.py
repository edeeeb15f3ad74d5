"""The addresses of this machine's network interfaces, for which a wildcard listen address stands."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from aiolibp2p.multiformats.multiaddr import Multiaddr

REFRESH_S = 5.0
"""Seconds that the machine's addresses are believed: every identify answer asks for them, and every peer may ask."""

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Interfaces:
    """The addresses of this machine; `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._found: list[IpAddress] = []
        self._stale_at: float | None = None

    def expand(self, address: Multiaddr) -> list[Multiaddr]:
        """Return one address for each interface in place of 0.0.0.0 or ::; any other address stays as it is.

        Loopback comes last. Link-local addresses mean nothing to others and are left out.
        """
        if not address.is_unspecified:
            return [address]
        name = address.protocols()[0]
        version = 4 if name == "ip4" else 6
        rest = str(address).split("/", 3)[3:]
        return [Multiaddr("/".join(["", name, str(ip), *rest])) for ip in self._ips() if ip.version == version]

    def _ips(self) -> list[IpAddress]:
        now = self._now()
        if self._stale_at is None or now >= self._stale_at:
            self._stale_at = now + REFRESH_S
            self._found = sorted(_interface_ips(), key=lambda ip: ip.is_loopback)
        return self._found


def _interface_ips() -> list[IpAddress]:
    import ifaddr

    found: list[IpAddress] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            ip = ipaddress.ip_address(entry.ip if isinstance(entry.ip, str) else entry.ip[0])
            if not ip.is_link_local:
                found.append(ip)
    return found
