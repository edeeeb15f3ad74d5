"""What a plot or a table can show of figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.simulator.report.figures import (
    MIN_KEPT_POINTS,
    distribution,
    histogram,
    pooled,
    quantile,
    rate,
    thinned,
)
from aiolibp2p.simulator.scenario import RunOptions
from simulator.sweep.fake_runs import result_of

VALUES = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300)


@given(VALUES)
def test_a_distribution_ascends_to_all(values: list[float]) -> None:
    shares = distribution(values, 50)
    assert len(shares) <= 50
    assert shares == sorted(shares)
    assert shares[-1] == (max(values), 1.0)
    assert shares[0][0] == (min(values) if len(shares) > 1 else max(values))


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1e9)), max_size=300))
def test_a_rate_adds_up_to_the_amount(points: list[tuple[float, float]]) -> None:
    found = rate(points, 1, 40)
    assert len(found) <= 40
    if found and (width_s := found[0][0] * 2) > 1e-6:
        assert sum(amount for _, amount in found) * width_s == pytest.approx(sum(value for _, value in points))


@given(VALUES)
def test_a_histogram_counts_each_once(values: list[float]) -> None:
    counts = histogram(values, 60)
    assert len(counts) <= 60
    assert sum(count for _, _, count in counts) == len(values)


def test_whole_numbers_get_a_bar_each() -> None:
    assert histogram([3, 5, 3], 100) == [(3, 4, 2), (4, 5, 0), (5, 6, 1)]
    assert histogram([], 100) == []
    assert histogram([2.5, 2.5], 100) == [(2.5, 3.5, 2)]


def test_quantiles() -> None:
    assert [quantile([1, 2, 3, 4], share) for share in (0.0, 0.5, 0.75, 1.0)] == [1, 2, 3, 4]


def test_what_is_no_number_is_left_out() -> None:
    result = result_of(RunOptions())
    result.figures["odd_s"] = [(1.0, float("nan")), (1.0, float("inf")), (2.0, 3.0)]
    assert pooled([result])["odd_s"] == [(2.0, 3.0)]


def test_thinning_keeps_sums_and_ends() -> None:
    result = result_of(RunOptions())
    result.figures["ping_s"] = [(float(at), float(at * 7 % 1000)) for at in range(1000)]
    result.figures["sent_bytes"] = [(float(at), 3.0) for at in range(1000)]
    thin = thinned(result, 10**9)
    assert all(len(points) <= MIN_KEPT_POINTS for points in (thin.figures["ping_s"], thin.figures["sent_bytes"]))
    assert sum(value for _, value in thin.figures["sent_bytes"]) == 3000
    values = sorted(value for _, value in thin.figures["ping_s"])
    assert (values[0], values[-1]) == (0, 999)
    assert abs(quantile(values, 0.5) - 499.5) < 20
    assert thinned(result, 1) is result
