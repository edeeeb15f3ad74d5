"""The hallway: the only file that knows implementations. `HostConfig` in, `Parts` out."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aiolibp2p.abc.layers.muxer import Muxer
from aiolibp2p.abc.layers.security import Protector, Security
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import ConfigError
from aiolibp2p.io.event_bus import EventBus
from aiolibp2p.io.interfaces import Interfaces
from aiolibp2p.io.runtime import SystemRuntime
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.muxers.mplex import Mplex, MplexConfig
from aiolibp2p.muxers.yamux import Yamux, YamuxConfig
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peerstore import MemoryPeerstore, PeerstoreLimits
from aiolibp2p.protocols.identify import Identify, IdentifyConfig, IdentifyResult
from aiolibp2p.protocols.observed_addresses import ObservedAddresses, ObservedAddressesConfig
from aiolibp2p.protocols.ping import Ping, PingConfig
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.pnet import PreSharedKey, PskProtector
from aiolibp2p.security.tls import TlsSecurity
from aiolibp2p.swarm import Swarm, SwarmConfig
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.swarm import SwarmParts
from aiolibp2p.swarm.upgrade.upgrader import Layers
from aiolibp2p.transports.tcp import TcpConfig, TcpTransport

__all__ = ["VERSION", "HostConfig", "IdentifyResult", "Limits", "Parts", "PreSharedKey", "assemble"]

VERSION = "0.1.0"

SECURITIES = ("noise", "tls")
"""What connections are secured with unless a host is told otherwise."""

MUXERS = ("yamux",)
"""What they are muxed with."""

logger = logging.getLogger("aiolibp2p")

LayerT = TypeVar("LayerT", Security, Muxer)


@dataclass(frozen=True)
class Limits:
    """Limits and timeouts of the parts, each with its own defaults."""

    swarm: SwarmConfig = field(default_factory=SwarmConfig)
    yamux: YamuxConfig = field(default_factory=YamuxConfig)
    mplex: MplexConfig = field(default_factory=MplexConfig)
    tcp: TcpConfig = field(default_factory=TcpConfig)
    peerstore: PeerstoreLimits = field(default_factory=PeerstoreLimits)
    ping: PingConfig = field(default_factory=PingConfig)
    observed_addresses: ObservedAddressesConfig = field(default_factory=ObservedAddressesConfig)


@dataclass(frozen=True)
class HostConfig:
    """Everything a host can be told; sensible without any of it."""

    key: PrivateKey | None = None
    """The identity; a fresh Ed25519 key if None."""
    listen: Sequence[str] = ()
    """Multiaddrs to listen on; port 0 takes a free one."""
    security: Sequence[str | Security] = SECURITIES
    """Securities in order of preference: by name, or one of your own. "plaintext" (no security at all, for tests) and
    "secio" (deprecated) are for those who ask, and are logged as warnings."""
    muxers: Sequence[str | Muxer] = MUXERS
    """Muxers in order of preference: by name, or one of your own. "mplex" (deprecated: a slow reader loses its stream)
    is for those who ask, and is logged as a warning."""
    services: Sequence[Service] = ()
    """Protocols to run beside ping and identify; started in this order, closed in reverse."""
    agent_version: str = f"aiolibp2p/{VERSION}"
    """What identify calls us."""
    psk: PreSharedKey | str | os.PathLike[str] | None = None
    """The key of a private network, or the file it is in: the host talks to nobody else. Needs the extra `[pnet]`."""
    require_psk: bool = False
    """Refuse to be without one."""
    transports: Sequence[Transport] | None = None
    """What makes its connections; TCP if None. Each belongs to one host."""
    limits: Limits = field(default_factory=Limits)
    runtime: Runtime | None = None
    """Clock and randomness; the system's if None."""


@dataclass(frozen=True)
class Parts:
    """What a host is made of."""

    key: PrivateKey
    runtime: Runtime
    bus: EventBus
    handlers: StreamHandlers
    peerstore: MemoryPeerstore
    swarm: Swarm
    ping: Ping
    identify: Identify
    observed: ObservedAddresses
    expand_wildcard: Callable[[Multiaddr], list[Multiaddr]]


