"""How a peer may be named, and what is told to whoever names none."""

from __future__ import annotations

import pytest

from aiolibp2p.errors import ConfigError, FormatError
from aiolibp2p.host.targets import listen_addresses, locate
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peerstore import MemoryPeerstore
from host.fakes import peer
from protocols.fakes import FakeRuntime

ONE, OTHER = Multiaddr("/ip4/10.0.0.1/tcp/1"), Multiaddr("/ip4/10.0.0.2/tcp/2")
PEER = peer(1)
KNOWN = Multiaddr("/ip4/192.0.2.1/tcp/9")


@pytest.fixture
def peerstore() -> MemoryPeerstore:
    store = MemoryPeerstore(FakeRuntime())
    store.add_addresses(PEER, [KNOWN], 60)
    return store


def named(address: Multiaddr, n: int = 1) -> Multiaddr:
    return address.with_p2p(peer(n).to_bytes())


@pytest.mark.parametrize("target", [PEER, str(PEER), f"/p2p/{PEER}", Multiaddr(f"/p2p/{PEER}"), [f"/p2p/{PEER}"]])
def test_a_peer_alone_is_looked_up(target: object, peerstore: MemoryPeerstore) -> None:
    assert locate(target, peerstore) == (PEER, [KNOWN])  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [named(ONE), str(named(ONE)), [named(ONE)], (str(named(ONE)), f"/p2p/{PEER}")])
def test_addresses_that_are_given_come_before_those_that_are_known(target: object, peerstore: MemoryPeerstore) -> None:
    assert locate(target, peerstore) == (PEER, [ONE])  # type: ignore[arg-type]


def test_several_addresses_of_one_peer_one_of_them_named(peerstore: MemoryPeerstore) -> None:
    assert locate([named(ONE), OTHER], peerstore) == (PEER, [ONE, OTHER])


def test_addresses_alone_mean_whoever_answers(peerstore: MemoryPeerstore) -> None:
    assert locate([ONE, OTHER], peerstore) == (None, [ONE, OTHER])


def test_a_peer_of_whom_nothing_is_known_has_no_addresses(peerstore: MemoryPeerstore) -> None:
    assert locate(peer(5), peerstore) == (peer(5), [])


def test_different_peers_and_none_are_refused(peerstore: MemoryPeerstore) -> None:
    with pytest.raises(ConfigError, match="the addresses name different peers"):
        locate([named(ONE, 1), named(OTHER, 2)], peerstore)
    with pytest.raises(ConfigError, match="no address to connect to"):
        locate([], peerstore)


@pytest.mark.parametrize("text", ["", "nobody", "/ip4/10.0.0.1/tpc/1", "/ip4/10.0.0.256/tcp/1"])
def test_text_that_is_neither_is_refused(text: str, peerstore: MemoryPeerstore) -> None:
    with pytest.raises(FormatError):
        locate(text, peerstore)


def test_what_a_host_listens_on_may_be_one_text() -> None:
    assert listen_addresses(str(ONE)) == listen_addresses([str(ONE)]) == [ONE]
    assert listen_addresses(()) == []
    with pytest.raises(ConfigError, match="cannot listen on '/ip4/x'"):
        listen_addresses(["/ip4/x"])
