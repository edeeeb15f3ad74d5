"""The parts that a swarm is built from, and their limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.meter import NULL_METER, Meter
from aiolibp2p.abc.services.resources import NULL_RESOURCES, Resources
from aiolibp2p.events import Event
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import ConnectionConfig
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.dialling.config import DialerConfig
from aiolibp2p.swarm.dialling.history import NO_HISTORY, DialHistory
from aiolibp2p.swarm.dialling.ranker import Ranker, rank_addresses
from aiolibp2p.swarm.own_addresses import OwnAddressesConfig
from aiolibp2p.swarm.resolver import ResolverConfig
from aiolibp2p.swarm.upgrade.upgrader import Layers, UpgraderConfig


@dataclass(frozen=True)
class SwarmConfig:
    """Limits of a swarm and its parts."""

    connection: ConnectionConfig = field(default_factory=ConnectionConfig)
    upgrade: UpgraderConfig = field(default_factory=UpgraderConfig)
    dial: DialerConfig = field(default_factory=DialerConfig)
    resolver: ResolverConfig = field(default_factory=ResolverConfig)
    own_addresses: OwnAddressesConfig = field(default_factory=OwnAddressesConfig)
    duplicate_idle_s: float = 30.0
    """Seconds without streams after which a second connection to a peer is closed by its dialer: by then both ends have
    put whatever they open on the other one."""


def _as_bound(address: Multiaddr) -> Sequence[Multiaddr]:
    return [address]


@dataclass(frozen=True)
class SwarmParts:
    """The parts that a swarm is built from."""

    local_peer: PeerId
    transports: Sequence[Transport]
    layers: Layers
    runtime: Runtime
    handlers: StreamHandlers
    emit: Callable[[Event], None]
    wants: Callable[[type[Event]], bool]
    """Answers whether anybody listens to such events."""
    identified: Callable[[PeerId], bool]
    """Answers whether identify has told us what a peer speaks."""
    resources: Resources = NULL_RESOURCES
    gater: Gater = field(default_factory=Gater)
    meter: Meter = NULL_METER
    ranker: Ranker = rank_addresses
    history: DialHistory = NO_HISTORY
    expand_wildcard: Callable[[Multiaddr], Sequence[Multiaddr]] = _as_bound
    """Turns a listener's address into those it stands for on this machine."""