def assemble(config: HostConfig) -> Parts:
    """Build the parts of one host.

    Raises ConfigError for names that are not known or missing, for what is no key, and for an identity of a key
    type that is not allowed.
    """
    runtime = config.runtime or SystemRuntime()
    key = config.key or PrivateKey.generate("ed25519", runtime.entropy)
    if not isinstance(key, PrivateKey):
        raise ConfigError(f"key takes a PrivateKey, as PrivateKey.load('me.key') gives, not {type(key).__name__}")
    allowed = config.limits.swarm.upgrade.key_types
    if key.kind not in allowed:
        names = ", ".join(kind.name.lower() for kind in allowed)
        raise ConfigError(f"the host's own key is {key.kind.name.lower()}; key_types allows {names or 'none'}")
    bus = EventBus()
    handlers = StreamHandlers()
    limits = config.limits
    peerstore = MemoryPeerstore(runtime, limits.peerstore)
    transports = [TcpTransport(limits.tcp)] if config.transports is None else list(config.transports)
    muxers = _chosen("muxers", config.muxers, _muxers(runtime, limits))
    muxer_ids = [muxer.protocol_id for muxer in muxers]
    swarm = Swarm(
        SwarmParts(
            local_peer=key.peer_id,
            transports=transports,
            layers=Layers(
                _chosen("security", config.security, _securities(key, runtime, muxer_ids)),
                muxers,
                _protector(config, runtime, transports),
            ),
            runtime=runtime,
            handlers=handlers,
            emit=bus.emit,
            wants=bus.wants,
            identified=lambda peer: peerstore.protocols(peer) is not None,
        ),
        limits.swarm,
    )
    observed = ObservedAddresses(limits.observed_addresses)
    return Parts(
        key=key,
        runtime=runtime,
        bus=bus,
        handlers=handlers,
        peerstore=peerstore,
        swarm=swarm,
        ping=Ping(limits.ping),
        identify=Identify(IdentifyConfig(agent_version=config.agent_version), observed.observe),
        observed=observed,
        expand_wildcard=Interfaces(runtime.now).expand,
    )


def _securities(key: PrivateKey, runtime: Runtime, muxer_ids: Sequence[str]) -> Mapping[str, Callable[[], Security]]:
    return {
        "noise": lambda: NoiseSecurity(key, runtime.entropy, muxer_ids),
        "tls": lambda: TlsSecurity(key, runtime.wall, muxer_ids),
        "plaintext": lambda: _plaintext(key),
        "secio": lambda: _secio(key, runtime),
    }


def _plaintext(key: PrivateKey) -> Security:
    from aiolibp2p.security.plaintext import PlaintextSecurity  # loaded by those who ask for it

    logger.warning("this host speaks /plaintext/2.0.0: it protects nothing and proves nobody; for tests alone")
    return PlaintextSecurity(key)


def _secio(key: PrivateKey, runtime: Runtime) -> Security:
    from aiolibp2p.security.secio import SecioSecurity  # loaded by those who ask for it

    logger.warning("this host speaks /secio/1.0.0: it is deprecated; noise replaces it")
    return SecioSecurity(key, runtime.entropy)


def _muxers(runtime: Runtime, limits: Limits) -> Mapping[str, Callable[[], Muxer]]:
    return {
        "yamux": lambda: Yamux(runtime, limits.yamux),
        "mplex": lambda: _mplex(runtime, limits),
    }


def _mplex(runtime: Runtime, limits: Limits) -> Muxer:
    logger.warning("this host speaks /mplex/6.7.0: it is deprecated, and a slow reader loses its stream; use yamux")
    return Mplex(runtime, limits.mplex)


def _protector(config: HostConfig, runtime: Runtime, transports: Sequence[Transport]) -> Protector | None:
    if config.psk is None:
        if config.require_psk:
            raise ConfigError("a private network is demanded (require_psk), and no psk is given")
        return None
    if secured := [transport.name for transport in transports if transport.secures]:
        raise ConfigError(f"a private network cannot protect connections by {', '.join(secured)}: leave them out")
    key = config.psk if isinstance(config.psk, PreSharedKey) else PreSharedKey.load(config.psk)
    return PskProtector(key, runtime.entropy)


def _chosen(option: str, wanted: object, known: Mapping[str, Callable[[], LayerT]]) -> list[LayerT]:
    """Refuses what no connection could come from, and what has no order: a set, or one string's letters."""
    if isinstance(wanted, str | bytes) or not isinstance(wanted, Sequence) or not wanted:
        raise ConfigError(f"{option} takes a list of names, at least one of {', '.join(known)}; not {wanted!r}")
    chosen: dict[str, LayerT] = {}
    for one in wanted:
        layer = _named(option, one, known) if isinstance(one, str) else _own(option, one)
        if chosen.setdefault(layer.protocol_id, layer) is not layer:
            raise ConfigError(f"{option} names {layer.protocol_id} twice")
    return list(chosen.values())


def _named(option: str, name: str, known: Mapping[str, Callable[[], LayerT]]) -> LayerT:
    if name in known:
        return known[name]()
    close = difflib.get_close_matches(name.lower(), known, 1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"unknown {option.rstrip('s')} {name!r}; known: {', '.join(known)}{meant}")


def _own(option: str, layer: LayerT) -> LayerT:
    """Refuses at once what would fail each connection, one after the other."""
    if isinstance(layer, type):
        raise ConfigError(f"{option} takes names and objects; {layer.__name__} is a class: make one of it first")
    protocol_id = getattr(layer, "protocol_id", None)
    if not isinstance(protocol_id, str) or not callable(getattr(layer, "start", None)):
        raise ConfigError(
            f"{option} takes names, and objects with protocol_id (text) and start(); {type(layer).__name__} is neither"
        )
    return layer
