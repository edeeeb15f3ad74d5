"""The order in which addresses are dialled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.dialling.ranker import LOCAL_STAGGER_S, PUBLIC_STAGGER_S, rank_addresses

TEXTS = [
    "/ip4/1.1.1.1/tcp/1",
    "/ip4/10.0.0.1/tcp/1",
    "/ip4/1.0.0.1/tcp/1",
    "/ip6/2606::1/tcp/1",
    "/ip4/127.0.0.1/tcp/1",
    "/ip6/::1/tcp/1",
]


def test_near_addresses_first_and_families_by_turns() -> None:
    ranked = rank_addresses(map(Multiaddr, TEXTS))
    assert [str(one.address) for one in ranked] == [TEXTS[at] for at in (5, 4, 1, 3, 0, 2)]
    assert [one.stagger_s for one in ranked] == [LOCAL_STAGGER_S] * 3 + [PUBLIC_STAGGER_S] * 3


def test_nothing_ranks_to_nothing() -> None:
    assert rank_addresses([]) == []


@given(addresses=st.lists(st.sampled_from(TEXTS)))
def test_each_address_is_dialled_once(addresses: list[str]) -> None:
    ranked = [str(one.address) for one in rank_addresses(map(Multiaddr, addresses))]
    assert sorted(ranked) == sorted(dict.fromkeys(addresses))
