"""`assemble` makes the parts of a host from its configuration."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aiolibp2p.abc.layers.security import Protector
from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.resources import Resources
from aiolibp2p.abc.services.service import Service
from aiolibp2p.assembly.choices import DEFAULT_SERVICES, MUXERS, SECURITIES, TRANSPORTS, Choice, Ingredients
from aiolibp2p.assembly.config import HostConfig, Seams
from aiolibp2p.errors import ConfigError
from aiolibp2p.io.event_bus import EventBus
from aiolibp2p.io.interfaces import Interfaces
from aiolibp2p.io.runtime import SystemRuntime
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peerstore import MemoryPeerstore
from aiolibp2p.resource_manager import ResourceManager
from aiolibp2p.security.pnet import PreSharedKey, PskProtector
from aiolibp2p.swarm import Swarm, SwarmParts
from aiolibp2p.swarm.connections.handlers import StreamHandlers
from aiolibp2p.swarm.upgrade.upgrader import Layers

logger = logging.getLogger("aiolibp2p")

PartT = TypeVar("PartT")


@dataclass(frozen=True)
class Parts:
    """What a host is made of."""

    key: PrivateKey
    runtime: Runtime
    bus: EventBus
    handlers: StreamHandlers
    peerstore: MemoryPeerstore
    swarm: Swarm
    services: Sequence[Service]
    """Default ones first, then those given, each in order."""
    resources: Resources
    seams: Seams


def assemble(config: HostConfig) -> Parts:
    """Build the parts of one host.

    Raises ConfigError for names that are not known or missing, for what is no key, and for an identity of a key
    type that is not allowed.
    """
    runtime = SystemRuntime() if config.runtime is None else config.runtime
    key = _identity(config, runtime)
    limits = config.limits
    given = Ingredients(key, runtime, limits, config.agent_version)
    services = _services(config.services, given)
    muxers = _chosen(_Option("muxers", "start"), config.muxers, MUXERS, given)
    transports = _transports(config.transports, services, given)
    given_resources = config.seams.resources
    resources = ResourceManager(limits.resources) if given_resources is None else given_resources
    bus = EventBus()
    handlers = StreamHandlers()
    peerstore = MemoryPeerstore(runtime, limits.peerstore)
    swarm = Swarm(
        SwarmParts(
            local_peer=key.peer_id,
            transports=transports,
            layers=Layers(
                _chosen(_Option("security", "start"), config.security, SECURITIES, given),
                muxers,
                _protector(config, runtime, transports),
            ),
            runtime=runtime,
            handlers=handlers,
            emit=bus.emit,
            wants=bus.wants,
            identified=lambda peer: peerstore.protocols(peer) is not None,
            resources=resources,
            gater=config.seams.gater,
            meter=config.seams.meter,
            ranker=config.seams.ranker,
            history=config.seams.history,
            expand_wildcard=Interfaces(runtime.now).expand,
        ),
        limits.swarm,
    )
    return Parts(
        key=key,
        runtime=runtime,
        bus=bus,
        handlers=handlers,
        peerstore=peerstore,
        swarm=swarm,
        services=services,
        resources=resources,
        seams=config.seams,
    )


def _identity(config: HostConfig, runtime: Runtime) -> PrivateKey:
    key = PrivateKey.generate("ed25519", runtime.entropy) if config.key is None else config.key
    if not isinstance(key, PrivateKey):
        raise ConfigError(f"key takes a PrivateKey, as PrivateKey.load('me.key') gives, not {type(key).__name__}")
    allowed = config.limits.swarm.upgrade.key_types
    if key.kind not in allowed:
        names = ", ".join(kind.name.lower() for kind in allowed)
        raise ConfigError(f"the host's own key is {key.kind.name.lower()}; key_types allows {names or 'none'}")
    return key


def _services(wanted: object, given: Ingredients) -> list[Service]:
    """The default services, each unless one of its name is given, and those given."""
    if isinstance(wanted, str | bytes) or not isinstance(wanted, Sequence):
        raise ConfigError(f"services takes a list of services, not {wanted!r}")
    named: dict[str, Service] = {}
    for n, service in enumerate(wanted):
        if not isinstance(service, Service):
            hint = "make one of it first" if isinstance(service, type) else "subclass aiolibp2p.Service"
            raise ConfigError(f"services takes objects of the class Service, not {service!r}: {hint}")
        if not isinstance(service.name, str):
            raise ConfigError(f"the name of a service is text, not {service.name!r}")
        if any(service is earlier for earlier in wanted[:n]):
            raise ConfigError(f"services names {service!r} twice")
        if service.name and named.setdefault(service.name, service) is not service:
            raise ConfigError(f"two services are called {service.name!r}")
    defaults = [named[name] if name in named else choice.make(given) for name, choice in DEFAULT_SERVICES.items()]
    return [*defaults, *(service for service in wanted if service.name not in DEFAULT_SERVICES)]


def _transports(wanted: object, services: Sequence[Service], given: Ingredients) -> list[Transport]:
    """The transports asked for, then those that services bring."""
    option = _Option("transports", "dial", identified_by="name")
    transports = _chosen(option, wanted, TRANSPORTS, given)
    for service in services:
        brought = _Option(f"transports of the service {service.name!r}", option.method, option.identified_by)
        transports += [_own(brought, transport) for transport in service.transports]
    return transports


def _protector(config: HostConfig, runtime: Runtime, transports: Sequence[Transport]) -> Protector | None:
    if config.psk is None:
        if config.require_psk:
            raise ConfigError("a private network is demanded (require_psk), and no psk is given")
        return None
    if secured := [transport.name for transport in transports if transport.secures]:
        raise ConfigError(f"a private network cannot protect connections by {', '.join(secured)}: leave them out")
    key = config.psk if isinstance(config.psk, PreSharedKey) else PreSharedKey.load(config.psk)
    return PskProtector(key, runtime.entropy)


@dataclass(frozen=True)
class _Option:
    """An option that takes names of the table and objects of the user's own."""

    name: str
    method: str
    """What an object of the user's own can do."""
    identified_by: str = "protocol_id"


