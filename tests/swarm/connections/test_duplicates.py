"""Many connections to one peer: each is watched by one timer, and closed by its dialer when nobody uses it."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from typing import cast

import pytest

from aiolibp2p import Host, Limits
from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.events import ConnectionClosed
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.connections.duplicates import Duplicates
from aiolibp2p.swarm.connections.table import ConnectionTable
from swarm.fakes import OTHER, THEM
from waiting import after

LOW, HIGH = sorted((THEM.peer_id, OTHER.peer_id))


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


@dataclass(eq=False)
class FakeConnection:
    """A connection, as much of it as its watcher looks at."""

    is_outbound: bool = True
    idle_since: float | None = 0.0
    limits: ConnectionLimits | None = None
    remote_peer: PeerId = HIGH
    takes_streams: bool = True
    is_closed: bool = False


class Watch:
    """A table of ours, the lower id, and the connections that were closed."""

    def __init__(self, *connections: FakeConnection) -> None:
        self.table = ConnectionTable(LOW)
        self.closed: list[Connection] = []
        self.duplicates = Duplicates(self.table, asyncio.get_running_loop().time, 30.0, self.closed.append)
        for connection in connections:
            self.add(connection)

    def add(self, connection: FakeConnection) -> None:
        connection.idle_since = connection.idle_since and asyncio.get_running_loop().time()
        self.table.add(cast(Connection, connection))
        self.duplicates.watch(HIGH)


@pytest.mark.virtual_time
async def test_the_idle_one_that_is_not_used_is_closed_by_its_dialer() -> None:
    best, second, theirs = FakeConnection(), FakeConnection(), FakeConnection(is_outbound=False)
    watch = Watch(best, second, theirs)
    await after(29.0)
    assert watch.closed == []
    await after(2.0)
    assert watch.closed == [second]


@pytest.mark.virtual_time
async def test_one_with_streams_is_looked_at_again() -> None:
    busy = FakeConnection(idle_since=None)
    watch = Watch(FakeConnection(), busy)
    await after(40.0)
    busy.idle_since = asyncio.get_running_loop().time()
    await after(25.0)
    assert watch.closed == []
    await after(30.0)
    assert watch.closed == [busy]


@pytest.mark.virtual_time
async def test_a_relayed_one_goes_when_there_is_a_direct_one() -> None:
    relayed = FakeConnection(limits=ConnectionLimits(max_s=120))
    watch = Watch(relayed, FakeConnection(is_outbound=False))
    await after(31.0)
    assert watch.closed == [relayed]


@pytest.mark.virtual_time
async def test_one_that_has_become_the_best_stays() -> None:
    best, second = FakeConnection(), FakeConnection()
    watch = Watch(best, second)
    watch.table.remove(cast(Connection, best))
    watch.duplicates.forget(cast(Connection, best))
    await after(100.0)
    assert watch.closed == []


@pytest.mark.virtual_time
async def test_nobody_is_watched_any_more() -> None:
    watch = Watch(FakeConnection(), FakeConnection())
    watch.duplicates.close()
    await after(100.0)
    assert watch.closed == []
