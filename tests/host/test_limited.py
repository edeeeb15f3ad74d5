"""A connection that is limited in bytes and time is used by those who say so, from the front door, too."""

from __future__ import annotations

import pytest

from aiolibp2p.abc.stream import ConnectionLimits, Stream
from aiolibp2p.errors import DialFailed, LimitedConnection
from aiolibp2p.simulator.fast_path.connection import MuxedLink
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.simulation import Simulation

ECHO_ID = "/echo/1.0.0"


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def limited_pair(monkeypatch: pytest.MonkeyPatch) -> tuple[Simulation, Node, Node]:
    """Return two nodes that run; every connection between them is limited, as through a relay."""
    monkeypatch.setattr(MuxedLink, "limits", ConnectionLimits(max_bytes=1 << 17, max_s=120))
    simulation = Simulation(seed=1, fidelity="fast", size=2)
    client, server = simulation.add_node(), simulation.add_node()
    await simulation.start_nodes()
    server.running.set_stream_handler(ECHO_ID, echo)
    return simulation, client, server


def test_streams_over_it_are_for_those_who_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        simulation, client, server = await limited_pair(monkeypatch)
        with pytest.raises(DialFailed, match="allows that"):
            await client.running.new_stream(server.address, ECHO_ID)
        stream = await client.running.new_stream(server.peer_id, ECHO_ID, allow_limited=True)
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"hello"
        await stream.close()
        connection = await client.running.connect(server.peer_id, allow_limited=True)
        assert connection is stream.connection
        with pytest.raises(LimitedConnection):
            await client.running.new_stream_on(connection, ECHO_ID)
        await simulation.close()

    run_virtual(main(), 60)


def test_it_is_identified_and_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        simulation, client, server = await limited_pair(monkeypatch)
        assert (await client.running.identify(server.address)).public_key == server.key.public_key
        assert ECHO_ID in (client.running.peerstore.protocols(server.peer_id) or ())
        assert await client.running.ping(server.peer_id) >= 0
        await simulation.close()

    run_virtual(main(), 60)
