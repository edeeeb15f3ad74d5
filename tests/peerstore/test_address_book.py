from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.peerstore.address_book import AddressBook

ALICE, BOB = (PeerId.from_key_bytes(bytes([i]) * 36) for i in range(2))


def address(number: int) -> Multiaddr:
    return Multiaddr(f"/ip4/10.0.{number // 256}.{number % 256}/tcp/4001")


def book(per_peer: int = 4, connected_per_peer: int = 6, total: int = 10, max_bytes: int = 64) -> AddressBook:
    return AddressBook(per_peer=per_peer, connected_per_peer=connected_per_peer, total=total, max_bytes=max_bytes)


def test_addresses_live_until_their_time() -> None:
    addresses = book()
    addresses.add(ALICE, [address(1)], 10.0, 0.0)
    addresses.add(ALICE, [address(2)], 20.0, 0.0)
    assert addresses.get(ALICE, 9.9) == [address(1), address(2)]
    assert addresses.get(ALICE, 10.0) == [address(2)]
    assert addresses.peers(19.0) == [ALICE]
    assert addresses.peers(20.0) == []
    assert len(addresses) == 0


def test_a_longer_life_stays() -> None:
    addresses = book()
    addresses.add(ALICE, [address(1)], 20.0, 0.0)
    addresses.add(ALICE, [address(1)], 10.0, 1.0)
    assert addresses.get(ALICE, 15.0) == [address(1)]
    addresses.add(ALICE, [address(1)], 30.0, 2.0)
    assert addresses.get(ALICE, 25.0) == [address(1)]
    assert len(addresses) == 1


def test_past_the_limit_of_a_peer_what_ends_first_goes() -> None:
    addresses = book(per_peer=2)
    addresses.add(ALICE, [address(1)], 10.0, 0.0)
    addresses.add(ALICE, [address(2)], 30.0, 0.0)
    addresses.add(ALICE, [address(3)], 20.0, 0.0)
    assert addresses.get(ALICE, 0.0) == [address(2), address(3)]
    addresses.add(ALICE, [address(i) for i in range(10, 10_000)], 20.0, 0.0)
    assert addresses.get(ALICE, 0.0) == [address(2), address(3)]


def test_past_the_limit_of_all_what_ends_first_goes() -> None:
    addresses = book(per_peer=10, total=3)
    addresses.add(ALICE, [address(1), address(2)], 10.0, 0.0)
    addresses.add(BOB, [address(3), address(4)], 20.0, 0.0)
    assert addresses.get(ALICE, 0.0) == [address(2)]
    assert addresses.get(BOB, 0.0) == [address(3), address(4)]


def test_connected_ones_have_a_limit_of_their_own() -> None:
    addresses = book(per_peer=1, connected_per_peer=2, total=1)
    addresses.add(ALICE, [address(i) for i in range(10_000)], math.inf, 0.0)
    addresses.add(ALICE, [address(1)], math.inf, 0.0)
    assert addresses.get(ALICE, 1e12) == [address(0), address(1)]
    assert len(addresses) == 0


def test_a_mortal_address_becomes_immortal_and_stays_so() -> None:
    addresses = book()
    addresses.add(ALICE, [address(1)], 10.0, 0.0)
    addresses.add(ALICE, [address(1)], math.inf, 0.0)
    assert len(addresses) == 0
    addresses.add(ALICE, [address(1)], 10.0, 0.0)
    assert addresses.get(ALICE, 100.0) == [address(1)]


def test_too_long_or_empty_ones_are_not_kept() -> None:
    addresses = book(max_bytes=8)
    long = Multiaddr("/dns4/a-name-that-is-long.example/tcp/1")
    addresses.add(ALICE, [long, long.decapsulate("/dns4/a-name-that-is-long.example"), address(1)], 10.0, 0.0)
    assert addresses.get(ALICE, 0.0) == [address(1)]


def test_keep_only_and_clear() -> None:
    addresses = book()
    addresses.add(ALICE, [address(1), address(2), address(3)], 10.0, 0.0)
    addresses.keep_only(ALICE, [address(2), address(9)])
    assert addresses.get(ALICE, 0.0) == [address(2)]
    addresses.clear(ALICE)
    addresses.clear(BOB)
    assert addresses.peers(0.0) == []
    assert len(addresses) == 0


def test_what_ended_already_is_not_taken() -> None:
    addresses = book()
    addresses.add(ALICE, [address(1)], 10.0, 10.0)
    assert addresses.peers(10.0) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from([ALICE, BOB]), st.integers(0, 12), st.sampled_from([5.0, 10.0, 50.0, math.inf]), st.booleans()
    ),
    max_size=80,
)


@pytest.mark.parametrize("total", [3, 100])
@given(steps=STEPS)
def test_limits_hold_and_the_count_is_right(total: int, steps: list[tuple[PeerId, int, float, bool]]) -> None:
    addresses, now = book(per_peer=3, connected_per_peer=2, total=total), 0.0
    for peer, number, ttl, clear in steps:
        now += 1.0
        if clear and number == 0:
            addresses.clear(peer)
        else:
            addresses.add(peer, [address(number), address(number + 1)], now + ttl, now)
        alive = [len(addresses.get(one, now)) for one in (ALICE, BOB)]
        assert max(alive) <= 3 + 2
        assert len(addresses) <= total
    addresses.expire(now + 100)
    assert len(addresses) == 0
    for peer in (ALICE, BOB):
        assert len(addresses.get(peer, now + 1e9)) <= 2
