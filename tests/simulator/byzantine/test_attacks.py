"""What Byzantine peers say is bounded, and comes from the seed."""

from __future__ import annotations

import random

import pytest

from aiolibp2p.simulator.byzantine import attacks
from aiolibp2p.simulator.byzantine.mutation import MAX_CHANGES, MAX_INSERTED, mutate

ALL = [
    *attacks.MULTISTREAM_ATTACKS,
    *attacks.NOISE_ATTACKS,
    *attacks.YAMUX_ATTACKS,
    *attacks.STREAM_ATTACKS,
]
MAX_BYTES = 512 * 1024


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.__name__)
def test_an_attack_is_bounded_and_repeats(attack: attacks.Attack) -> None:
    for seed in range(50):
        pieces = attack(random.Random(seed))
        assert pieces
        assert sum(map(len, pieces)) <= MAX_BYTES
        assert pieces == attack(random.Random(seed))


def test_mutations_differ_and_grow_by_little() -> None:
    honest = bytes(range(100))
    mutants = [mutate(honest, random.Random(seed)) for seed in range(200)]
    assert len({*mutants}) > 150
    assert max(map(len, mutants)) <= len(honest) + MAX_CHANGES * MAX_INSERTED


def test_nothing_stays_nothing() -> None:
    assert mutate(b"", random.Random(1)) == b""
