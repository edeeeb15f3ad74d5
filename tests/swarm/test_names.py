"""Dialling by name: hosts over real sockets, names from a DNS server on loopback."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p import Host, Limits, PeerId
from aiolibp2p.errors import DialFailed, LimitExceeded, PeerIdMismatch, TimeoutExpired
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.dialling.config import DialerConfig
from swarm.name_server import NameServer, links, name_server

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
STRANGER = PeerId.parse("12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq")


def asking(server: NameServer, dial: DialerConfig | None = None) -> Host:
    """A host that asks this server for names."""
    return Host(limits=Limits(swarm=SwarmConfig(resolver=server.config, dial=dial or DialerConfig())))


@pytest.mark.spec("ADDR-11", "ADDR-12")
@pytest.mark.parametrize("kind", ["dns", "dns4"])
async def test_a_name_is_dialled(kind: str) -> None:
    zone = {("node.example.com", "A"): ["127.0.0.1"]}
    async with Host(listen=LOOPBACK) as server, name_server(zone) as names, asking(names) as client:
        (address,) = server.addresses
        text = f"/{kind}/node.example.com/tcp/{address.port}"
        for target in (text, f"{text}/p2p/{server.peer_id}"):
            connection = await client.connect(target)
            assert connection.remote_peer == server.peer_id
            assert connection.remote_address == address.without_p2p()
            await client.disconnect(server.peer_id)


@pytest.mark.spec("ADDR-13", "ADDR-14")
async def test_a_link_is_dialled_and_entries_of_others_are_not() -> None:
    async with Host(listen=LOOPBACK) as server, Host(listen=LOOPBACK) as other:
        entries = links(str(other.addresses[0]), str(server.addresses[0]))
        async with name_server({("_dnsaddr.example.com", "TXT"): entries}) as names, asking(names) as client:
            connection = await client.connect(f"/dnsaddr/example.com/p2p/{server.peer_id}")
            assert connection.remote_peer == server.peer_id
            assert other.connections() == []
            with pytest.raises(DialFailed, match="lists no address that agrees with"):
                await client.connect(f"/dnsaddr/example.com/p2p/{STRANGER}")


async def test_who_stands_in_a_link_must_answer() -> None:
    async with Host(listen=LOOPBACK) as server:
        bare = server.addresses[0].without_p2p()
        zone = {
            ("_dnsaddr.right.example.com", "TXT"): links(str(server.addresses[0])),
            ("_dnsaddr.bare.example.com", "TXT"): links(str(bare)),
            ("_dnsaddr.wrong.example.com", "TXT"): links(str(bare.with_p2p(STRANGER.to_bytes()))),
        }
        async with name_server(zone) as names, asking(names) as client:
            for name in ("right", "bare"):
                connection = await client.connect(f"/dnsaddr/{name}.example.com")
                assert (connection.remote_peer, connection.remote_address) == (server.peer_id, bare)
                await client.disconnect(server.peer_id)
            with pytest.raises(DialFailed) as caught:
                await client.connect("/dnsaddr/wrong.example.com")
            ((_, reason),) = caught.value.attempts
            assert isinstance(reason, PeerIdMismatch)


async def test_of_what_a_name_stands_for_a_few_are_dialled() -> None:
    entries = links(*(f"/ip4/127.0.0.1/tcp/{port}" for port in range(1, 60)), "/ip4/127.0.0.1/udp/1/quic-v1")
    async with name_server({("_dnsaddr.example.com", "TXT"): entries}) as names, asking(names) as client:
        with pytest.raises(DialFailed) as caught:
            await client.connect(f"/dnsaddr/example.com/p2p/{STRANGER}")
        refused = [reason for _, reason in caught.value.attempts if "refused" in str(reason)]
        unknown = [address for address, reason in caught.value.attempts if "no transport" in str(reason)]
        assert (len(refused), unknown) == (DialerConfig.max_resolved, ["/ip4/127.0.0.1/udp/1/quic-v1"])


async def test_all_names_together_stay_under_the_limit_of_a_dial() -> None:
    zone = {
        (f"_dnsaddr.{n}.example.com", "TXT"): links(*(f"/ip4/127.0.0.1/tcp/{n * 10 + i}" for i in range(1, 4)))
        for n in range(3)
    }
    async with name_server(zone) as names, asking(names, DialerConfig(max_addresses=5)) as client:
        with pytest.raises(DialFailed) as caught:
            await client.connect([f"/dnsaddr/{n}.example.com/p2p/{STRANGER}" for n in range(3)])
        past = [reason for _, reason in caught.value.attempts if isinstance(reason, LimitExceeded)]
        assert len([reason for _, reason in caught.value.attempts if "refused" in str(reason)]) == 5
        assert sum(int(str(reason).split()[0]) for reason in past) == 4


async def test_what_two_names_lead_to_is_dialled_once() -> None:
    zone = {(f"{n}.example.com", "A"): ["127.0.0.1"] for n in range(3)}
    async with name_server(zone) as names, asking(names) as client:
        with pytest.raises(DialFailed) as caught:
            await client.connect(["/ip4/127.0.0.1/tcp/1", *(f"/dns4/{n}.example.com/tcp/1" for n in range(3))])
        assert [address for address, _ in caught.value.attempts] == ["/ip4/127.0.0.1/tcp/1"]


async def test_a_slow_name_holds_up_no_other_address() -> None:
    slow = "slow.example.com"
    async with Host(listen=LOOPBACK) as server, name_server({}, [slow]) as names, asking(names) as client:
        async with asyncio.timeout(1):
            connection = await client.connect([f"/dns4/{slow}/tcp/1", server.addresses[0].without_p2p()])
        assert connection.remote_peer == server.peer_id


async def test_a_dial_that_ends_while_names_are_asked_for_says_so() -> None:
    slow, dial = "slow.example.com", DialerConfig(timeout_s=0.2)
    async with name_server({}, [slow]) as names, asking(names, dial) as client:
        with pytest.raises(DialFailed, match=r"slow\.example\.com/tcp/1: its name was not resolved yet") as caught:
            await client.connect(f"/dns4/{slow}/tcp/1")
        ((_, reason),) = caught.value.attempts
        assert isinstance(reason, TimeoutExpired)


async def test_a_name_that_is_none_costs_only_itself() -> None:
    async with Host(listen=LOOPBACK) as server, Host() as client:
        (address,) = server.addresses
        unusable = [f"/dns4/{name}/tcp/1/p2p/{server.peer_id}" for name in ("a" * 64, "a..b")]
        assert (await client.connect([*unusable, address])).remote_peer == server.peer_id
        with pytest.raises(DialFailed, match="not a host name"):
            await client.connect(f"/dns4/a..b/tcp/1/p2p/{STRANGER}")
