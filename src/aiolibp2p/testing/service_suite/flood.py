"""A peer that opens streams by the hundred and means no good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest

from aiolibp2p.abc.stream import Stream
from aiolibp2p.errors import Libp2pError
from aiolibp2p.host import Host
from aiolibp2p.simulator.node import Node
from aiolibp2p.simulator.simulation import Simulation
from aiolibp2p.testing.service_suite.neighbours import ServiceNeighbourSuite

GARBAGE_BYTES = 4096
"""The most garbage in bytes: more than a short message, less than a first window, so that no write waits."""

READ_BYTES = 64 * 1024
"""Bytes that the stranger reads at once: as many as a read of a stream may return without being asked for more."""
MAX_READS = 16
"""Reads after which the stranger resets its stream: garbage may have asked for bytes without end."""

PING_WITHIN_S = 1.0
"""Seconds that a ping may take beside a flood: 25 times the round trip of the simulated network."""


class ServiceSuite(ServiceNeighbourSuite):
    """All tests for a service; those in this class are floods.

    A stranger opens `flood_streams` to each protocol of the host. A friend's pings are answered meanwhile.
    Afterwards the host has no more streams and tasks than before, and the service works. No input may log an error.
    """

    @pytest.mark.parametrize("kind", ["garbage", "reset", "silent", "half_closed", "unfinished"])
    def test_a_flood(self, kind: str) -> None:
        """Survive streams full of garbage, reset at once, silent, ended without a byte, or left in the middle."""

        async def program(simulation: Simulation) -> None:
            host, friend = self.add(simulation, "host"), self.add(simulation, "friend")
            stranger = simulation.add_node("stranger")
            await self.meet(simulation, host, friend, stranger)
            before = host.running.statistics()
            for protocol_id in host.running.protocols:
                flood = asyncio.gather(
                    *(self._stream(simulation, kind, stranger, host, protocol_id) for _ in range(self.flood_streams))
                )
                await self._pinged(friend.running, host)
                await flood
            await self._pinged(friend.running, host)
            await self.assert_back_to(before, simulation, host.running)
            await self.use_patiently(friend.running, host.peer_id)
            await self.use_patiently(host.running, friend.peer_id)

        self.run(program)

    async def _pinged(self, friend: Host, host: Node) -> None:
        seconds = await friend.ping(host.peer_id)
        assert seconds < PING_WITHIN_S, f"a ping beside the flood took {seconds:.3f} s"

    async def _stream(self, simulation: Simulation, kind: str, stranger: Node, host: Node, protocol_id: str) -> None:
        """Open one stream of the flood and wait until the host ends it; a refusal is an end, too."""
        garbage = simulation.random.randbytes(simulation.random.randrange(1, GARBAGE_BYTES))
        try:
            async with asyncio.timeout(self.patience_s):
                stream = await stranger.running.new_stream(host.peer_id, protocol_id)
                await MISDEEDS[kind](stream, garbage)
                await _read_some(stream)
        except Libp2pError:
            return
        except TimeoutError:
            assert self.keeps_silent_streams, f"{protocol_id}: a {kind} stream is kept after {self.patience_s:g} s"
        stream.reset()


async def _read_some(stream: Stream) -> None:
    for _ in range(MAX_READS):
        if not await stream.read(READ_BYTES):
            return


async def _garbage(stream: Stream, garbage: bytes) -> None:
    await stream.write(garbage)
    await stream.close_write()


async def _reset(stream: Stream, garbage: bytes) -> None:
    await stream.write(garbage)
    stream.reset()


async def _silent(stream: Stream, garbage: bytes) -> None:
    await stream.write(b"")


async def _half_closed(stream: Stream, garbage: bytes) -> None:
    await stream.close_write()


async def _unfinished(stream: Stream, garbage: bytes) -> None:
    await stream.write(garbage)


MISDEEDS: Mapping[str, Callable[[Stream, bytes], Awaitable[None]]] = {
    "garbage": _garbage,
    "reset": _reset,
    "silent": _silent,
    "half_closed": _half_closed,
    "unfinished": _unfinished,
}
"""Kinds of floods: what the stranger does with a stream before it waits for its end."""
