from __future__ import annotations

from aiolibp2p.errors import StreamCode
from aiolibp2p.limits.push_rates import Rate
from aiolibp2p.protocols.identify import PushRates
from aiolibp2p.protocols.identify.intake import (
    PushIntake,
)

IP = "203.0.113.20"


def test_so_many_pushes_are_read_at_once() -> None:
    intake = PushIntake(2, PushRates())
    assert [intake.admit("127.0.0.1", 0.0) for _ in range(3)] == [None, None, StreamCode.LIMIT_EXCEEDED]
    intake.done()
    assert [intake.admit(None, 0.0) for _ in range(2)] == [None, StreamCode.LIMIT_EXCEEDED]


def test_a_push_that_came_too_often_takes_no_place() -> None:
    intake = PushIntake(2, PushRates(ip4_24=Rate(1, 1)))
    assert [intake.admit(IP, 0.0) for _ in range(5)] == [None] + [StreamCode.RATE_LIMITED] * 4
    assert intake.admit("127.0.0.1", 0.0) is None


def test_a_push_too_many_costs_its_network_no_token() -> None:
    intake = PushIntake(1, PushRates(ip4_24=Rate(0.001, 2)))
    assert [intake.admit(IP, 0.0) for _ in range(9)] == [None] + [StreamCode.LIMIT_EXCEEDED] * 8
    intake.done()
    assert intake.admit(IP, 0.0) is None
