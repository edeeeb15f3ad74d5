"""Gateways: who is seen where, who may send in, for how long; and holes punched through them."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import Behaviour, Gateway, Interface, LinkConfig, NatConfig, Network
from aiolibp2p.simulator.network.nat import Translator
from aiolibp2p.simulator.runtime import seeded_random
from aiolibp2p.simulator.trace import Trace
from simulator.network.lines import PORT, Datagrams, Heard
from simulator.waiting import after

INDEPENDENT = Behaviour.ENDPOINT_INDEPENDENT
ADDRESS = Behaviour.ADDRESS_DEPENDENT
BOTH = Behaviour.ADDRESS_AND_PORT_DEPENDENT
GATEWAY_IP = "1.0.0.1"


class World:
    """A server on the internet, a gateway, and somebody behind it."""

    def __init__(self, nat: NatConfig | None = None) -> None:
        self.network = Network(seeded_random(1, "network"), Trace(), lambda a, b: LinkConfig(latency_s=0.02))
        self.server = self.network.attach("server", "2.0.0.1")
        self.other = self.network.attach("other", "2.0.0.2")
        self.gateway = self.network.attach_gateway("gateway", GATEWAY_IP, nat)
        self.inside = self.network.attach("inside", "10.0.0.1", gateway=self.gateway)

    def behind(self, ip: str, nat: NatConfig | None = None) -> Interface:
        """Somebody behind a gateway of its own."""
        return self.network.attach(f"behind {ip}", "10.0.0.1", gateway=self.network.attach_gateway(ip, ip, nat))


async def seen_at(sender: Datagrams, server: Datagrams) -> tuple[str, int]:
    """Where the server sees the sender."""
    sender.socket.send_to(b"hello", (server.ip, server.socket.port))
    await after(0.1)
    return server.came[-1][1]


@pytest.mark.parametrize(
    ("mapping", "same_for_port", "same_for_address"),
    [(INDEPENDENT, True, True), (ADDRESS, True, False), (BOTH, False, False)],
    ids=lambda value: getattr(value, "value", str(value)),
)
def test_mappings(mapping: Behaviour, same_for_port: bool, same_for_address: bool) -> None:
    async def main() -> list[tuple[str, int]]:
        world = World(NatConfig(mapping=mapping))
        inside = Datagrams(world.inside, PORT)
        servers = [Datagrams(world.server, 1), Datagrams(world.server, 2), Datagrams(world.other, 1)]
        return [await seen_at(inside, server) for server in servers]

    first, other_port, other_address = run_virtual(main())
    assert {ip for ip, _ in (first, other_port, other_address)} == {GATEWAY_IP}
    assert (first == other_port, first == other_address) == (same_for_port, same_for_address)


@pytest.mark.parametrize(
    ("filtering", "let_in"),
    [
        (INDEPENDENT, ["the one", "other port", "other address"]),
        (ADDRESS, ["the one", "other port"]),
        (BOTH, ["the one"]),
    ],
    ids=lambda value: getattr(value, "value", ""),
)
def test_filters(filtering: Behaviour, let_in: list[str]) -> None:
    async def main() -> list[str]:
        world = World(NatConfig(filtering=filtering))
        inside, server = Datagrams(world.inside, PORT), Datagrams(world.server, 1)
        seen = await seen_at(inside, server)
        server.socket.send_to(b"the one", seen)
        Datagrams(world.server, 2).socket.send_to(b"other port", seen)
        Datagrams(world.other, 1).socket.send_to(b"other address", seen)
        await after(0.1)
        return [data.decode() for data, _ in inside.came]

    assert run_virtual(main()) == let_in


def test_nobody_gets_in_unasked() -> None:
    async def main() -> int:
        world = World(NatConfig.full_cone())
        inside = Datagrams(world.inside, PORT)
        Datagrams(world.server).socket.send_to(b"x", (GATEWAY_IP, PORT))
        await after(1)
        return len(inside.came)

    assert run_virtual(main()) == 0


@pytest.mark.parametrize(("after_s", "comes"), [(119.0, 1), (121.0, 0)])
def test_a_mapping_that_is_not_used_ends(after_s: float, comes: int) -> None:
    async def main() -> int:
        world = World()
        inside, server = Datagrams(world.inside, PORT), Datagrams(world.server, 1)
        seen = await seen_at(inside, server)
        await after(after_s - 0.1)
        server.socket.send_to(b"still there?", seen)
        await after(1)
        return len(inside.came)

    assert run_virtual(main()) == comes


def test_two_inside_with_one_port_are_told_apart() -> None:
    async def main() -> tuple[set[int], list[int]]:
        world = World()
        neighbour = world.network.attach("neighbour", "10.0.0.2", gateway=world.gateway)
        senders, server = [Datagrams(world.inside, PORT), Datagrams(neighbour, PORT)], Datagrams(world.server, 1)
        seen = [await seen_at(sender, server) for sender in senders]
        for at in seen:
            server.socket.send_to(b"x", at)
        await after(0.1)
        return {port for _, port in seen}, [len(sender.came) for sender in senders]

    ports, came = run_virtual(main())
    assert len(ports) == 2
    assert PORT in ports
    assert came == [1, 1]


def test_double_nat() -> None:
    async def main() -> tuple[tuple[str, int], int]:
        world = World()
        home = world.network.attach_gateway("home", "10.0.0.9", gateway=world.gateway)
        laptop = Datagrams(world.network.attach("laptop", "192.168.0.2", gateway=home), PORT)
        server = Datagrams(world.server, 1)
        seen = await seen_at(laptop, server)
        server.socket.send_to(b"x", seen)
        await after(0.1)
        return seen, len(laptop.came)

    (ip, _), came = run_virtual(main())
    assert (ip, came) == (GATEWAY_IP, 1)


@pytest.mark.parametrize(("hairpin", "comes"), [(False, 0), (True, 1)])
def test_hairpin(hairpin: bool, comes: int) -> None:
    async def main() -> int:
        world = World(NatConfig(filtering=INDEPENDENT, hairpin=hairpin))
        inside, server = Datagrams(world.inside, PORT), Datagrams(world.server, 1)
        seen = await seen_at(inside, server)
        neighbour = world.network.attach("neighbour", "10.0.0.2", gateway=world.gateway)
        Datagrams(neighbour).socket.send_to(b"x", seen)
        await after(1)
        return len(inside.came)

    assert run_virtual(main()) == comes


def test_a_firewall_lets_in_answers_only() -> None:
    async def main() -> list[bytes]:
        world = World()
        walled = world.network.attach("walled", "3.0.0.1")
        world.network.raise_firewall(walled)
        inbox, server = Datagrams(walled, PORT), Datagrams(world.server, 1)
        server.socket.send_to(b"unasked", ("3.0.0.1", PORT))
        await after(0.1)
        assert await seen_at(inbox, server) == ("3.0.0.1", PORT)
        server.socket.send_to(b"answer", ("3.0.0.1", PORT))
        await after(0.1)
        return [data for data, _ in inbox.came]

    assert run_virtual(main()) == [b"answer"]


def test_streams_pass_outwards_only() -> None:
    async def main() -> tuple[bytes, str]:
        world = World()
        accepted = asyncio.get_running_loop().create_future()
        world.server.listen(PORT, accepted.set_result)
        world.inside.listen(PORT, lambda socket: None)
        ours = Heard(await world.inside.connect("2.0.0.1", PORT))
        theirs = Heard(await accepted)
        ours.socket.send(b"out", 3)
        theirs.socket.send(b"in", 2)
        await after(1)
        assert theirs.data == b"out"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world.server.connect(GATEWAY_IP, PORT), 5)
        return ours.data, theirs.socket.remote[0]

    assert run_virtual(main()) == (b"in", GATEWAY_IP)


async def punch(world: World, nat: NatConfig | None) -> bool:
    """Two behind gateways of their own learn from a server where they are seen, then send to one another."""
    sides = [Datagrams(world.behind(ip, nat), PORT) for ip in ("4.0.0.1", "5.0.0.1")]
    server = Datagrams(world.server, 1)
    seen = [await seen_at(side, server) for side in sides]
    for _ in range(3):
        sides[0].socket.send_to(b"punch", seen[1])
        sides[1].socket.send_to(b"punch", seen[0])
        await after(0.2)
    return all(side.came for side in sides)


@pytest.mark.parametrize(
    ("nat", "succeeds"),
    [(NatConfig(), True), (NatConfig.full_cone(), True), (NatConfig.symmetric(), False)],
    ids=["home router", "full cone", "symmetric"],
)
def test_hole_punching_with_datagrams(nat: NatConfig, succeeds: bool) -> None:
    async def main() -> bool:
        return await punch(World(), nat)

    assert run_virtual(main()) is succeeds


@pytest.mark.parametrize(
    ("nat", "succeeds"), [(NatConfig(), True), (NatConfig.symmetric(), False)], ids=["home router", "symmetric"]
)
def test_hole_punching_with_simultaneous_open(nat: NatConfig, succeeds: bool) -> None:
    async def meet(one: Interface, at: tuple[str, int]) -> bool:
        try:
            socket = await asyncio.wait_for(one.connect(*at, local_port=PORT), 20)
        except OSError:
            return False
        heard = Heard(socket)
        socket.send(b"met", 3)
        await after(2)
        return heard.data == b"met"

    async def main() -> bool:
        world = World()
        sides = [world.behind(ip, nat) for ip in ("4.0.0.1", "5.0.0.1")]
        seen: list[tuple[str, int]] = []
        world.server.listen(PORT, lambda socket: seen.append(socket.remote))
        for side in sides:
            await side.connect("2.0.0.1", PORT, local_port=PORT)
            await after(0.1)
        return all(await asyncio.gather(meet(sides[0], seen[1]), meet(sides[1], seen[0])))

    assert run_virtual(main()) is succeeds


def test_mappings_are_bounded_and_make_room_once_they_end() -> None:
    translator = Translator(NatConfig(mapping=BOTH, max_mappings=3), lambda: 20_000)
    source = ("10.0.0.1", 1)
    ports = [translator.outbound("udp", source, ("2.0.0.1", n), now=0.0) for n in range(4)]
    assert ports == [20_000, 20_001, 20_002, None]
    assert translator.outbound("udp", source, ("2.0.0.1", 9), now=500.0) == 20_000
    assert len(translator) == 1


def test_an_address_is_given_once_in_a_realm() -> None:
    async def main() -> Gateway:
        world = World()
        world.network.attach("again", "10.0.0.1")
        with pytest.raises(ConfigError, match="taken"):
            world.network.attach("again", "2.0.0.1")
        return world.network.attach_gateway("again", GATEWAY_IP)

    with pytest.raises(ConfigError, match="taken"):
        run_virtual(main())
