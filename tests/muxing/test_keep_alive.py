"""When to ping, and when to give up."""

from __future__ import annotations

import pytest

from aiolibp2p.errors import ConnectionLost
from aiolibp2p.muxing.keep_alive import KeepAlive


def keep_alive() -> KeepAlive:
    return KeepAlive(interval_s=30, pong_timeout_s=10, now=100)


@pytest.mark.spec("YMX-15", "YMX-25")
def test_nothing_before_the_interval_and_a_ping_after_a_silent_one() -> None:
    timer = keep_alive()
    assert timer.due_at == 130
    assert not timer.check(129)
    assert not timer.check(130)
    assert timer.due_at == 160
    assert timer.check(160)
    assert timer.due_at == 170


def test_a_peer_that_talks_is_never_pinged() -> None:
    timer = keep_alive()
    for now in range(130, 1000, 30):
        timer.heard = True
        assert not timer.check(now)


def test_a_ping_without_an_answer_loses_the_connection() -> None:
    timer = keep_alive()
    timer.check(130)
    timer.check(160)
    timer.ping(160)
    with pytest.raises(ConnectionLost, match="10 s"):
        timer.check(170)


def test_bytes_count_as_an_answer() -> None:
    timer = keep_alive()
    timer.check(130)
    timer.check(160)
    timer.ping(160)
    timer.heard = True
    assert not timer.check(170)
    assert timer.due_at == 200


def test_after_an_answer_the_next_silence_is_pinged_again() -> None:
    timer = keep_alive()
    timer.heard = False
    assert timer.check(130)
    first = timer.ping(130)
    timer.pong(first, 131)
    assert timer.check(140)
    assert timer.ping(140) != first


@pytest.mark.spec("YMX-15")
def test_the_smallest_round_trip_is_kept() -> None:
    timer = keep_alive()
    assert not timer.has_pinged
    for sent, took in ((100, 0.5), (101, 0.25), (102, 0.75)):
        timer.pong(timer.ping(sent), sent + took)
    assert timer.has_pinged
    assert timer.rtt == 0.25


def test_answers_nobody_asked_for_are_ignored() -> None:
    timer = keep_alive()
    timer.pong(0, 101)
    opaque = timer.ping(101)
    timer.pong(opaque + 1, 101)
    assert timer.rtt is None
    timer.pong(opaque, 102)
    timer.pong(opaque, 109)
    assert timer.rtt == 1
