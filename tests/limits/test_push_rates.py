from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.limits.push_rates import PushLimiter, PushRates, Rate, TokenBucket


def allowed(limiter: PushLimiter, addresses: list[str | None], now: float) -> int:
    return sum(limiter.allow(address, now) for address in addresses)


def test_a_network_has_ten_at_once_and_one_in_five_seconds() -> None:
    limiter = PushLimiter()
    assert allowed(limiter, [f"203.0.113.{i}" for i in range(100)], 0.0) == 10
    assert allowed(limiter, ["203.0.113.7"] * 3, 4.9) == 0
    assert allowed(limiter, ["203.0.113.7"] * 3, 5.0) == 1
    assert allowed(limiter, ["203.0.113.7"] * 30, 1000.0) == 10


def test_other_networks_keep_their_share() -> None:
    limiter = PushLimiter()
    assert allowed(limiter, ["203.0.113.7"] * 100, 0.0) == 10
    assert limiter.allow("203.0.112.7", 0.0)


def test_ipv6_is_counted_by_56_and_48() -> None:
    limiter = PushLimiter()
    assert allowed(limiter, [f"2001:db8:1:{i:x}::1" for i in range(100)], 0.0) == 10
    assert allowed(limiter, [f"2001:db8:1:{i:x}00::1" for i in range(1, 100)], 0.0) == 10
    assert limiter.allow("2001:db8:2::1", 0.0)


def test_a_push_refused_by_the_48_costs_its_56_nothing() -> None:
    limiter = PushLimiter(PushRates(ip6_56=Rate(0, 2), ip6_48=Rate(1, 1)))
    assert limiter.allow("2001:db8:1:100::1", 0.0)
    assert allowed(limiter, ["2001:db8:1:100::1"] * 5, 0.0) == 0
    assert limiter.allow("2001:db8:1:100::1", 1.0)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_free(address: str) -> None:
    assert allowed(PushLimiter(), [address] * 5000, 0.0) == 5000


def test_mapped_ipv4_is_ipv4() -> None:
    limiter = PushLimiter()
    assert allowed(limiter, ["::ffff:203.0.113.7"] * 20 + ["203.0.113.8"], 0.0) == 10


def test_all_together_have_3000_at_once_and_2000_a_second() -> None:
    limiter = PushLimiter()
    strangers: list[str | None] = [f"10.{i // 250}.{i % 250}.1" for i in range(6000)]
    assert allowed(limiter, strangers[:3500], 0.0) == 3000
    assert allowed(limiter, strangers[3500:], 1.0) == 2000
    assert not limiter.allow(None, 1.0)


def test_what_is_no_ip_only_counts_among_all() -> None:
    limiter = PushLimiter(PushRates(everybody=Rate(1, 3)))
    assert allowed(limiter, [None, None, "not an address", None], 0.0) == 3


def test_the_table_of_networks_is_bounded() -> None:
    limiter = PushLimiter(PushRates(subnets=16))
    allowed(limiter, [f"10.0.{i}.1" for i in range(100)], 0.0)
    assert len(limiter) == 16


@given(st.lists(st.floats(0, 3), max_size=60))
def test_never_more_than_burst_and_rate(gaps: list[float]) -> None:
    bucket, now, taken = TokenBucket(Rate(0.5, 4), 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        if bucket.has_token(now):
            bucket.take()
            taken += 1
    assert taken <= 4 + 0.5 * now + 1e-6


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(Rate(1, 1), 10.0)
    assert bucket.has_token(10.0)
    bucket.take()
    assert not bucket.has_token(5.0)
