"""Fed by identify, followed by the ends of connections, and believed by the host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from aiolibp2p import Host
from aiolibp2p.events import AddressesChanged, ConnectionClosed, PeerIdentified
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.identify import Identify
from aiolibp2p.protocols.observed_addresses import ObservedAddresses, ObservedAddressesConfig
from protocols.fakes import FakeConnection, FakeHost, join
from protocols.identify.pair import CONFIG

KEYS = [PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in range(20, 26)]
LOCAL, OUTSIDE = Multiaddr("/ip4/10.0.0.5/tcp/4001"), Multiaddr("/ip4/203.0.113.9/tcp/4001")


class Watched:
    """A host with identify and what is under test, and peers that each see it at OUTSIDE."""

    def __init__(self, config: ObservedAddressesConfig | None = None) -> None:
        self.host = FakeHost(KEYS[0])
        self.host.addresses = [LOCAL.with_p2p(self.host.peer_id.to_bytes())]
        self.observed = ObservedAddresses(config)
        self.observed.own_addresses([LOCAL])
        self.changes = 0
        self.changed = asyncio.Event()
        self.observed.on_change = self._changed
        self.identify = Identify(CONFIG)
        self.others: list[FakeHost] = []

    def _changed(self) -> None:
        self.changes += 1
        self.changed.set()

    async def meet(self, count: int, local: Multiaddr = LOCAL, outbound: bool = False) -> list[FakeConnection]:
        connections = []
        seen = self.host.bus.subscribe(PeerIdentified)
        for key in KEYS[1 : 1 + count]:
            n = len(self.others)
            other, remote = FakeHost(key), Multiaddr(f"/ip4/198.51.100.{n + 1}/tcp/{n + 1}")
            service = Identify(CONFIG)
            await service.start(other.context)
            self.others.append(other)
            connection = join(self.host, other, str(local), str(remote))
            connection.is_outbound = outbound
            connection.other.remote_address = OUTSIDE
            connections.append(connection)
        async with asyncio.timeout(5):
            for _ in connections:
                await anext(seen)
        return connections

    @property
    def believed(self) -> list[Multiaddr]:
        return list(self.observed.own_addresses([LOCAL]))


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    one = Watched()
    await one.observed.start(one.host.context)
    await one.identify.start(one.host.context)
    yield one
    await one.observed.close()
    for host in (one.host, *one.others):
        await host.close()
        assert host.failures == []


@pytest.mark.spec("ID-18")
async def test_what_four_peers_tell_identify_is_believed(watched: Watched) -> None:
    await watched.meet(3)
    assert (watched.believed, watched.changes) == ([], 0)
    await watched.meet(1)
    assert (watched.believed, watched.changes) == ([OUTSIDE], 1)


async def test_calls_from_a_port_we_do_not_listen_on_tell_nothing(watched: Watched) -> None:
    await watched.meet(5, Multiaddr("/ip4/10.0.0.5/tcp/50123"), outbound=True)
    await watched.meet(4, LOCAL, outbound=True)
    assert watched.believed == [OUTSIDE]
    assert watched.observed.own_addresses([Multiaddr("/ip4/10.0.0.5/tcp/50123")]) == []


async def test_a_listener_that_is_told_to_nobody_is_observed_all_the_same(watched: Watched) -> None:
    watched.host.addresses = []
    await watched.meet(4, LOCAL, outbound=True)
    assert watched.believed == [OUTSIDE]


@pytest.mark.spec("ID-18")
async def test_connections_that_end_take_their_observation_along(watched: Watched) -> None:
    first, *_ = await watched.meet(3)
    end(first)
    await watched.host.idle()
    await watched.meet(1)
    assert watched.believed == []
    await watched.meet(1)
    assert watched.believed == [OUTSIDE]


async def test_an_end_before_the_answer_leaves_nothing_behind(watched: Watched) -> None:
    connections = await watched.meet(3)
    (late,) = await watched.meet(1, Multiaddr("/ip4/10.0.0.5/tcp/1"))
    late.local_address = LOCAL
    end(late)
    watched.observed.observe(late, OUTSIDE)
    assert watched.believed == []
    watched.observed.observe(connections[0], OUTSIDE)
    assert watched.believed == []


async def test_ends_that_were_missed_are_made_up_for(watched: Watched) -> None:
    first, *_ = await watched.meet(3)
    end(first)
    for _ in range(300):
        watched.host.emit(closed(first.remote_peer, OUTSIDE))
    await watched.host.idle()
    await watched.meet(1)
    assert watched.believed == []


@pytest.mark.virtual_time
async def test_an_address_expires_by_the_clock() -> None:
    watched = Watched(ObservedAddressesConfig(kept_s=600))
    await watched.observed.start(watched.host.context)
    await watched.identify.start(watched.host.context)
    for connection in await watched.meet(4):
        end(connection)
    await watched.host.idle()
    assert watched.believed == [OUTSIDE]
    watched.changed.clear()
    watched.host.runtime.time += 600
    await watched.changed.wait()
    assert watched.believed == []
    await watched.host.close()


async def test_a_closed_service_counts_no_more(watched: Watched) -> None:
    *_, last = await watched.meet(4)
    await watched.observed.close()
    end(last)
    await watched.host.idle()
    watched.observed.observe(last, Multiaddr("/ip4/203.0.113.77/tcp/1"))
    assert watched.believed == [OUTSIDE]
    assert watched.changes == 1


def end(connection: FakeConnection) -> None:
    connection.drop()
    connection.owner.emit(closed(connection.remote_peer, connection.remote_address))


def closed(peer: PeerId, remote: Multiaddr) -> ConnectionClosed:
    return ConnectionClosed(peer, remote, "gone")


# In a host


async def serve_nothing(stream: object) -> None:
    pass


@dataclass
class Call:
    """A connection as a peer of the outside world would make it."""

    local_address: Multiaddr
    remote_address: Multiaddr
    remote_peer: PeerId = field(default=KEYS[1].peer_id)
    is_outbound: bool = False
    is_closed: bool = False


@pytest.mark.spec("ID-18", "ID-11")
async def test_a_believed_address_is_the_hosts_is_announced_and_pushed() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as host, Host() as friend:
        listening = host.addresses[0]
        told = friend.events(PeerIdentified)
        announced = host.events(AddressesChanged)
        await friend.connect(listening)
        first = await anext(told)
        assert first.listen_addresses == (listening.without_p2p(),)
        await host.identify(friend.peer_id)
        # Two rounds, so that none of the changes of the start is still to be pushed; the second is of its own.
        for protocol_id in ("/first/1", "/second/1"):
            host.set_stream_handler(protocol_id, serve_nothing)
            while protocol_id not in (await asyncio.wait_for(anext(told), 5)).protocols:
                pass
        for n in range(4):
            call = Call(listening.without_p2p(), Multiaddr(f"/ip4/198.51.100.{n}/tcp/7"))
            host.service(ObservedAddresses).observe(call, OUTSIDE)
        outside = OUTSIDE.with_p2p(host.peer_id.to_bytes())
        assert host.addresses == [listening, outside]
        assert await anext(announced) == AddressesChanged((listening, outside), added=(outside,))
        second = await asyncio.wait_for(anext(told), 5)
        assert OUTSIDE in second.listen_addresses
        assert OUTSIDE in friend.peerstore.certified_addresses(host.peer_id)
