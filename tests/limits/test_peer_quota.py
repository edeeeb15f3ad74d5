from __future__ import annotations

from aiolibp2p.limits.peer_quota import PeerQuota
from aiolibp2p.peer.keys import PrivateKey

ONE, OTHER, THIRD = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n).peer_id for i in (1, 2, 3))


def test_a_peer_has_so_many_at_once_and_others_theirs() -> None:
    quota = PeerQuota(2)
    assert [quota.take(ONE) for _ in range(4)] == [True, True, False, False]
    assert quota.take(OTHER)
    quota.give_back(ONE)
    assert [quota.take(ONE) for _ in range(2)] == [True, False]


def test_all_together_have_so_many() -> None:
    quota = PeerQuota(2, total=3)
    assert [quota.take(peer) for peer in (ONE, ONE, OTHER, OTHER, THIRD)] == [True, True, True, False, False]
    quota.give_back(ONE)
    assert quota.take(THIRD)


def test_peers_that_hold_none_are_forgotten() -> None:
    quota = PeerQuota(2)
    for peer in (ONE, OTHER):
        assert quota.take(peer)
        assert quota.take(peer)
        quota.give_back(peer)
    assert len(quota) == 2
    for peer in (ONE, OTHER):
        quota.give_back(peer)
    assert len(quota) == 0
