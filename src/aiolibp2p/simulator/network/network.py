"""The network: realms of addresses, the gateways between them, and the way of a packet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import TypeVarTuple, Unpack

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.network.conditions import Conditions
from aiolibp2p.simulator.network.interface import Interface
from aiolibp2p.simulator.network.link import InterfaceConfig, LinkConfig
from aiolibp2p.simulator.network.nat import FIRST_PORT, LAST_PORT, NatConfig, Translator
from aiolibp2p.simulator.network.packet import Kind, Packet
from aiolibp2p.simulator.trace import Trace

Ts = TypeVarTuple("Ts")

MAX_HOPS = 8
"""Gateways a packet passes at most."""


class Realm:
    """Addresses that reach one another: the internet, or the inside of a gateway."""

    def __init__(self, gateway: Gateway | None = None) -> None:
        self.gateway = gateway
        self.members: dict[str, Interface | Gateway] = {}

    def join(self, ip: str, member: Interface | Gateway) -> None:
        """Give somebody an address. Raises ConfigError when it is taken."""
        if ip in self.members:
            raise ConfigError(f"{ip} is taken already")
        self.members[ip] = member


class Gateway:
    """A router with an address outside and a realm inside; it translates between them."""

    def __init__(self, name: str, ip: str, outside: Realm, translator: Translator, hairpin: bool) -> None:
        self.name = name
        self.ip = ip
        self.outside = outside
        self.inside = Realm(self)
        self.translator = translator
        self.hairpin = hairpin


class Network:
    """Carries packets in the running loop's time. `link` says what lies between two interfaces, one way."""

    def __init__(
        self, source: random.Random, trace: Trace, link: Callable[[Interface, Interface], LinkConfig] | None = None
    ) -> None:
        self.conditions = Conditions()
        self.internet = Realm()
        self.delivered = self.lost = 0
        """Packets that arrived, and that did not."""
        self._source = source
        self._trace = trace
        self._link = link or (lambda a, b: LinkConfig())
        self._loop = asyncio.get_running_loop()
        self._due: dict[float, list[Callable[[], None]]] = {}

    def attach(
        self, name: str, ip: str, config: InterfaceConfig | None = None, gateway: Gateway | None = None
    ) -> Interface:
        """A new interface, on the internet or inside a gateway. Raises ConfigError when the address is taken."""
        realm = self.internet if gateway is None else gateway.inside
        interface = Interface(self, realm, name, ip, config or InterfaceConfig())
        realm.join(ip, interface)
        return interface

    def attach_gateway(
        self, name: str, ip: str, nat: NatConfig | None = None, gateway: Gateway | None = None
    ) -> Gateway:
        """A new gateway, on the internet or inside another one."""
        nat = nat or NatConfig()
        realm = self.internet if gateway is None else gateway.inside
        made = Gateway(name, ip, realm, self._translator(nat), nat.hairpin)
        realm.join(ip, made)
        return made

    def raise_firewall(self, interface: Interface, nat: NatConfig | None = None) -> None:
        """Let in only what answers something that went out; addresses stay as they are."""
        interface.firewall = self._translator(nat or NatConfig())

    def _translator(self, nat: NatConfig) -> Translator:
        return Translator(nat, lambda: self._source.randrange(FIRST_PORT, LAST_PORT))

    # The way out

    def transmit(self, origin: Interface, packet: Packet) -> None:
        """Send a packet on its way. Whether it arrives, `packet.owner` is told only if it does not."""
        now = packet.sent_at = self._loop.time()
        up = origin.up
        if not origin.is_up or (packet.owner is None and up.is_full(now)):
            self._lose(origin.name, packet)
            return
        left_at = up.send(now, packet.size)
        realm = self._leave(origin, packet, now)
        target = None if realm is None else _behind(realm.members.get(packet.target[0]))
        delay_s = None if target is None else self._delay_s(origin, target, packet)
        if realm is None or delay_s is None:
            self._lose(origin.name, packet)
            return
        self._at(left_at + delay_s, self._arrive, origin.name, realm, packet)

    def _leave(self, origin: Interface, packet: Packet, now: float) -> Realm | None:
        """The realm in which the packet's target lies; its source is rewritten on the way there."""
        if origin.firewall is not None:
            origin.firewall.outbound(packet.protocol, packet.source, packet.target, now)
        realm = origin.realm
        for _ in range(MAX_HOPS):
            gateway = realm.gateway
            member = realm.members.get(packet.target[0])
            if member is not None or gateway is None:
                return realm if member is not None else None
            if packet.target[0] == gateway.ip and not gateway.hairpin:
                return None
            port = gateway.translator.outbound(packet.protocol, packet.source, packet.target, now)
            if port is None:
                return None
            packet.source = (gateway.ip, port)
            realm = gateway.outside
        return None

    def _delay_s(self, origin: Interface, target: Interface, packet: Packet) -> float | None:
        """How long it is on its way; None when it gets lost there."""
        link = self._link(origin, target)
        extra_s, loss = 0.0, link.loss
        if not self.conditions.is_normal:
            if self.conditions.is_cut(origin.name, target.name):
                return None
            extra_s = self.conditions.extra_s(origin.name, target.name)
            loss = max(loss, self.conditions.loss(origin.name, target.name))
        if loss and self._source.random() < loss:
            return None
        if link.reorder and packet.kind is Kind.DATAGRAM and self._source.random() < link.reorder:
            extra_s += link.reorder_s
        return link.sample_latency_s(self._source) + extra_s

    def latency_s(self, a: Interface, b: Interface) -> float:
        """How long a packet without luck either way takes from one to the other now."""
        latency_s = self._link(a, b).latency_s
        return latency_s if self.conditions.is_normal else latency_s + self.conditions.extra_s(a.name, b.name)

    def reaches(self, origin: Interface, ip: str) -> bool:
        """Whether something sent now to that address would not be cut."""
        if self.conditions.is_normal:
            return True
        realm: Realm | None = origin.realm
        while realm is not None and ip not in realm.members:
            realm = realm.gateway.outside if realm.gateway is not None else None
        target = None if realm is None else _behind(realm.members[ip])
        return target is not None and not self.conditions.is_cut(origin.name, target.name)

    def _at(self, when: float, call: Callable[[Unpack[Ts]], None], *args: *Ts) -> None:
        """Call then. What is due at one moment keeps its order, which asyncio does not promise."""
        due = self._due.get(when)
        if due is not None:
            due.append(partial(call, *args))
        else:
            self._due[when] = [partial(call, *args)]
            self._loop.call_at(when, self._run_due, when)

    def _run_due(self, when: float) -> None:
        first, *others = self._due.pop(when)
        for call in others:
            self._loop.call_soon(call)
        first()

    # The way in

    def _arrive(self, origin: str, realm: Realm, packet: Packet) -> None:
        now = self._loop.time()
        target = self._enter(realm, packet, now)
        if target is None or not target.is_up or target.down.is_full(now):
            self._lose(origin, packet)
            return
        received_at = target.down.receive(now, packet.size)
        if received_at > now:
            self._at(received_at, self._deliver, origin, target, packet)
        else:
            self._deliver(origin, target, packet)

    def _enter(self, realm: Realm, packet: Packet, now: float) -> Interface | None:
        """Through the gateways before it, whose filters may say no."""
        member: Interface | Gateway | None = realm.members.get(packet.target[0])
        while isinstance(member, Gateway):
            inner = member.translator.inbound(packet.protocol, packet.target[1], packet.source, now)
            if inner is None:
                return None
            packet.target = inner
            member = member.inside.members.get(inner[0])
        if member is None or member.firewall is None:
            return member
        allowed = member.firewall.inbound(packet.protocol, packet.target[1], packet.source, now)
        return member if allowed is not None else None

    def _deliver(self, origin: str, target: Interface, packet: Packet) -> None:
        if not target.is_up:
            self._lose(origin, packet)
            return
        self.delivered += 1
        self._record(packet, f"{origin}>{target.name}")
        target.receive(packet)

    def _lose(self, origin: str, packet: Packet) -> None:
        self.lost += 1
        self._record(packet, f"{origin}>{packet.target[0]} lost")
        if packet.owner is not None:
            packet.owner.packet_lost(packet)

    def _record(self, packet: Packet, way: str) -> None:
        self._trace.record(self._loop.time(), f"{packet.kind.value} {way} {packet.size} {packet.checksum():08x}")


def _behind(member: Interface | Gateway | None) -> Interface | None:
    """Whose interface a packet will reach, for its latency: those inside one gateway are in one place."""
    while isinstance(member, Gateway):
        member = next(iter(member.inside.members.values()), None)
    return member
