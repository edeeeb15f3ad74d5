"""Two behind gateways of their own learn where they are seen, and send to one another."""

from __future__ import annotations

import pytest

from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import LinkConfig, NatConfig, Network
from aiolibp2p.simulator.network.nat import FULL_CONE, PORT_RESTRICTED_CONE, RESTRICTED_CONE, SYMMETRIC
from aiolibp2p.simulator.runtime import seeded_random
from aiolibp2p.simulator.trace import Trace
from waiting import after

PORT = 4001
SERVER = ("2.0.0.1", 9000)


async def punch(config: NatConfig) -> list[int]:
    """How many of three datagrams each of the two gets from the other."""
    network = Network(seeded_random(1, "network"), Trace(), lambda a, b: LinkConfig(latency_s=0.02))
    seen: list[tuple[str, int]] = []
    network.attach("server", SERVER[0]).bind_udp(SERVER[1], lambda data, source: seen.append(source))
    came = [0, 0]

    def counted(side: int) -> None:
        came[side] += 1

    sockets = []
    for side, ip in enumerate(("4.0.0.1", "5.0.0.1")):
        gateway = network.attach_gateway(f"gateway {side}", ip, config)
        interface = network.attach(f"side {side}", "10.0.0.1", gateway=gateway)
        sockets.append(interface.bind_udp(PORT, lambda data, source, side=side: counted(side)))
        sockets[side].send_to(b"hello", SERVER)
        await after(0.1)
    for _ in range(3):
        sockets[0].send_to(b"punch", seen[1])
        sockets[1].send_to(b"punch", seen[0])
        await after(0.2)
    return came


@pytest.mark.parametrize("config", [FULL_CONE, RESTRICTED_CONE, PORT_RESTRICTED_CONE])
def test_datagrams_make_holes_where_mappings_do_not_depend_on_the_other_side(config: NatConfig) -> None:
    assert min(run_virtual(punch(config))) >= 2


def test_symmetric_gateways_have_no_hole_to_meet_in() -> None:
    assert run_virtual(punch(SYMMETRIC)) == [0, 0]
