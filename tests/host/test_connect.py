"""A peer without an address is looked for by whichever service finds peers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from aiolibp2p import Host, Multiaddr, PeerId, Service
from aiolibp2p.abc.services.routing import PeerRouting
from aiolibp2p.assembly import Seams
from aiolibp2p.errors import DialFailed, TimeoutExpired, Unreachable
from aiolibp2p.swarm.dialling.history import DialHistory
from aiolibp2p.swarm.dialling.ranker import RankedAddress

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]


class Directory(Service, PeerRouting):
    name = "directory"
    provides = (PeerRouting,)

    def __init__(self, error: Exception | None = None) -> None:
        self.entries: dict[PeerId, list[Multiaddr]] = {}
        self.asked: list[PeerId] = []
        self.error = error

    async def find_peer(self, peer: PeerId) -> Sequence[Multiaddr]:
        self.asked.append(peer)
        if self.error is not None:
            raise self.error
        return self.entries.get(peer, ())


async def test_it_is_asked_for_a_peer_of_whom_no_address_is_known() -> None:
    directory = Directory()
    async with Host(listen=LOOPBACK) as server, Host(services=[directory]) as client:
        directory.entries[server.peer_id] = [one.without_p2p() for one in server.addresses]
        connection = await client.connect(server.peer_id)
        assert connection.remote_peer == server.peer_id
        assert directory.asked == [server.peer_id]
        assert await client.connect(server.peer_id) is connection
        assert await client.ping(server.peer_id) > 0
        assert directory.asked == [server.peer_id]
        # The address that led there is remembered.
        await client.disconnect(server.peer_id)
        await client.connect(str(server.peer_id))
        assert directory.asked == [server.peer_id]


async def test_it_is_not_asked_when_an_address_is_given() -> None:
    directory = Directory()
    async with Host(listen=LOOPBACK) as server, Host(services=[directory]) as client:
        await client.connect(server.addresses[0])
        await client.connect(server.addresses[0].without_p2p())
        assert directory.asked == []


async def test_a_peer_that_nobody_knows_is_not_dialled() -> None:
    directory = Directory()
    async with Host(services=[directory]) as client:
        with pytest.raises(DialFailed, match="no address of it is known"):
            await client.connect(Host().peer_id)
        assert len(directory.asked) == 1


async def test_what_the_search_ended_with_is_told() -> None:
    async with Host(services=[Directory(TimeoutExpired("nobody answered within 60 s"))]) as client:
        with pytest.raises(TimeoutExpired, match="nobody answered"):
            await client.connect(Host().peer_id)


class Grudge(DialHistory):
    """A history that leaves every address alone that has failed once."""

    def __init__(self) -> None:
        self.noted: list[tuple[Multiaddr, BaseException | None]] = []

    def refusal(self, peer: PeerId | None, address: Multiaddr, now: float) -> BaseException | None:
        failed = any(error is not None for noted, error in self.noted if noted == address)
        return Unreachable("it failed before") if failed else None

    def note(self, peer: PeerId | None, address: Multiaddr, outcome: BaseException | None, now: float) -> None:
        self.noted.append((address, outcome))


async def test_order_and_back_off_are_for_the_user_to_replace() -> None:
    history, asked = Grudge(), list[Sequence[Multiaddr]]()

    def backwards(addresses: Sequence[Multiaddr]) -> list[RankedAddress]:
        asked.append(list(addresses))
        return [RankedAddress(address, n * 0.01) for n, address in enumerate(reversed(addresses))]

    seams = Seams(history=history, ranker=backwards)
    async with Host(listen=LOOPBACK) as server, Host(seams=seams) as client:
        good, dead = server.addresses[0].without_p2p(), Multiaddr("/ip4/127.0.0.1/tcp/1")
        await client.connect([one.with_p2p(server.peer_id.to_bytes()) for one in (good, dead)])
        assert asked == [[good, dead]]
        assert [(address, error is None) for address, error in history.noted] == [(dead, False), (good, True)]
        await client.disconnect(server.peer_id)
        with pytest.raises(DialFailed, match="it failed before"):
            await client.connect(dead.with_p2p(server.peer_id.to_bytes()))
        assert len(history.noted) == 2
