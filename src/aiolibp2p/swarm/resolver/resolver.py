"""The resolver of addresses that start with a name."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aiolibp2p.errors import ConfigError, Libp2pError, TimeoutExpired
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.resolver.lookup import NameServerLookup, system_ips
from aiolibp2p.swarm.resolver.resolution import Question, Resolution


@dataclass(frozen=True)
class ResolverConfig:
    """The servers that names are looked up at, and for how long. Raises ConfigError for one that is no IP address."""

    name_servers: Sequence[str] = ()
    """IP addresses of DNS servers for all names; empty: the system's, and its own way with /dns, /dns4 and /dns6."""
    port: int = 53
    """The port at which `name_servers` are asked."""
    timeout_s: float = 5.0
    """Seconds for each question, as a resolv.conf has by default; an address with links takes several in a row."""

    def __post_init__(self) -> None:
        for server in self.name_servers:
            try:
                ipaddress.ip_address(server)
            except ValueError:
                raise ConfigError(f"name server {server!r} is not an IP address") from None


class Resolver:
    """Resolves addresses one by one; nothing is remembered."""

    def __init__(self, config: ResolverConfig | None = None) -> None:
        self._config = config or ResolverConfig()
        self._lookup = NameServerLookup(self._config.name_servers, self._config.port)

    async def resolve(self, address: Multiaddr) -> list[Multiaddr]:
        """Return what an address stands for: itself if it starts with no name; else 1 to 100 addresses, IPv6 first.

        For an address that ends in /p2p, all results end in that /p2p; others keep the one that their /dnsaddr entry
        gives. A part that does not resolve is left out. Raises Unreachable or TimeoutExpired when nothing is found.
        """
        resolution = Resolution(address)
        while questions := resolution.questions():
            resolution.answer(await asyncio.gather(*(self._ask(question) for question in questions)))
        return resolution.results()

    async def _ask(self, question: Question) -> Sequence[str] | Sequence[bytes] | Libp2pError:
        limit = self._config.timeout_s
        try:
            async with asyncio.timeout(limit):
                return await self._answer(question)
        except TimeoutError:
            return TimeoutExpired(f"{question.name} does not resolve: no answer within {limit:g} s")
        except Libp2pError as error:
            return error

    async def _answer(self, question: Question) -> Sequence[str] | Sequence[bytes]:
        if question.kind == "dnsaddr":
            return await self._lookup.texts(f"_dnsaddr.{question.name}")
        if self._config.name_servers:
            return await self._lookup.ips(question.kind, question.name)
        return await system_ips(question.kind, question.name)
