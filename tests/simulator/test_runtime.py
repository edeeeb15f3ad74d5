"""A simulated node's clocks and random bits."""

from __future__ import annotations

from aiolibp2p.simulator.runtime import EPOCH_S, SimulatedRuntime, seeded_random


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_clocks_follow_virtual_time() -> None:
    clock = Clock()
    runtime = SimulatedRuntime(clock, seeded_random(1, "a"))
    clock.now = 12.5
    assert runtime.now() == 12.5
    assert runtime.wall() == EPOCH_S + 12.5


def test_a_skewed_clock_runs_faster_and_is_off_but_never_goes_back() -> None:
    clock = Clock()
    runtime = SimulatedRuntime(clock, seeded_random(1, "a"))
    clock.now = 10.0
    runtime.skew(wall_offset_s=-3600, rate=1.5)
    assert runtime.now() == 10.0
    clock.now = 20.0
    assert runtime.now() == 25.0
    assert runtime.wall() == EPOCH_S - 3600 + 25.0
    runtime.skew()
    assert runtime.now() == 25.0


def test_random_bits_come_from_the_seed_and_the_name() -> None:
    def draw(seed: int, *names: str) -> bytes:
        return SimulatedRuntime(Clock(), seeded_random(seed, *names)).entropy(32)

    assert draw(1, "a") == draw(1, "a")
    assert len({draw(1, "a"), draw(2, "a"), draw(1, "b"), draw(1, "a", "b")}) == 4