def _chosen(option: _Option, wanted: object, known: Mapping[str, Choice[PartT]], given: Ingredients) -> list[PartT]:
    """Refuses what no connection could come from, and what has no order: a set, or one string's letters."""
    if isinstance(wanted, str | bytes) or not isinstance(wanted, Sequence) or not wanted:
        raise ConfigError(f"{option.name} takes a list of names, at least one of {', '.join(known)}; not {wanted!r}")
    chosen: dict[str, PartT] = {}
    for one in wanted:
        part = _named(option, one, known, given) if isinstance(one, str) else _own(option, one)
        identity = getattr(part, option.identified_by)
        if chosen.setdefault(identity, part) is not part:
            raise ConfigError(f"{option.name} names {identity} twice")
    return list(chosen.values())


def _named(option: _Option, name: str, known: Mapping[str, Choice[PartT]], given: Ingredients) -> PartT:
    choice = known.get(name)
    if choice is None:
        close = difflib.get_close_matches(name.lower(), known, 1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"unknown {option.name.rstrip('s')} {name!r}; known: {', '.join(known)}{meant}")
    if choice.warning:
        logger.warning("%s", choice.warning)
    return choice.make(given)


def _own(option: _Option, part: PartT) -> PartT:
    """Refuses at once what would fail each connection, one after the other."""
    if isinstance(part, type):
        raise ConfigError(f"{option.name} takes names and objects; {part.__name__} is a class: make one of it first")
    identity = getattr(part, option.identified_by, None)
    if not isinstance(identity, str) or not callable(getattr(part, option.method, None)):
        raise ConfigError(
            f"{option.name} takes names, and objects with {option.identified_by} (text) and {option.method}(); "
            f"{type(part).__name__} is neither"
        )
    return part
