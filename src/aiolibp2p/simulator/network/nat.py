"""Network address translation and firewalls (RFC 4787 for UDP, RFC 5382 for TCP). Pure: time is a parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from aiolibp2p.simulator.network.packet import Endpoint

FIRST_PORT = 20_000
LAST_PORT = 65_535


class Behaviour(Enum):
    """What a mapping, or a filter, depends on: nothing, the other's address, or its address and port."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


@dataclass(frozen=True)
class NatConfig:
    """How a gateway behaves. The default is what most home routers do."""

    mapping: Behaviour = Behaviour.ENDPOINT_INDEPENDENT
    filtering: Behaviour = Behaviour.ADDRESS_AND_PORT_DEPENDENT
    udp_timeout_s: float = 120.0
    tcp_timeout_s: float = 7440.0
    hairpin: bool = False
    """Those inside reach each other by their outer addresses."""
    max_mappings: int = 65_536

    @classmethod
    def symmetric(cls) -> NatConfig:
        """Another outer port for each destination: holes cannot be punched from both sides."""
        return cls(mapping=Behaviour.ADDRESS_AND_PORT_DEPENDENT)

    @classmethod
    def full_cone(cls) -> NatConfig:
        """Once something has gone out, anybody may come in."""
        return cls(filtering=Behaviour.ENDPOINT_INDEPENDENT)


@dataclass(slots=True)
class Mapping:
    """An inner endpoint and the outer port it is seen at."""

    inner: Endpoint
    port: int
    expires_at: float
    contacted: dict[Endpoint, None] = field(default_factory=dict)

    def allows(self, remote: Endpoint, filtering: Behaviour) -> bool:
        """Whether `remote` may send in."""
        if filtering is Behaviour.ENDPOINT_INDEPENDENT:
            return True
        if filtering is Behaviour.ADDRESS_AND_PORT_DEPENDENT:
            return remote in self.contacted
        return any(ip == remote[0] for ip, _port in self.contacted)


class Translator:
    """The mappings of one gateway."""

    def __init__(self, config: NatConfig, pick_port: Callable[[], int]) -> None:
        self._config = config
        self._pick_port = pick_port
        self._by_key: dict[object, Mapping] = {}
        self._by_port: dict[tuple[str, int], tuple[object, Mapping]] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def outbound(self, protocol: str, source: Endpoint, target: Endpoint, now: float) -> int | None:
        """The outer port for a packet that leaves; a mapping is made or refreshed. None when no port is left."""
        key = (protocol, source, *self._depends_on(target))
        mapping = self._by_key.get(key)
        if mapping is not None and mapping.expires_at <= now:
            self._forget(protocol, key, mapping)
            mapping = None
        if mapping is None:
            mapping = self._make(protocol, key, source, now)
            if mapping is None:
                return None
        mapping.expires_at = now + self._timeout_s(protocol)
        mapping.contacted[target] = None
        return mapping.port

    def inbound(self, protocol: str, port: int, remote: Endpoint, now: float) -> Endpoint | None:
        """Whom inside a packet to this outer port is for; None for nobody, or when the filter says no."""
        found = self._by_port.get((protocol, port))
        if found is None:
            return None
        key, mapping = found
        if mapping.expires_at <= now:
            self._forget(protocol, key, mapping)
            return None
        return mapping.inner if mapping.allows(remote, self._config.filtering) else None

    def _depends_on(self, target: Endpoint) -> tuple[object, ...]:
        if self._config.mapping is Behaviour.ENDPOINT_INDEPENDENT:
            return ()
        return target[:1] if self._config.mapping is Behaviour.ADDRESS_DEPENDENT else target

    def _make(self, protocol: str, key: object, source: Endpoint, now: float) -> Mapping | None:
        if len(self._by_key) >= self._config.max_mappings:
            self._sweep(now)
        if len(self._by_key) >= self._config.max_mappings:
            return None
        # The port of the inside is kept where it can be, as home routers do, but not by a symmetric one.
        keeps = self._config.mapping is Behaviour.ENDPOINT_INDEPENDENT
        port = source[1] if keeps and (protocol, source[1]) not in self._by_port else self._free_port(protocol)
        mapping = Mapping(source, port, now)
        self._by_key[key] = mapping
        self._by_port[protocol, port] = key, mapping
        return mapping

    def _free_port(self, protocol: str) -> int:
        port = self._pick_port()
        while (protocol, port) in self._by_port:
            port = port + 1 if port < LAST_PORT else FIRST_PORT
        return port

    def _sweep(self, now: float) -> None:
        for (protocol, _port), (key, mapping) in list(self._by_port.items()):
            if mapping.expires_at <= now:
                self._forget(protocol, key, mapping)

    def _forget(self, protocol: str, key: object, mapping: Mapping) -> None:
        del self._by_key[key]
        del self._by_port[protocol, mapping.port]

    def _timeout_s(self, protocol: str) -> float:
        return self._config.udp_timeout_s if protocol == "udp" else self._config.tcp_timeout_s
