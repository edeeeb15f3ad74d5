"""Names in multiaddrs: /dns, /dns4 and /dns6 become ip4 and ip6 (addressing/README.md, "DNS addresses")."""

from __future__ import annotations

import asyncio
import socket

from aiolibp2p.errors import Unreachable, UnsupportedAddress
from aiolibp2p.multiformats.multiaddr import Multiaddr

MAX_RESULTS = 16

_FAMILIES = {"dns": socket.AF_UNSPEC, "dns4": socket.AF_INET, "dns6": socket.AF_INET6}


async def resolve(address: Multiaddr) -> list[Multiaddr]:
    """The address with its leading name resolved, IPv6 first; itself when it starts with no name.

    Only the name changes, the rest stays as it is. Raises Unreachable when the name does not resolve.
    """
    first = address.components()[0]
    if first.name == "dnsaddr":
        raise UnsupportedAddress("dnsaddr is not resolved yet; give an address with ip4, ip6 or dns")
    family = _FAMILIES.get(first.name)
    if family is None or first.value is None:
        return [address]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(first.value, None, family=family, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{first.value} does not resolve: {error.strerror or error}") from error
    ips = dict.fromkeys(str(info[4][0]) for info in found)
    rest = str(address).split("/", 3)[3:]
    ordered = sorted(ips, key=lambda ip: ":" not in ip)[:MAX_RESULTS]
    return [Multiaddr("/".join(["", "ip6" if ":" in ip else "ip4", ip, *rest])) for ip in ordered]
