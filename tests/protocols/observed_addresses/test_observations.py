"""The votes themselves: who counts, how many it takes, what is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.protocols.observed_addresses import Observations, ObservedAddressesConfig

LOCAL = Multiaddr("/ip4/10.0.0.5/tcp/4001")
OUTSIDE, ELSEWHERE = Multiaddr("/ip4/203.0.113.9/tcp/4001"), Multiaddr("/ip4/203.0.113.10/tcp/4002")
CONFIG = ObservedAddressesConfig()


def remote(n: int, port: int = 1000) -> Multiaddr:
    return Multiaddr(f"/ip4/198.51.{n // 250}.{n % 250 + 1}/tcp/{port}")


class Peers:
    """Observers by number; each has one connection."""

    def __init__(self, config: ObservedAddressesConfig = CONFIG, local: Multiaddr = LOCAL) -> None:
        self.observations = Observations(config)
        self.local = local

    def see(self, numbers: range, observed: Multiaddr = OUTSIDE, now: float = 0.0) -> bool:
        results = [self.observations.observe(n, (self.local, remote(n)), observed, now) for n in numbers]
        return any(results)

    def leave(self, numbers: range, now: float = 0.0) -> bool:
        results = [self.observations.forget(n, now) for n in numbers]
        return any(results)

    @property
    def believed(self) -> list[Multiaddr]:
        return self.observations.believed(self.local)


@pytest.mark.spec("ID-18")
def test_four_observers_make_an_address() -> None:
    peers = Peers()
    assert not peers.see(range(3))
    assert peers.believed == []
    assert peers.see(range(3, 4))
    assert peers.believed == [OUTSIDE]
    assert not peers.see(range(4, 20))
    assert peers.believed == [OUTSIDE]


@pytest.mark.spec("ID-18")
@pytest.mark.parametrize(
    "remotes",
    [
        [f"/ip4/198.51.100.7/tcp/{port}" for port in range(1, 9)],
        [f"/ip6/2001:db8:0:1{n:02x}::{n}/tcp/1" for n in range(1, 9)],
        [f"/ip6/::ffff:198.51.100.7/tcp/{port}" for port in range(1, 5)] + ["/ip4/198.51.100.7/tcp/9"],
    ],
    ids=["one IPv4 address", "one IPv6 /56", "one address either way"],
)
def test_many_connections_from_one_place_are_one_observer(remotes: list[str]) -> None:
    observations = Observations()
    for key, text in enumerate(remotes):
        assert not observations.observe(key, (LOCAL, Multiaddr(text)), OUTSIDE, 0)
    for n in range(3):
        observations.observe(f"other {n}", (LOCAL, remote(n)), OUTSIDE, 0)
    assert observations.believed(LOCAL) == [OUTSIDE]


def test_different_56s_are_different_observers() -> None:
    observations, local = Observations(), Multiaddr("/ip6/fd00::5/udp/4001/quic-v1")
    outside = Multiaddr("/ip6/2001:db8::9/udp/1234/quic-v1")
    for n in range(4):
        observations.observe(n, (local, Multiaddr(f"/ip6/2001:db8:0:{n}00::1/udp/1")), outside, 0)
    assert observations.believed(local) == [outside]


def test_an_observer_has_one_vote_and_its_newest_connection_gives_it() -> None:
    peers = Peers()
    peers.see(range(3))
    ends = LOCAL, remote(3)
    assert peers.observations.observe("a", ends, OUTSIDE, 0)
    peers.observations.observe("b", ends, ELSEWHERE, 0)
    peers.see(range(10, 13), ELSEWHERE)
    assert ELSEWHERE in peers.believed
    assert peers.observations.next_timeout() == CONFIG.kept_s
    peers.observations.forget("b", 0)
    assert peers.observations.observe("a", ends, OUTSIDE, 0) is False
    assert sorted(peers.believed) == [OUTSIDE, ELSEWHERE]
    peers.observations.handle_timeout(CONFIG.kept_s)
    assert peers.believed == [OUTSIDE]


@pytest.mark.parametrize(
    ("observed", "seen_from", "local"),
    [
        ("/ip4/127.0.0.1/tcp/4001", None, None),
        ("/ip4/169.254.1.1/tcp/4001", None, None),
        ("/ip4/0.0.0.0/tcp/4001", None, None),
        ("/ip4/224.0.0.1/tcp/4001", None, None),
        ("/ip4/255.255.255.255/tcp/4001", None, None),
        ("/ip4/203.0.113.9/tcp/0", None, None),
        ("/ip4/203.0.113.9/udp/4001", None, None),
        ("/ip4/203.0.113.9", None, None),
        ("/ip6/2001:db8::9/tcp/4001", None, None),
        ("/dns4/example.com/tcp/4001", None, None),
        ("/ip4/192.168.1.7/tcp/4001", None, None),
        ("/ip4/203.0.113.9/tcp/4001/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN/p2p-circuit", None, None),
        ("/ip6/64:ff9b::203.0.113.9/tcp/4001", "/ip6/2001:db8:0:{}00::1/tcp/9", "/ip6/fd00::5/tcp/4001"),
        ("/ip6/fe80::9/tcp/4001", "/ip6/2001:db8:0:{}00::1/tcp/9", "/ip6/fd00::5/tcp/4001"),
        ("/ip4/203.0.113.9/tcp/4001", "/ip4/192.168.1.{}/tcp/9", None),
        ("/ip4/203.0.113.9/tcp/4001", "/ip4/127.0.0.{}/tcp/9", None),
        (
            "/ip4/203.0.113.9/tcp/4001",
            "/ip4/198.51.100.{}/tcp/9/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN/p2p-circuit",
            None,
        ),
        ("/ip4/203.0.113.9/tcp/4001", None, "/memory/7"),
    ],
)
def test_what_tells_nothing_is_ignored(observed: str, seen_from: str | None, local: str | None) -> None:
    observations = Observations()
    ours = LOCAL if local is None else Multiaddr(local)
    for n in range(1, 9):
        theirs = remote(n) if seen_from is None else Multiaddr(seen_from.format(n))
        assert not observations.observe(n, (ours, theirs), Multiaddr(observed), 0)
    assert observations.believed(ours) == []
    assert observations.connections == []


def test_a_private_address_is_believed_from_the_private_network() -> None:
    observations, outside = Observations(), Multiaddr("/ip4/192.168.1.7/tcp/4001")
    for n in range(1, 5):
        observations.observe(n, (LOCAL, Multiaddr(f"/ip4/192.168.1.1{n}/tcp/9")), outside, 0)
    assert observations.believed(LOCAL) == [outside]


def test_being_seen_where_we_listen_tells_nothing_and_takes_back_what_was_told() -> None:
    peers = Peers(local=Multiaddr("/ip4/203.0.113.5/tcp/4001"))
    assert not peers.see(range(8), peers.local)
    assert peers.observations.connections == []
    peers.see(range(3))
    peers.see(range(2, 3), peers.local)
    assert not peers.see(range(3, 4))
    assert peers.believed == []


@pytest.mark.spec("ID-18")
def test_a_change_of_mind_moves_the_vote() -> None:
    peers = Peers()
    peers.see(range(3))
    peers.see(range(1), ELSEWHERE)
    assert not peers.see(range(3, 4))
    assert peers.believed == []
    assert peers.see(range(1))
    assert peers.believed == [OUTSIDE]


def test_votes_are_counted_for_each_address_we_listen_on() -> None:
    observations, other = Observations(), Multiaddr("/ip4/10.0.0.5/tcp/4002")
    for n in range(4):
        observations.observe(n, (LOCAL if n % 2 else other, remote(n)), OUTSIDE, 0)
    assert observations.believed(LOCAL) == observations.believed(other) == []
    assert not observations.observe(0, (LOCAL, remote(0)), OUTSIDE, 0)
    assert observations.observe(2, (LOCAL, remote(2)), OUTSIDE, 0)
    assert observations.believed(LOCAL) == [OUTSIDE]


def test_what_shares_the_port_shares_the_address_outside() -> None:
    peers = Peers()
    peers.see(range(4), OUTSIDE / "ws" / "p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN")
    assert peers.believed == [OUTSIDE]
    assert peers.observations.believed(LOCAL / "ws") == [OUTSIDE / "ws"]
    assert peers.observations.believed(Multiaddr("/ip4/10.0.0.5/tcp/4002")) == []
    assert peers.observations.believed(Multiaddr("/memory/7")) == []


@pytest.mark.spec("ID-18")
def test_an_address_too_few_see_is_kept_a_while_then_dropped() -> None:
    peers = Peers()
    peers.see(range(4))
    assert peers.observations.next_timeout() is None
    assert not peers.leave(range(4), now=5)
    assert peers.believed == [OUTSIDE]
    assert peers.observations.next_timeout() == 5 + CONFIG.kept_s
    assert not peers.observations.handle_timeout(4 + CONFIG.kept_s)
    assert peers.observations.handle_timeout(5 + CONFIG.kept_s)
    assert peers.believed == []
    assert peers.observations.next_timeout() is None


def test_an_address_seen_again_in_time_does_not_expire() -> None:
    peers = Peers()
    peers.see(range(4))
    peers.leave(range(1), now=5)
    assert not peers.see(range(7, 8), now=6)
    assert peers.observations.next_timeout() is None
    assert not peers.observations.handle_timeout(1e9)
    assert peers.believed == [OUTSIDE]


def test_three_addresses_are_believed_those_with_the_most_observers() -> None:
    peers = Peers()
    seen = [Multiaddr(f"/ip4/203.0.113.{n}/tcp/1") for n in range(1, 6)]
    for n, address in enumerate(seen):
        peers.see(range(n * 20, n * 20 + 4 + n), address)
    assert peers.believed == seen[2:]
    for n in range(5):
        peers.leave(range(n * 20, n * 20 + 20), now=n)
    assert peers.believed == seen[2:]
    peers.see(range(200, 204), seen[0], now=5)
    assert peers.believed == [seen[0], seen[3], seen[4]]


def test_connections_are_bounded() -> None:
    peers = Peers(ObservedAddressesConfig(connections=10))
    peers.see(range(4))
    peers.see(range(4, 14), ELSEWHERE)
    assert peers.observations.connections == list(range(4, 14))
    assert peers.observations.next_timeout() is not None
    peers.observations.handle_timeout(CONFIG.kept_s)
    assert peers.believed == [ELSEWHERE]


def test_one_observer_cannot_push_others_out() -> None:
    peers = Peers(ObservedAddressesConfig(connections=20))
    peers.see(range(4))
    for n in range(1000, 1100):
        peers.observations.observe(n, (LOCAL, remote(50, port=n)), ELSEWHERE, 0)
    assert peers.observations.connections == [0, 1, 2, 3, *range(1092, 1100)]
    assert peers.believed == [OUTSIDE]
    assert peers.observations.next_timeout() is None


def test_unknown_connections_may_end() -> None:
    observations = Observations()
    assert not observations.forget("who?", 0)
    assert not observations.handle_timeout(0)


VOTES = st.tuples(st.integers(0, 6), st.integers(0, 3), st.sampled_from([OUTSIDE, ELSEWHERE, LOCAL]))


@given(st.lists(st.one_of(VOTES, st.integers(0, 6)), max_size=60))
def test_what_is_believed_is_what_a_recount_says(steps: list[tuple[int, int, Multiaddr] | int]) -> None:
    observations = Observations(ObservedAddressesConfig(observers=2, kept_s=0))
    told: dict[int, tuple[int, Multiaddr]] = {}
    for step in steps:
        before = observations.believed(LOCAL)
        key = step if isinstance(step, int) else step[0]
        known = told.pop(key, None)
        if isinstance(step, int):
            changed = observations.forget(key, 0)
        else:
            # A connection keeps its other end.
            observer = step[1] if known is None else known[0]
            changed = observations.observe(key, (LOCAL, remote(observer)), step[2], 0)
            if step[2] != LOCAL:
                told[key] = observer, step[2]
        assert changed == (observations.believed(LOCAL) != before)
        observations.handle_timeout(0)
        voices = dict(told.values())
        wanted = sorted(a for a in (OUTSIDE, ELSEWHERE) if list(voices.values()).count(a) >= 2)
        assert observations.believed(LOCAL) == wanted
    for key in list(told):
        observations.forget(key, 0)
    observations.handle_timeout(0)
    assert observations.believed(LOCAL) == []
    assert observations.connections == []
