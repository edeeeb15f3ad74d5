"""The network: which interfaces are attached, and how a packet gets from one to another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from aiolibp2p.simulator.network.conditions import Conditions
from aiolibp2p.simulator.network.interface import Interface
from aiolibp2p.simulator.network.link import InterfaceConfig, LinkConfig
from aiolibp2p.simulator.network.nat import Gateway, NatConfig, Realm
from aiolibp2p.simulator.network.packet import SOON_S, Packet
from aiolibp2p.simulator.runtime import seeded_random
from aiolibp2p.simulator.trace import Trace

LOOPBACK = LinkConfig()
UNLIMITED = InterfaceConfig()


@dataclass(frozen=True)
class Way:
    """The path of packets from one interface to another."""

    target: Interface
    link: LinkConfig
    loss: float
    extra_s: float
    is_cut: bool


class Network:
    """A network, made in the running loop, whose clock it uses. `delivered` and `lost` count packets."""

    def __init__(self, source: random.Random, trace: Trace, link: Callable[[Interface, Interface], LinkConfig]) -> None:
        self.conditions = Conditions()
        self.trace = trace
        self.link = link
        self.loop = asyncio.get_running_loop()
        self.internet = Realm()
        self.delivered = 0
        self.lost = 0
        self._seed = source.getrandbits(64)

    def attach(
        self, name: str, ip: str, config: InterfaceConfig = UNLIMITED, gateway: Gateway | None = None
    ) -> Interface:
        """Attach a new interface, on the internet or inside a gateway. Raises OSError when the address is taken."""
        realm = self.internet if gateway is None else gateway.inside
        interface = Interface(self, name, ip, config, realm)
        interface.source = seeded_random(self._seed, name)
        realm.add(ip, interface)
        while gateway is not None and not gateway.config.translates:
            gateway.outside.add(ip, gateway)
            gateway = gateway.outside.gateway
        return interface

    def attach_gateway(self, name: str, ip: str, nat: NatConfig, gateway: Gateway | None = None) -> Gateway:
        """Attach a new gateway, on the internet or inside another one. Raises OSError when the address is taken."""
        outside = self.internet if gateway is None else gateway.inside
        made = Gateway(name, ip, nat, outside)
        if nat.translates:
            outside.add(ip, made)
        return made

    # A packet's way out

    def send(self, packet: Packet) -> bool:
        """Send a packet by itself, which arrives when it arrives, or not at all."""
        sender = packet.sender
        if packet.kind == "udp" and sender.is_up and sender.uplink.is_full(packet.size):
            self.lose(packet, sender.name)
            return False
        if not self.depart(packet):
            return False
        if packet.is_lost:
            self.lose(packet, "")
            return False
        arrival_s = sender.in_order(packet)
        self.loop.call_at(arrival_s, self._arrive, packet)
        return True

    def depart(self, packet: Packet) -> bool:
        """Work out when a packet arrives, and whether it is lost by chance.

        Return False, and record it, when the packet cannot arrive.
        """
        sender = packet.sender
        way = self._way(packet) if sender.is_up else None
        if way is None:
            self.lose(packet, "nowhere")
            return False
        link, target, source = way.link, way.target, sender.source
        first_s, last_s = sender.uplink.take(packet.size)
        if way.is_cut:
            self.lose(packet, target.name)
            return False
        delay_s = max(0.0, link.draw_delay(source) + way.extra_s)
        if link.reorder and packet.kind == "udp" and source.random() < link.reorder:
            delay_s += link.reorder_s
        packet.is_lost = way.loss > 0 and source.random() < way.loss
        packet.delay_s = delay_s
        packet.first_bit_s = first_s + delay_s
        packet.arrival_s = last_s + delay_s
        return True

    def answer_delay_s(self, packet: Packet, receiver: Interface) -> float | None:
        """Return how many seconds an acknowledgement takes back to the sender of `packet`; None when it is lost."""
        target = packet.sender
        if receiver.realm is not target.realm or packet.passed:
            answer = Packet("ack", packet.destination, packet.source, 0, receiver)
            way = self._way(answer)
            if way is None or way.is_cut or self.enter(answer) is not target:
                return None
            return max(0.0, way.link.latency_s + way.extra_s)
        conditions = self.conditions
        link = LOOPBACK if receiver is target else self.link(receiver, target)
        if not conditions.is_set:
            return link.latency_s
        if conditions.is_cut(receiver.name, target.name):
            return None
        return max(0.0, link.latency_s + conditions.extra_s(receiver.name, target.name))

    def _way(self, packet: Packet) -> Way | None:
        """Lead a packet out through its gateways; return its path and the interface that will most probably get it."""
        target = self._lead_out(packet)
        if target is None:
            return None
        sender, conditions = packet.sender, self.conditions
        link = LOOPBACK if sender is target else self.link(sender, target)
        if not conditions.is_set:
            return Way(target, link, link.loss, 0.0, False)
        a, b = sender.name, target.name
        return Way(target, link, conditions.loss(a, b, link.loss), conditions.extra_s(a, b), conditions.is_cut(a, b))

    def _lead_out(self, packet: Packet) -> Interface | None:
        realm = packet.sender.realm
        packet.source, packet.passed = packet.origin, ()
        ip = packet.destination[0]
        while ip not in realm.hosts:
            gateway = realm.gateway
            if gateway is None or not gateway.go_out(packet, self.loop.time()):
                return None
            realm = gateway.outside
        packet.realm = realm
        return realm.hosts[ip].find_inside(packet.kind == "udp", packet.destination)

    # A packet's way in

    def enter(self, packet: Packet) -> Interface | None:
        """Lead a packet in through the gateways before its destination; return None when one does not let it in."""
        realm = packet.realm
        while realm is not None:
            host = realm.hosts.get(packet.destination[0])
            if not isinstance(host, Gateway):
                return host
            if not host.come_in(packet, self.loop.time()):
                return None
            realm = host.inside
        return None

    def receive(self, packet: Packet, target: Interface) -> float | None:
        """Take a packet at its interface; return when the whole of it is in, or None for now."""
        now = self.loop.time()
        finish_s = target.downlink.take(packet.size, packet.first_bit_s, now)
        return finish_s if finish_s > now + SOON_S else None

    def _arrive(self, packet: Packet) -> None:
        target = self.enter(packet)
        if target is None or not target.is_up:
            self.lose(packet, target.name if target is not None else "filtered")
        elif packet.kind == "udp" and target.downlink.is_full(packet.size, self.loop.time()):
            self.lose(packet, target.name)
        elif (finish_s := self.receive(packet, target)) is not None:
            self.loop.call_at(finish_s, self._finish, packet, target)
        else:
            self._finish(packet, target)

    def _finish(self, packet: Packet, target: Interface) -> None:
        if target.is_up:
            self.deliver(packet, target)
        else:
            self.lose(packet, target.name)

    def deliver(self, packet: Packet, target: Interface) -> None:
        """Record a packet and give it to its interface."""
        self.delivered += 1
        self.trace.record(self.loop.time(), packet.describe(target.name))
        target.take_in(packet)

    def lose(self, packet: Packet, target: str) -> None:
        """Record a packet that was lost."""
        self.lost += 1
        self.trace.record(self.loop.time(), f"lost {packet.describe(target)}")
