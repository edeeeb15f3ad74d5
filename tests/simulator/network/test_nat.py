"""Gateways: mapping, filtering, timeouts, one behind another."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import Behaviour, DatagramPort, Gateway, Interface, LinkConfig, NatConfig
from aiolibp2p.simulator.network.nat import FIREWALL, FULL_CONE, PORT_RESTRICTED_CONE, RESTRICTED_CONE, SYMMETRIC
from simulated_network import Collector, Lab

Endpoint = tuple[str, int]


class Peer:
    """A datagram socket and what came to it."""

    def __init__(self, interface: Interface, port: int) -> None:
        self.came: list[tuple[bytes, Endpoint]] = []
        self.socket: DatagramPort = interface.bind_udp(port, lambda data, source: self.came.append((data, source)))

    @property
    def last_source(self) -> Endpoint:
        """The source of the last datagram."""
        return self.came[-1][1]


class Home:
    """A lab with a gateway at 1.2.3.4, and one inside it."""

    def __init__(self, config: NatConfig, outer: Gateway | None = None, lab: Lab | None = None) -> None:
        self.lab = lab or Lab(LinkConfig(latency_s=0.01))
        self.gateway = self.lab.network.attach_gateway("gateway", "1.2.3.4", config, outer)
        self.inside = self.lab.network.attach("inside", "192.168.0.2", gateway=self.gateway)
        self.peer = Peer(self.inside, 4001)
        self.servers = [Peer(self.lab.a, 1), Peer(self.lab.a, 2), Peer(self.lab.b, 1)]

    async def send(self, server: int) -> Endpoint:
        """Send from inside to a server; return how the server sees the sender."""
        target = (("10.0.0.1", 1), ("10.0.0.1", 2), ("10.0.0.2", 1))[server]
        self.peer.socket.send_to(b"out", target)
        await self.lab.wait(1.0)
        return self.servers[server].last_source

    async def gets_in(self, server: int, target: Endpoint) -> bool:
        """Whether what a server sends there comes in."""
        before = len(self.peer.came)
        self.servers[server].socket.send_to(b"in", target)
        await self.lab.wait(1.0)
        return len(self.peer.came) > before


@pytest.mark.parametrize(
    ("mapping", "same"),
    [
        (Behaviour.ENDPOINT_INDEPENDENT, (True, True)),
        (Behaviour.ADDRESS_DEPENDENT, (True, False)),
        (Behaviour.ADDRESS_AND_PORT_DEPENDENT, (False, False)),
    ],
)
def test_mapping_depends_on_what_it_says(mapping: Behaviour, same: tuple[bool, bool]) -> None:
    async def main() -> tuple[bool, bool]:
        home = Home(NatConfig(mapping=mapping))
        first, other_port, other_ip = [await home.send(server) for server in range(3)]
        assert first[0] == "1.2.3.4"
        assert await home.send(0) == first
        return first == other_port, first == other_ip

    assert run_virtual(main()) == same


@pytest.mark.parametrize(
    ("config", "let_in"),
    [
        (FULL_CONE, [True, True, True]),
        (RESTRICTED_CONE, [True, True, False]),
        (PORT_RESTRICTED_CONE, [True, False, False]),
        (SYMMETRIC, [True, False, False]),
    ],
)
def test_filtering_depends_on_what_it_says(config: NatConfig, let_in: list[bool]) -> None:
    async def main() -> list[bool]:
        home = Home(config)
        outside = await home.send(0)
        return [await home.gets_in(server, outside) for server in range(3)]

    assert run_virtual(main()) == let_in


@pytest.mark.parametrize("config", [FULL_CONE, FIREWALL])
def test_nothing_comes_in_unasked(config: NatConfig) -> None:
    async def main() -> bool:
        home = Home(config)
        return await home.gets_in(0, ("192.168.0.2" if config is FIREWALL else "1.2.3.4", 4001))

    assert not run_virtual(main())


def test_a_mapping_lasts_as_long_as_something_goes_out() -> None:
    async def main() -> list[bool]:
        home = Home(NatConfig(filtering=Behaviour.ENDPOINT_INDEPENDENT, udp_timeout_s=30.0))
        outside = await home.send(0)
        result = []
        for wait_s, speaks in ((20.0, True), (20.0, False), (20.0, False)):
            await home.lab.wait(wait_s)
            if speaks:
                await home.send(0)
            result.append(await home.gets_in(0, outside))
        return result

    assert run_virtual(main()) == [True, True, False]


def test_a_firewall_leaves_addresses_and_lets_answers_in() -> None:
    async def main() -> tuple[Endpoint, bool, bool]:
        home = Home(FIREWALL)
        outside = await home.send(0)
        return outside, await home.gets_in(0, outside), await home.gets_in(2, outside)

    assert run_virtual(main()) == (("192.168.0.2", 4001), True, False)


def test_one_gateway_behind_another() -> None:
    async def main() -> tuple[str, bool, bool]:
        lab = Lab(LinkConfig(latency_s=0.01))
        outer = lab.network.attach_gateway("outer", "5.6.7.8", PORT_RESTRICTED_CONE)
        home = Home(FULL_CONE, outer, lab)
        outside = await home.send(0)
        return outside[0], await home.gets_in(0, outside), await home.gets_in(1, outside)

    assert run_virtual(main()) == ("5.6.7.8", True, False)


@pytest.mark.parametrize("hairpin", [True, False])
def test_those_inside_reach_each_other_by_the_outside_address_if_it_hairpins(hairpin: bool) -> None:
    async def main() -> bool:
        home = Home(NatConfig(filtering=Behaviour.ENDPOINT_INDEPENDENT, hairpin=hairpin))
        outside = await home.send(0)
        other = Peer(home.lab.network.attach("other", "192.168.0.3", gateway=home.gateway), 7)
        other.socket.send_to(b"hello", outside)
        await home.lab.wait(1.0)
        return bool(home.peer.came)

    assert run_virtual(main()) is hairpin


def test_those_inside_reach_each_other_by_their_inside_addresses() -> None:
    async def main() -> list[tuple[bytes, Endpoint]]:
        home = Home(PORT_RESTRICTED_CONE)
        other = Peer(home.lab.network.attach("other", "192.168.0.3", gateway=home.gateway), 7)
        other.socket.send_to(b"hello", ("192.168.0.2", 4001))
        await home.lab.wait(1.0)
        return home.peer.came

    assert run_virtual(main()) == [(b"hello", ("192.168.0.3", 7))]


def test_a_stream_through_a_gateway() -> None:
    async def main() -> tuple[str, bytes, bytes]:
        home = Home(SYMMETRIC)
        ends = await home.lab.connect(home.inside)
        ends.client.send(b"there", 5)
        ends.server.send(b"back", 4)
        await home.lab.wait(1.0)
        return ends.server.remote[0], ends.at_server.data, ends.at_client.data

    assert run_virtual(main()) == ("1.2.3.4", b"there", b"back")


async def _punch(config: NatConfig) -> tuple[bytes, bytes]:
    """Both connect to where the other's gateway has mapped it."""
    lab = Lab(LinkConfig(latency_s=0.05))
    gateways = [lab.network.attach_gateway(f"gateway{n}", f"1.2.3.{n}", config) for n in (1, 2)]
    insides = [lab.network.attach(f"inside{n}", "192.168.0.2", gateway=gateways[n]) for n in (0, 1)]
    for inside in insides:
        inside.listen(4001, lambda _socket: pytest.fail("neither is accepted"))
    async with asyncio.timeout(5.0):
        one, other = await asyncio.gather(
            insides[0].connect("1.2.3.2", 4001, 4001), insides[1].connect("1.2.3.1", 4001, 4001)
        )
    at_one, at_other = Collector(), Collector()
    one.start(at_one)
    other.start(at_other)
    one.send(b"to the other", 12)
    other.send(b"to the one", 10)
    await lab.wait(1.0)
    return at_one.data, at_other.data


@pytest.mark.parametrize("config", [FULL_CONE, PORT_RESTRICTED_CONE])
def test_two_that_connect_to_each_other_meet_through_their_gateways(config: NatConfig) -> None:
    assert run_virtual(_punch(config)) == (b"to the one", b"to the other")


def test_two_behind_symmetric_gateways_do_not_meet() -> None:
    with pytest.raises(TimeoutError):
        run_virtual(_punch(SYMMETRIC))
