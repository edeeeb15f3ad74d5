from __future__ import annotations

from aiolibp2p.limits.push_rates import Rate
from aiolibp2p.protocols.identify import PushRates
from aiolibp2p.protocols.identify.intake import (
    LIMIT_EXCEEDED_CODE,
    RATE_LIMITED_CODE,
    PushIntake,
)

IP = "203.0.113.20"


def test_so_many_pushes_are_read_at_once() -> None:
    intake = PushIntake(2, PushRates())
    assert [intake.admit("127.0.0.1", 0.0) for _ in range(3)] == [None, None, LIMIT_EXCEEDED_CODE]
    intake.done()
    assert [intake.admit(None, 0.0) for _ in range(2)] == [None, LIMIT_EXCEEDED_CODE]


def test_a_push_that_came_too_often_takes_no_place() -> None:
    intake = PushIntake(2, PushRates(ip4_24=Rate(1, 1)))
    assert [intake.admit(IP, 0.0) for _ in range(5)] == [None] + [RATE_LIMITED_CODE] * 4
    assert intake.admit("127.0.0.1", 0.0) is None


def test_a_push_too_many_costs_its_network_no_token() -> None:
    intake = PushIntake(1, PushRates(ip4_24=Rate(0.001, 2)))
    assert [intake.admit(IP, 0.0) for _ in range(9)] == [None] + [LIMIT_EXCEEDED_CODE] * 8
    intake.done()
    assert intake.admit(IP, 0.0) is None
