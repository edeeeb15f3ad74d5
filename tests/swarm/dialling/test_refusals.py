"""What dialling remembers of listeners, and what it tells of failures, is bounded."""

from __future__ import annotations

from aiolibp2p.errors import LimitExceeded
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.dialling.failures import MAX_TOLD, Failures
from aiolibp2p.swarm.dialling.refusals import Refusals


def address(n: int) -> Multiaddr:
    return Multiaddr(f"/ip4/1.1.1.1/tcp/{n}")


def test_past_the_limit_the_one_noted_longest_ago_is_forgotten() -> None:
    refusals = Refusals(limit=3)
    for n in (1, 2, 3, 1, 4):
        refusals.add(address(n))
    assert len(refusals) == 3
    assert [address(n) in refusals for n in (1, 2, 3, 4)] == [True, False, True, True]


def test_failures_are_told_up_to_a_limit_and_then_counted() -> None:
    failures = Failures()
    assert failures.told() == []
    for n in range(MAX_TOLD + 5):
        failures.note(address(n), OSError(str(n)))
    *told, (more, error) = failures.told()
    assert len(told) == MAX_TOLD
    assert told[0][0] == "/ip4/1.1.1.1/tcp/0"
    assert more == "5 more"
    assert isinstance(error, LimitExceeded)
