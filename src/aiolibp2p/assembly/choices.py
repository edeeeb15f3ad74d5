"""The table of choices: everything that an option takes by name, what makes it, and what its user should be warned of.

The command line reads the same table. What few hosts ask for is imported when it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.security import Security
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.service import Service
from aiolibp2p.assembly.config import Limits
from aiolibp2p.muxers.mplex import Mplex
from aiolibp2p.muxers.yamux import Yamux
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.protocols.identify import Identify, IdentifyConfig
from aiolibp2p.protocols.observed_addresses import ObservedAddresses
from aiolibp2p.protocols.ping import Ping
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.tls import TlsSecurity
from aiolibp2p.transports.tcp import TcpTransport

PartT = TypeVar("PartT")
PartT_co = TypeVar("PartT_co", covariant=True)


@dataclass(frozen=True)
class Ingredients:
    """What a part of a host may be made from."""

    key: PrivateKey
    runtime: Runtime
    limits: Limits
    agent_version: str


@dataclass(frozen=True)
class Choice(Generic[PartT_co]):
    """One row of the table."""

    make: Callable[[Ingredients], PartT_co]
    warning: str = ""
    """Logged for each host that has it; what a user should know before."""


def _plaintext(given: Ingredients) -> Security:
    from aiolibp2p.security.plaintext import PlaintextSecurity

    return PlaintextSecurity(given.key)


def _secio(given: Ingredients) -> Security:
    from aiolibp2p.security.secio import SecioSecurity

    return SecioSecurity(given.key, given.runtime.entropy)


SECURITIES: Mapping[str, Choice[Security]] = {
    "noise": Choice(lambda given: NoiseSecurity(given.key, given.runtime.entropy)),
    "tls": Choice(lambda given: TlsSecurity(given.key, given.runtime.wall)),
    "plaintext": Choice(
        _plaintext, "this host speaks /plaintext/2.0.0: it protects nothing and proves nobody; for tests alone"
    ),
    "secio": Choice(_secio, "this host speaks /secio/1.0.0: it is deprecated; noise replaces it"),
}
"""What connections can be secured with."""

MUXERS: Mapping[str, Choice[Muxer]] = {
    "yamux": Choice(lambda given: Yamux(given.runtime, given.limits.yamux)),
    "mplex": Choice(
        lambda given: Mplex(given.runtime, given.limits.mplex),
        "this host speaks /mplex/6.7.0: it is deprecated, and a slow reader loses its stream; use yamux",
    ),
}
"""What puts many streams on one connection."""

TRANSPORTS: Mapping[str, Choice[Transport]] = {
    "tcp": Choice(lambda given: TcpTransport(given.limits.tcp)),
}
"""What makes connections."""

DEFAULT_SERVICES: Mapping[str, Choice[Service]] = {
    Ping.name: Choice(lambda given: Ping(given.limits.ping)),
    ObservedAddresses.name: Choice(lambda given: ObservedAddresses(given.limits.observed_addresses)),
    Identify.name: Choice(lambda given: Identify(IdentifyConfig(agent_version=given.agent_version))),
}
"""The services of every host, unless it is given its own of the same name; started in this order."""
