"""Look-ups of names by the system, or at DNS servers. dnspython is loaded with the first question to a server."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiolibp2p.errors import Unreachable

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

_FAMILIES = {"dns": socket.AF_UNSPEC, "dns4": socket.AF_INET, "dns6": socket.AF_INET6}
_RECORDS = {"dns": ("AAAA", "A"), "dns4": ("A",), "dns6": ("AAAA",)}

UDP_PAYLOAD_BYTES = 1232
"""Bytes of the longest answer over UDP (DNS flag day 2020); longer ones come over TCP."""


async def system_ips(kind: str, name: str) -> list[str]:
    """Return the IP addresses of a name as this system resolves it. Raises Unreachable when there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            name, None, family=_FAMILIES[kind], type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise Unreachable(f"{name} does not resolve: {error.strerror or error}") from error
    except UnicodeError as error:
        raise Unreachable(f"{name} does not resolve: not a host name") from error
    return [str(info[4][0]) for info in found]


class NameServerLookup:
    """Questions to DNS servers: those given, or the system's. They wait for ever: bound them from outside."""

    def __init__(self, name_servers: Sequence[str], port: int) -> None:
        self._name_servers = name_servers
        self._port = port

    async def ips(self, kind: str, name: str) -> list[str]:
        """Return the IP addresses of a name. Raises Unreachable when there are none."""
        answers = await asyncio.gather(*(self._records(name, record) for record in _RECORDS[kind]))
        ips = [record.to_text() for answer in answers if not isinstance(answer, Unreachable) for record in answer]
        if not ips:
            raise next(answer for answer in answers if isinstance(answer, Unreachable))
        return ips

    async def texts(self, name: str) -> list[bytes]:
        """Return the TXT records of a name, the strings of each joined. Raises Unreachable when there are none."""
        answer = await self._records(name, "TXT")
        if isinstance(answer, Unreachable):
            raise answer
        return [b"".join(record.strings) for record in answer]

    async def _records(self, name: str, kind: str) -> list[Any] | Unreachable:
        from dns.exception import DNSException

        try:
            # In a thread, since it reads the system's settings.
            resolver = await asyncio.to_thread(self._open)
            from aiolibp2p.swarm.resolver.sockets import SocketBackend

            whole = f"{name.rstrip('.')}."
            return list(await resolver.resolve(whole, kind, lifetime=math.inf, backend=SocketBackend()))
        except (DNSException, OSError) as error:
            return Unreachable(f"{name} does not resolve: {error}")

    def _open(self) -> Resolver:
        from dns.asyncresolver import Resolver

        resolver = Resolver(configure=not self._name_servers)
        if self._name_servers:
            resolver.nameservers = list(self._name_servers)
            resolver.port = self._port
        resolver.use_edns(0, 0, UDP_PAYLOAD_BYTES)
        return resolver
