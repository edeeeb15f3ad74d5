from __future__ import annotations

import pytest

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.protocols.identify.address_scope import most_wanted, observed, of_peer, reachable_from, told

PEER, RELAY = (PeerId.from_key_bytes(bytes([i]) * 36) for i in range(2))
LOOPBACK, PRIVATE, PUBLIC = (Multiaddr(f"/ip4/{ip}/tcp/4001") for ip in ("127.0.0.1", "192.168.1.2", "203.0.113.7"))
LINK_LOCAL, NAME = Multiaddr("/ip6/fe80::1/tcp/1"), Multiaddr("/dns4/example.org/tcp/1")
ALL = [LOOPBACK, PRIVATE, PUBLIC, LINK_LOCAL, NAME]


@pytest.mark.spec("ID-8", "ID-9")
@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("/ip4/203.0.113.7/tcp/4001", "/ip4/203.0.113.7/tcp/4001"),
        (f"/ip4/203.0.113.7/tcp/4001/p2p/{PEER}", "/ip4/203.0.113.7/tcp/4001"),
        (f"/ip4/203.0.113.7/tcp/1/p2p/{RELAY}/p2p-circuit", f"/p2p/{RELAY}/p2p-circuit"),
        (f"/ip4/203.0.113.7/tcp/1/p2p/{RELAY}/p2p-circuit/p2p/{PEER}", f"/p2p/{RELAY}/p2p-circuit"),
        (f"/p2p-circuit/p2p/{PEER}", None),
        ("/onion/aaimaq4ygg2iegci:80", None),
        (f"/p2p/{PEER}", None),
    ],
)
def test_what_a_peer_is_told_of_where_it_comes_from(remote: str, told: str | None) -> None:
    assert observed(Multiaddr(remote)) == (None if told is None else Multiaddr(told))


@pytest.mark.spec("ADDR-20")
def test_addresses_of_this_machine_and_its_links_are_told_on_it_only() -> None:
    assert told(ALL, nearby=True) == ALL
    assert told(ALL, nearby=False) == [PRIVATE, PUBLIC, NAME]
    zoned = Multiaddr("/ip6zone/eth0/ip6/fe80::1/tcp/1")
    assert told([zoned], nearby=True) == [zoned]
    assert told([zoned], nearby=False) == []


@pytest.mark.parametrize(
    ("remote", "believed"),
    [
        (LOOPBACK, ALL),
        (PRIVATE, [PRIVATE, PUBLIC, LINK_LOCAL, NAME]),
        (LINK_LOCAL, [PRIVATE, PUBLIC, LINK_LOCAL, NAME]),
        (PUBLIC, [PUBLIC, NAME]),
        (NAME, ALL),
    ],
)
def test_what_is_believed_of_a_peer(remote: Multiaddr, believed: list[Multiaddr]) -> None:
    assert reachable_from(ALL, remote) == believed


def test_a_circuit_through_nobody_leads_nowhere() -> None:
    circuit = Multiaddr(f"/ip4/203.0.113.7/tcp/1/p2p/{RELAY}/p2p-circuit")
    assert reachable_from([Multiaddr("/p2p-circuit"), Multiaddr(f"/p2p-circuit/p2p/{PEER}"), circuit], PUBLIC) == [
        circuit
    ]


@pytest.mark.spec("REC-14", "ADDR-10")
def test_the_peers_own_id_is_taken_off_and_others_are_left_out() -> None:
    circuit = Multiaddr(f"/p2p/{RELAY}/p2p-circuit")
    listed = [
        PUBLIC.with_p2p(PEER.to_bytes()),
        PRIVATE,
        NAME.with_p2p(RELAY.to_bytes()),
        circuit,
        circuit.with_p2p(PEER.to_bytes()),
    ]
    assert of_peer([*listed, Multiaddr(f"/p2p/{PEER}")], PEER) == [PUBLIC, PRIVATE, circuit, circuit]


def test_when_not_all_fit_public_ones_stay() -> None:
    assert most_wanted(ALL, 1000) == ALL
    assert most_wanted([LOOPBACK, PRIVATE, PUBLIC], 16) == [PRIVATE, PUBLIC]
    assert most_wanted([LOOPBACK, PRIVATE, PUBLIC], 8) == [PUBLIC]
    assert most_wanted([LOOPBACK], 7) == []
