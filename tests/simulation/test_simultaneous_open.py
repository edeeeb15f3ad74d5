"""A thousand meetings of two that dial each other; what they come to without the extension, and with equal numbers."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from aiolibp2p import HostConfig, Limits, Multiaddr
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import Stream
from aiolibp2p.assembly import Parts, assemble
from aiolibp2p.errors import DialFailed, NegotiationFailed, ProtocolViolation, TimeoutExpired
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import LinkConfig, Network
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.runtime import SimulatedRuntime, seeded_random
from aiolibp2p.simulator.scenario import RunOptions, Scenario
from aiolibp2p.simulator.scenarios import find, simultaneous_open
from aiolibp2p.simulator.simulation import Simulation
from aiolibp2p.simulator.trace import Trace
from aiolibp2p.simulator.transport import StreamTransport, StreamTransportConfig
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from waiting import after

SEEDS = 1000
ECHO_ID = "/echo/1.0.0"
WITH_IT = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(simultaneous_open=True)))


@pytest.mark.timeout(120)
@pytest.mark.spec("SIMO-2", "SIMO-4")
def test_two_that_dial_each_other_share_one_connection_for_a_thousand_seeds() -> None:
    scenario, counted = find("simultaneous-open"), Counter[str]()
    for seed in range(1, SEEDS + 1):
        result = run_scenario(scenario, RunOptions(seed))
        assert result.violations == (), f"p2p simulate simultaneous-open --seed {seed}"
        counted.update(result.counters)
    assert counted["simultaneous"] > SEEDS // 2
    assert counted["ordinary"] > SEEDS // 20
    assert counted["simultaneous"] + counted["ordinary"] == SEEDS
    won = [counted[f"n{i}_was_initiator"] for i in (0, 1)]  # looked at twice each
    assert sum(won) == 2 * SEEDS
    assert min(won) > SEEDS // 2


@pytest.mark.spec("SIMO-7")
def test_without_the_extension_nothing_comes_of_it() -> None:
    async def run(simulation: Simulation) -> None:
        await simultaneous_open.meet_all(simulation, Limits())

    outcomes = Counter[tuple[bool, bool]]()
    for seed in range(1, 41):
        result = run_scenario(Scenario("without", "", run, nodes=2, limit_s=120.0), RunOptions(seed))
        both_failed = result.counters.get("failed_dials", 0) == 2
        outcomes[both_failed, any(violation.checker == "one-connection" for violation in result.violations)] += 1
    assert outcomes.keys() == {(True, True), (False, False)}
    assert outcomes[True, True] > 20


class EqualAtFirst(SimulatedRuntime):
    """Draws the same number as its like, once."""

    def __init__(self, name: str) -> None:
        super().__init__(asyncio.get_running_loop().time, seeded_random(1, name))
        self.equal = 0
        draw = self.entropy

        def entropy(n: int) -> bytes:
            if n == 8 and not self.equal:
                self.equal = 1
                return bytes(range(8))
            return draw(n)

        self.entropy = entropy


@pytest.mark.spec("SIMO-5")
def test_equal_numbers_fail_on_both_sides_and_the_next_dial_does_not() -> None:
    async def main() -> None:
        simulation = Simulation(seed=1, size=2)
        simulation.transport = StreamTransportConfig(dial_from_listen_port=True)
        runtimes = [EqualAtFirst(name) for name in ("one", "other")]
        one, other = (simulation.add_node(limits=WITH_IT, runtime=runtime) for runtime in runtimes)
        await simulation.start_nodes()

        async def dial_both() -> list[object]:
            ends: tuple[tuple[Node, Node], ...] = ((one, other), (other, one))
            dials = (node.running.connect(target.address) for node, target in ends)
            return list(await asyncio.gather(*dials, return_exceptions=True))

        for failed in await dial_both():
            assert isinstance(failed, DialFailed)
            ((_, reason),) = failed.attempts
            assert isinstance(reason, NegotiationFailed)
            assert "drew the same number" in str(reason)
        assert [runtime.equal for runtime in runtimes] == [1, 1]
        await after(1.0)
        assert [node.interface.socket_count for node in (one, other)] == [0, 0]
        assert [node.running.statistics().connections for node in (one, other)] == [0, 0]
        first, second = await dial_both()
        assert isinstance(first, Connection)
        assert isinstance(second, Connection)
        assert first.is_outbound is not second.is_outbound
        await one.running.ping(other.peer_id)
        await other.running.ping(one.peer_id)
        await simulation.close()
        assert simulation.violations == []

    run_virtual(main(), 60)


class Side:
    """A swarm on a machine of its own, which dials from the port it listens on."""

    def __init__(self, network: Network, ip: str) -> None:
        transport = StreamTransport(network.attach(ip, ip), StreamTransportConfig(dial_from_listen_port=True))
        runtime = SimulatedRuntime(network.loop.time, seeded_random(1, ip))
        self.parts: Parts = assemble(HostConfig(transports=[transport], runtime=runtime))
        self.parts.handlers.add(ECHO_ID, echo)
        self.address = Multiaddr(f"/ip4/{ip}/tcp/4001")

    async def dial(self, other: Side, request: DialRequest) -> Connection:
        """Dial a new connection."""
        return await self.parts.swarm.dial(
            replace(request, peer=other.parts.key.peer_id, addresses=[other.address], fresh=True)
        )


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def dial_each_other(one: DialRequest, other: DialRequest) -> list[Connection | BaseException]:
    """Dial each other at the same moment, and open streams from both ends at once if that gives a connection."""
    network = Network(seeded_random(1, "network"), Trace(), lambda _from, _to: LinkConfig(latency_s=0.02))
    sides = [Side(network, ip) for ip in ("11.0.0.1", "11.0.0.2")]
    for side in sides:
        await side.parts.swarm.listen([side.address])
    dials = sides[0].dial(sides[1], one), sides[1].dial(sides[0], other)
    found: list[Connection | BaseException] = list(await asyncio.gather(*dials, return_exceptions=True))
    await asyncio.gather(*(use(end) for end in found if isinstance(end, Connection) for _ in range(3)))
    for side in sides:
        assert len(side.parts.swarm.connections()) == sum(isinstance(end, Connection) for end in found) // 2
        await side.parts.swarm.close()
    return found


async def use(connection: Connection) -> None:
    stream = await connection.open_stream([ECHO_ID])
    await stream.write(b"hello")
    assert await stream.read_exactly(5) == b"hello"
    await stream.close()


AS_INITIATOR, AS_RESPONDER = DialRequest(None), DialRequest(None, role=Role.RESPONDER)
ASKING = DialRequest(None, simultaneous=True)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_dial_as_responder_meets_one_as_initiator(is_first: bool) -> None:
    options = (AS_RESPONDER, AS_INITIATOR) if is_first else (AS_INITIATOR, AS_RESPONDER)
    ends = run_virtual(dial_each_other(*options), 60)
    roles = [end.is_outbound for end in ends if isinstance(end, Connection)]
    assert roles == [not is_first, is_first]


def test_an_initiator_that_asks_is_told_no_by_one_that_responds() -> None:
    ends = run_virtual(dial_each_other(ASKING, replace(AS_RESPONDER, simultaneous=True)), 60)
    assert [end.is_outbound for end in ends if isinstance(end, Connection)] == [True, False]


def test_one_dial_alone_can_ask() -> None:
    ends = run_virtual(dial_each_other(ASKING, ASKING), 60)
    assert sorted(end.is_outbound for end in ends if isinstance(end, Connection)) == [False, True]


@pytest.mark.spec("SIMO-7")
@pytest.mark.parametrize("options", [AS_INITIATOR, ASKING])
def test_two_initiators_of_which_one_does_not_ask_fail(options: DialRequest) -> None:
    for end in run_virtual(dial_each_other(AS_INITIATOR, options), 60):
        assert isinstance(end, DialFailed)
        ((_, reason),) = end.attempts
        assert isinstance(reason, ProtocolViolation)


def test_two_responders_wait_no_longer_than_an_upgrade_may_take() -> None:
    for end in run_virtual(dial_each_other(AS_RESPONDER, AS_RESPONDER), 60):
        assert isinstance(end, DialFailed)
        ((_, reason),) = end.attempts
        assert isinstance(reason, TimeoutExpired)
