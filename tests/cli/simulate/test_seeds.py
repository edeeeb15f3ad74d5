"""Seeds as people type them."""

from __future__ import annotations

import pytest

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.simulate.seeds import DEFAULT_SEED, MAX_SEED, MAX_SEEDS, parse


def test_seeds() -> None:
    assert parse(None, None) == range(DEFAULT_SEED, DEFAULT_SEED + 1)
    assert parse("7", None) == range(7, 8)
    assert parse(None, "3..5") == range(3, 6)
    assert parse(None, "4..4") == range(4, 5)
    assert parse(str(MAX_SEED), None)[0] == MAX_SEED
    assert len(parse(None, f"1..{MAX_SEEDS}")) == MAX_SEEDS


@pytest.mark.parametrize(
    ("seed", "seeds", "hint"),
    [
        ("", None, "a number from 0 up"),
        ("-1", None, "a number from 0 up"),
        ("1.5", None, "a number from 0 up"),
        ("\u0663", None, "a number from 0 up"),
        (str(MAX_SEED + 1), None, "a number from 0 up"),
        ("1\x1b[2J", None, r"'1\\x1b"),
        (None, "7", "as in 1..100"),
        (None, "1..", "as in 1..100"),
        (None, "1...5", "as in 1..100"),
        (None, "1-5", "as in 1..100"),
        (None, "5..1", "1..5?"),
        (None, f"0..{MAX_SEEDS}", "too much"),
        (None, f"{MAX_SEED}..{MAX_SEED + 1}", "too much"),
        ("1", "1..2", "leave one of them out"),
    ],
)
def test_what_is_wrong_is_said(seed: str | None, seeds: str | None, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(seed, seeds)
    assert hint.replace("\\\\", "\\") in str(caught.value)
    assert "\x1b" not in str(caught.value)
