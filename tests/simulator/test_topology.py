from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.topology import (
    LATENCIES_S,
    WEIGHTS,
    Regions,
    draw_site,
    full_mesh,
    is_connected,
    neighbours,
    random_regular,
    star,
)


@given(st.integers(2, 40), st.integers(1, 10), st.integers(0, 5))
def test_a_regular_graph_is_regular_simple_and_connected(n: int, k: int, seed: int) -> None:
    if k >= n or n * k % 2 or (k == 1 and n > 2):
        with pytest.raises(ConfigError):
            random_regular(n, k, random.Random(seed))
        return
    edges = random_regular(n, k, random.Random(seed))
    assert all(len(dict.fromkeys(near)) == k for near in neighbours(n, edges))
    assert all(a != b for a, b in edges)
    assert len(edges) == n * k // 2
    assert is_connected(n, edges)
    assert edges == random_regular(n, k, random.Random(seed))


def test_full_mesh_and_star() -> None:
    assert full_mesh(3) == [(0, 1), (0, 2), (1, 2)]
    assert star(4) == [(1, 0), (2, 0), (3, 0)]
    assert not is_connected(4, [(0, 1), (2, 3)])


def test_every_pair_of_regions_has_a_latency() -> None:
    assert sorted(LATENCIES_S) == sorted((a, b) for a in WEIGHTS for b in WEIGHTS)
    assert LATENCIES_S["south_america", "south_africa"] == 0.195
    assert LATENCIES_S["south_africa", "south_america"] == 0.190
    lopsided = [(a, b) for a, b in LATENCIES_S if LATENCIES_S[a, b] != LATENCIES_S[b, a]]
    assert len(lopsided) == 2


def test_sites_follow_the_weights() -> None:
    source = random.Random(1)
    sites = [draw_site(source) for _ in range(5000)]
    europe = sum(site.region == "europe" for site in sites) / 5000
    fast = sum(site.bits_per_s == 1024e6 for site in sites) / 5000
    assert abs(europe - 5599 / 11326) < 0.03
    assert abs(fast - 0.2) < 0.03


def test_a_site_depends_on_seed_and_name_alone() -> None:
    one, other = Regions(3), Regions(3)
    one.site("n0")
    assert [one.site(f"n{i}") for i in range(20)] == [other.site(f"n{i}") for i in reversed(range(20))][::-1]
    assert [Regions(4).site(f"n{i}") for i in range(20)] != [one.site(f"n{i}") for i in range(20)]
