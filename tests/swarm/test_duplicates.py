"""Many connections to one peer: each is watched by one timer, however many there are."""

from __future__ import annotations

import asyncio
import gc

from aiolibp2p import Host, Limits
from aiolibp2p.events import ConnectionClosed
from aiolibp2p.swarm import SwarmConfig


def live_timers() -> int:
    gc.collect()
    return sum(isinstance(one, asyncio.TimerHandle) and not one.cancelled() for one in gc.get_objects())


async def test_connections_to_one_peer_cost_the_same_each() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as server, Host() as client:
        anybody = server.addresses[0].without_p2p()
        counts = []
        for _ in range(4):
            for _ in range(8):
                await client.connect(anybody)
            await client.identify(server.peer_id)
            counts.append(live_timers())
        assert len(client.connections()) == 32
        assert counts[3] - counts[0] < 24 * 8


async def test_what_is_watched_is_forgotten_with_its_connection() -> None:
    limits = Limits(swarm=SwarmConfig(duplicate_idle_s=0.05))
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as server, Host(limits=limits) as client:
        anybody = server.addresses[0].without_p2p()
        closed = client.events(ConnectionClosed)
        for _ in range(5):
            await client.connect(anybody)
        async with asyncio.timeout(5):
            for _ in range(4):
                await anext(closed)
        assert len(client.connections()) == 1
        await client.ping(server.peer_id)
