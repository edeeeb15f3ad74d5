"""How connections of the fast path end."""

from __future__ import annotations

import gc
from typing import cast

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import LimitExceeded
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.simulator.fast_path.connection import MAX_EARLY, MuxedLink
from aiolibp2p.simulator.fast_path.frames import Frames
from aiolibp2p.simulator.fast_path.session import MuxedConfig
from aiolibp2p.simulator.loop import run_virtual
from aiolibp2p.simulator.network import LinkConfig, StreamSocket
from aiolibp2p.simulator.simulation import Simulation
from waiting import after

ECHO_ID = "/echo/1.0.0"


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


def links() -> int:
    return sum(isinstance(one, MuxedLink) for one in gc.get_objects())


@pytest.mark.parametrize("how", ["closed", "host closed"])
def test_a_dead_connection_is_freed_at_once(how: str) -> None:
    async def main() -> None:
        simulation = Simulation(seed=1, fidelity="fast", size=2)
        simulation.link = lambda a, b: LinkConfig(latency_s=0.01)
        client, server = simulation.add_node(), simulation.add_node()
        await simulation.start_nodes()
        server.running.set_stream_handler(ECHO_ID, echo)
        before = links()
        stream = await client.running.new_stream(server.address, ECHO_ID)
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"hello"
        await after(1)
        assert links() == before + 2
        await stream.close()
        del stream
        if how == "closed":
            await client.running.disconnect(server.peer_id)
        else:
            await server.running.close()
        await after(5)
        assert links() == before
        await simulation.close()

    # Under virtual time nothing is collected but by the loop itself, and not within so few turns.
    run_virtual(main(), 60)


class FakeSocket:
    """A socket that remembers only whether it was aborted."""

    local = remote = ("10.0.0.1", 1)
    aborted = False

    def abort(self) -> None:
        self.aborted = True


async def test_frames_are_not_lost_when_too_many_come_early_but_end_the_connection() -> None:
    socket, told = FakeSocket(), list[BaseException | None]()
    key = PrivateKey.generate("ed25519").public_key
    link = MuxedLink(cast(StreamSocket, socket), Role.RESPONDER, key, MuxedConfig(), told.append)
    for _ in range(MAX_EARLY):
        link.segment_received(Frames(()))
    assert not socket.aborted
    link.segment_received(Frames(()))
    assert socket.aborted
    link.connection_lost(None)
    assert [type(error) for error in told] == [LimitExceeded]
