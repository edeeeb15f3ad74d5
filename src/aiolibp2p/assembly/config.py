"""What a host can be told: `HostConfig`, its limits, and the same as keyword arguments."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.security import Security
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.meter import NULL_METER, Meter
from aiolibp2p.abc.services.resources import Resources
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.services.tags import NULL_TAGS, Tags
from aiolibp2p.errors import ConfigError
from aiolibp2p.muxers.mplex import MplexConfig
from aiolibp2p.muxers.yamux import YamuxConfig
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peerstore import PeerstoreLimits
from aiolibp2p.protocols.observed_addresses import ObservedAddressesConfig
from aiolibp2p.protocols.ping import PingConfig
from aiolibp2p.resource_manager import ResourceLimits
from aiolibp2p.security.pnet import PreSharedKey
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.dialling.history import NO_HISTORY, DialHistory
from aiolibp2p.swarm.dialling.ranker import Ranker, rank_addresses
from aiolibp2p.transports.tcp import TcpConfig

VERSION = "0.1.0"

DEFAULT_SECURITIES = ("noise", "tls")
"""Noise first, because its handshake costs a third of what TLS's does."""

DEFAULT_MUXERS = ("yamux",)
"""The muxer that every implementation speaks; mplex is deprecated."""

DEFAULT_TRANSPORTS = ("tcp",)


@dataclass(frozen=True)
class Limits:
    """Limits and timeouts of a host's parts, each with its own defaults."""

    swarm: SwarmConfig = field(default_factory=SwarmConfig)
    yamux: YamuxConfig = field(default_factory=YamuxConfig)
    mplex: MplexConfig = field(default_factory=MplexConfig)
    tcp: TcpConfig = field(default_factory=TcpConfig)
    peerstore: PeerstoreLimits = field(default_factory=PeerstoreLimits)
    ping: PingConfig = field(default_factory=PingConfig)
    observed_addresses: ObservedAddressesConfig = field(default_factory=ObservedAddressesConfig)
    resources: ResourceLimits = field(default_factory=ResourceLimits)


@dataclass(frozen=True)
class Seams:
    """Parts that observe or restrain a host, and that change nothing when they are left out."""

    resources: Resources | None = None
    """Where connections, streams and bytes are counted; None for a `ResourceManager` with the host's limits."""
    gater: Gater = field(default_factory=Gater)
    """Who refuses peers, addresses and connections."""
    meter: Meter = NULL_METER
    """Where decisions are counted."""
    tags: Tags = NULL_TAGS
    """What makes peers worth keeping."""
    ranker: Ranker = rank_addresses
    """Who puts the addresses of a peer into the order in which they are dialled."""
    history: DialHistory = NO_HISTORY
    """Who remembers how dials ended, and leaves an address alone for a while: the place for back-off."""


class HostParameters(TypedDict, total=False):
    """The fields of `HostConfig` that make sense for every host, the simulator's and the command line's included."""

    key: PrivateKey | None
    listen: Sequence[str]
    security: Sequence[str | Security]
    muxers: Sequence[str | Muxer]
    agent_version: str
    psk: PreSharedKey | str | os.PathLike[str] | None
    require_psk: bool
    transports: Sequence[str | Transport]
    limits: Limits
    runtime: Runtime | None
    seams: Seams


class HostOptions(HostParameters, total=False):
    """The fields of `HostConfig`, as keyword arguments of `Host`."""

    services: Sequence[Service]


@dataclass(frozen=True)
class HostConfig:
    """Everything a host can be told; sensible without any of it."""

    key: PrivateKey | None = None
    """The identity; a fresh Ed25519 key if None."""
    listen: Sequence[str] = ()
    """Multiaddrs to listen on; port 0 takes a free one."""
    security: Sequence[str | Security] = DEFAULT_SECURITIES
    """Securities in order of preference: by name, or one of your own. "plaintext" (no security at all, for tests) and
    "secio" (deprecated) are for those who ask, and are logged as warnings."""
    muxers: Sequence[str | Muxer] = DEFAULT_MUXERS
    """Muxers in order of preference: by name, or one of your own. "mplex" (deprecated: a slow reader loses its stream)
    is for those who ask, and is logged as a warning."""
    services: Sequence[Service] = ()
    """Protocols to run beside the default ones; started in this order, closed together. One that bears the name of a
    default service (`Identify`, `Ping`, `ObservedAddresses`) takes its place."""
    agent_version: str = f"aiolibp2p/{VERSION}"
    """What the default identify service calls this host."""
    psk: PreSharedKey | str | os.PathLike[str] | None = None
    """The key of a private network, or the file it is in: the host talks to nobody else. Needs the extra `[pnet]`."""
    require_psk: bool = False
    """Refuse to be without one."""
    transports: Sequence[str | Transport] = DEFAULT_TRANSPORTS
    """What makes its connections: by name, or one of your own, which belongs to this host alone."""
    limits: Limits = field(default_factory=Limits)
    runtime: Runtime | None = None
    """Clock and randomness; the system's if None."""
    seams: Seams = field(default_factory=Seams)
    """Counting of resources, meters and tags of your own."""


def configured(config: HostConfig | None, options: HostOptions) -> HostConfig:
    """The configuration with these options in place of its own fields. Raises ConfigError for an unknown option."""
    known = {field.name for field in dataclasses.fields(HostConfig)}
    for option in options:
        if option not in known:
            raise ConfigError(f"Host has no option {option!r}; it has {', '.join(sorted(known))}")
    return dataclasses.replace(config or HostConfig(), **options)
