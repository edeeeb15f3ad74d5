"""Realms of addresses, and the gateways between them, which translate and filter as RFC 4787 and RFC 5382 say."""

from __future__ import annotations

import enum
import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiolibp2p.simulator.network.packet import Endpoint, Packet

if TYPE_CHECKING:
    from aiolibp2p.simulator.network.interface import Interface

MAX_MAPPINGS = 60_000
"""The most mappings of one gateway: nearly all the ports of its one address."""
MAX_PERMITTED = 10_000
"""The most remote endpoints that may send to one mapping; the one that was not sent to for the longest goes first."""
FIRST_PORT, LAST_PORT = 1024, 65_535


class Realm:
    """A set of addresses, and the gateway that packets for any other address leave through."""

    def __init__(self, gateway: Gateway | None = None) -> None:
        self.gateway = gateway
        self.hosts: dict[str, Interface | Gateway] = {}

    def add(self, ip: str, host: Interface | Gateway) -> None:
        """Add an interface or gateway at its address. Raises OSError when the address is taken."""
        if ip in self.hosts:
            raise OSError(errno.EADDRINUSE, f"the address {ip} is taken")
        self.hosts[ip] = host

    def knows(self, ip: str) -> bool:
        """Return whether a packet to this address has somewhere to go."""
        realm: Realm | None = self
        while realm is not None:
            if ip in realm.hosts:
                return True
            realm = realm.gateway.outside if realm.gateway is not None else None
        return False


class Behaviour(enum.Enum):
    """The part of the remote endpoint on which a mapping, or a filter, depends (RFC 4787, sections 4.1 and 5)."""

    ENDPOINT_INDEPENDENT = "endpoint_independent"
    ADDRESS_DEPENDENT = "address_dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address_and_port_dependent"

    def part(self, remote: Endpoint) -> Endpoint:
        """Return the part of `remote` that counts."""
        if self is Behaviour.ENDPOINT_INDEPENDENT:
            return ("", 0)
        return (remote[0], 0) if self is Behaviour.ADDRESS_DEPENDENT else remote


@dataclass(frozen=True)
class NatConfig:
    """How a gateway behaves. `FULL_CONE` and the like, below, are the usual ones."""

    mapping: Behaviour = Behaviour.ENDPOINT_INDEPENDENT
    filtering: Behaviour = Behaviour.ADDRESS_AND_PORT_DEPENDENT
    udp_timeout_s: float = 120.0
    """The seconds after which a mapping is gone that nothing went out through; RFC 4787 asks for 120 at least."""
    tcp_timeout_s: float = 7200.0
    """The seconds after which a silent TCP mapping is gone; RFC 5382 asks for 7,440 at least, home routers keep
    7,200.
    """
    hairpin: bool = False
    """Whether those inside reach each other by their outside addresses."""
    translates: bool = True
    """Whether addresses are translated. A firewall does not: those inside have addresses of the outside realm."""


FULL_CONE = NatConfig(filtering=Behaviour.ENDPOINT_INDEPENDENT)
RESTRICTED_CONE = NatConfig(filtering=Behaviour.ADDRESS_DEPENDENT)
PORT_RESTRICTED_CONE = NatConfig()
SYMMETRIC = NatConfig(mapping=Behaviour.ADDRESS_AND_PORT_DEPENDENT)
FIREWALL = NatConfig(translates=False)


@dataclass(slots=True)
class Mapping:
    """An inside endpoint and the port it has outside, for the time that both belong together."""

    inside: Endpoint
    outside: Endpoint
    key: tuple[bool, Endpoint, Endpoint]
    used_s: float
    permitted: dict[Endpoint, float] = field(default_factory=dict)
    """The remote endpoints that may send to it, each with the time it was last sent to."""


