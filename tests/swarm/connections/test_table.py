"""The table of connections, and which of several is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest

from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.connections.table import ConnectionTable

LOW, HIGH = sorted(PrivateKey.generate("ed25519").peer_id for _ in range(2))


@dataclass(eq=False)
class FakeConnection:
    """A fake connection, as much of one as the table looks at."""

    remote_peer: PeerId
    is_outbound: bool = True
    takes_streams: bool = True
    limits: ConnectionLimits | None = None


def fake(
    peer: PeerId, is_outbound: bool = True, takes_streams: bool = True, limits: ConnectionLimits | None = None
) -> Connection:
    """Return a fake connection, typed as a real one."""
    return cast(Connection, FakeConnection(peer, is_outbound, takes_streams, limits))


def test_it_knows_the_first_and_the_last_of_a_peer() -> None:
    table = ConnectionTable(LOW)
    one, two = fake(HIGH), fake(HIGH)
    assert table.add(one)
    assert not table.add(two)
    assert (len(table), table.peers, table.all(), table.all(HIGH)) == (2, [HIGH], [one, two], [one, two])
    assert not table.remove(one)
    assert table.remove(two)
    assert not table.remove(two)
    assert (len(table), table.peers, table.all(HIGH)) == (0, [], [])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("local", "remote"), [(LOW, HIGH), (HIGH, LOW)])
def test_both_sides_use_what_the_lower_id_dialled(local: PeerId, remote: PeerId, reverse: bool) -> None:
    table = ConnectionTable(local)
    both = [fake(remote, is_outbound=True), fake(remote, is_outbound=False)]
    for connection in reversed(both) if reverse else both:
        table.add(connection)
    assert table.best(remote) is both[0 if local == LOW else 1]


def test_the_only_connection_is_the_best_whoever_dialled() -> None:
    table = ConnectionTable(LOW)
    inbound = fake(HIGH, is_outbound=False)
    table.add(inbound)
    assert table.best(HIGH) is inbound
    assert table.best(LOW) is None


def test_one_that_takes_no_streams_any_more_is_passed_over() -> None:
    table = ConnectionTable(LOW)
    table.add(fake(HIGH, is_outbound=True, takes_streams=False))
    assert table.best(HIGH) is None
    inbound = fake(HIGH, is_outbound=False)
    table.add(inbound)
    assert table.best(HIGH) is inbound


def test_one_without_limits_is_better_whoever_dialled_it() -> None:
    table = ConnectionTable(LOW)
    relayed = fake(HIGH, is_outbound=True, limits=ConnectionLimits(max_bytes=1 << 17))
    table.add(relayed)
    assert table.best(HIGH) is None
    assert table.best(HIGH, allow_limited=True) is relayed
    direct = fake(HIGH, is_outbound=False)
    table.add(direct)
    assert table.best(HIGH) is table.best(HIGH, allow_limited=True) is direct
