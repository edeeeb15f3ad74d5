"""The order in which addresses are dialled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.dialling.ranker import LOCAL_STAGGER_S, PUBLIC_STAGGER_S, RankedAddress, rank_addresses

TEXTS = [
    "/ip4/1.1.1.1/tcp/1",
    "/ip4/10.0.0.1/tcp/1",
    "/ip4/1.0.0.1/tcp/1",
    "/ip6/2606::1/tcp/1",
    "/ip4/127.0.0.1/tcp/1",
    "/ip6/::1/tcp/1",
]


def rank(*texts: str) -> list[RankedAddress]:
    return rank_addresses([Multiaddr(text) for text in texts])


def test_near_addresses_first_and_families_by_turns() -> None:
    ranked = rank(*TEXTS)
    assert [str(one.address) for one in ranked] == [TEXTS[at] for at in (5, 4, 1, 3, 0, 2)]
    public_s = 2 * LOCAL_STAGGER_S
    assert [one.delay_s for one in ranked] == [
        0.0,
        LOCAL_STAGGER_S,
        LOCAL_STAGGER_S,
        public_s,
        public_s + PUBLIC_STAGGER_S,
        public_s + 2 * PUBLIC_STAGGER_S,
    ]


def test_each_group_is_on_its_own_clock() -> None:
    """However many private addresses there are, the first public one waits for one of them alone."""
    private = [f"/ip4/10.50.0.{n}/tcp/4001" for n in range(1, 11)]
    ranked = rank(*private, "/ip4/1.1.1.1/tcp/1")
    position = [str(one.address) for one in ranked].index("/ip4/1.1.1.1/tcp/1")
    assert (position, ranked[position].delay_s) == (2, LOCAL_STAGGER_S)


def test_public_addresses_alone_begin_at_once() -> None:
    assert [one.delay_s for one in rank(TEXTS[0], TEXTS[2])] == [0.0, PUBLIC_STAGGER_S]


def test_nothing_ranks_to_nothing() -> None:
    assert rank() == []
    assert rank(TEXTS[0]) == [RankedAddress(Multiaddr(TEXTS[0]), 0.0)]


@given(addresses=st.lists(st.sampled_from(TEXTS), unique=True))
def test_each_address_is_ranked_and_delays_never_fall(addresses: list[str]) -> None:
    ranked = rank(*addresses)
    assert sorted(str(one.address) for one in ranked) == sorted(addresses)
    delays = [one.delay_s for one in ranked]
    assert delays == sorted(delays)
