"""The streams of a session: ids, and counts of what they cost."""

from __future__ import annotations

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.muxers.yamux.stream_table import StreamTable
from aiolibp2p.muxing.unread import UnreadBytes
from muxers.yamux.pair import Scope, Sink


@pytest.mark.parametrize(("role", "ids"), [(Role.INITIATOR, [1, 3, 5]), (Role.RESPONDER, [2, 4, 6])])
def test_ours_have_the_ids_of_our_role_and_are_limited_until_they_are_answered(role: Role, ids: list[int]) -> None:
    table = StreamTable(role, 3, UnreadBytes(Scope()))
    states = [table.open(Sink()) for _ in range(3)]
    assert [state.stream_id for state in states] == ids
    with pytest.raises(LimitExceeded, match="3 streams wait"):
        table.open(Sink())
    assert [table.acknowledge(states[0]), table.acknowledge(states[0])] == [True, False]
    assert table.open(Sink()).stream_id == ids[-1] + 2


@pytest.mark.parametrize(("role", "good", "bad"), [(Role.INITIATOR, 2, 3), (Role.RESPONDER, 3, 2)])
def test_theirs_have_the_other_ids(role: Role, good: int, bad: int) -> None:
    table = StreamTable(role, 1, UnreadBytes(Scope()))
    for stream_id in (0, bad):
        with pytest.raises(ProtocolViolation, match="not the peer's"):
            table.check_inbound(stream_id)
    table.check_inbound(good)
    table.accept(good)
    with pytest.raises(ProtocolViolation, match="open already"):
        table.check_inbound(good)


def test_one_that_is_removed_costs_nothing_more() -> None:
    table = StreamTable(Role.INITIATOR, 1, UnreadBytes(Scope()))
    ours, theirs = table.open(Sink()), table.accept(2)
    assert [table.remove(state) for state in (ours, theirs, ours)] == [True, True, False]
    assert (len(table.by_id), table.unacknowledged) == (0, 0)
    assert ours.sink is None