class Gateway:
    """A gateway between its `inside` realm and the realm it is attached in."""

    def __init__(self, name: str, ip: str, config: NatConfig, outside: Realm) -> None:
        self.name = name
        self.ip = ip
        self.config = config
        self.outside = outside
        self.inside = Realm(self)
        self._by_key: dict[tuple[bool, Endpoint, Endpoint], Mapping] = {}
        self._by_outside: dict[tuple[bool, Endpoint], Mapping] = {}
        self._next_port = FIRST_PORT

    def go_out(self, packet: Packet, now: float) -> bool:
        """Give a packet its outside source, and remember where answers go. Return False when there is no port left."""
        config, is_udp = self.config, packet.kind == "udp"
        key = (is_udp, packet.source, config.mapping.part(packet.destination))
        mapping = self._by_key.get(key)
        if mapping is not None and self._is_over(mapping, now):
            mapping = None
        if mapping is None:
            mapping = self._map(key, now)
            if mapping is None:
                return False
        mapping.used_s = now
        permitted = mapping.permitted
        part = config.filtering.part(packet.destination)
        permitted.pop(part, None)
        permitted[part] = now
        if len(permitted) > MAX_PERMITTED:
            del permitted[next(iter(permitted))]
        packet.source = mapping.outside
        packet.passed = (*packet.passed, self)
        return True

    def come_in(self, packet: Packet, now: float) -> bool:
        """Give a packet from outside its inside destination. Return False when it is not let in."""
        config = self.config
        if self in packet.passed and not config.hairpin:
            return False
        mapping = self._by_outside.get((packet.kind == "udp", packet.destination))
        if mapping is not None and self._is_over(mapping, now):
            mapping = None
        if mapping is None:
            return not config.translates and config.filtering is Behaviour.ENDPOINT_INDEPENDENT
        if config.filtering is not Behaviour.ENDPOINT_INDEPENDENT:
            sent_s = mapping.permitted.get(config.filtering.part(packet.source))
            if sent_s is None or now - sent_s > self._timeout_s(mapping):
                return False
        packet.destination = mapping.inside
        return True

    def find_inside(self, is_udp: bool, destination: Endpoint) -> Interface | None:
        """Return the interface that most probably gets what is sent to a port, for the length of the way."""
        mapping = self._by_outside.get((is_udp, destination))
        inside = mapping.inside if mapping is not None else destination
        host = self.inside.hosts.get(inside[0]) or next(iter(self.inside.hosts.values()), None)
        return host.find_inside(is_udp, inside) if host is not None else None

    def _timeout_s(self, mapping: Mapping) -> float:
        return self.config.udp_timeout_s if mapping.key[0] else self.config.tcp_timeout_s

    def _is_over(self, mapping: Mapping, now: float) -> bool:
        if now - mapping.used_s <= self._timeout_s(mapping):
            return False
        del self._by_key[mapping.key], self._by_outside[mapping.key[0], mapping.outside]
        return True

    def _map(self, key: tuple[bool, Endpoint, Endpoint], now: float) -> Mapping | None:
        if len(self._by_key) >= MAX_MAPPINGS:
            for mapping in list(self._by_key.values()):
                self._is_over(mapping, now)
        outside = self._choose(key[0], key[1], now)
        if outside is None:
            return None
        mapping = self._by_key[key] = self._by_outside[key[0], outside] = Mapping(key[1], outside, key, now)
        return mapping

    def _choose(self, is_udp: bool, inside: Endpoint, now: float) -> Endpoint | None:
        """Return the outside port of a mapping: the inside one where that is free.

        Mappings that depend on the remote are numbered.
        """
        if not self.config.translates:
            return inside
        if self.config.mapping is Behaviour.ENDPOINT_INDEPENDENT and self._is_free(is_udp, inside[1], now):
            return self.ip, inside[1]
        for _ in range(LAST_PORT - FIRST_PORT):
            port = self._next_port
            self._next_port = port + 1 if port < LAST_PORT else FIRST_PORT
            if self._is_free(is_udp, port, now):
                return self.ip, port
        return None

    def _is_free(self, is_udp: bool, port: int, now: float) -> bool:
        mapping = self._by_outside.get((is_udp, (self.ip, port)))
        return mapping is None or self._is_over(mapping, now)
