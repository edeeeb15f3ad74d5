from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.perf.sizes import MAX_SIZE_BYTES, UNITS, parse, rate, shown


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000000", 1_000_000),
        ("9007199254740991", 9_007_199_254_740_991),
        ("18446744073709551615", MAX_SIZE_BYTES),
        ("7B", 7),
        ("1GB", 1_000_000_000),
        ("64MiB", 64 * 1024 * 1024),
        ("1 kb", 1000),
        ("1kib", 1024),
        ("1.5KiB", 1536),
        ("0.3TB", 300_000_000_000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse("--size", text) == size


@given(st.integers(0, 2**20), st.sampled_from(sorted(UNITS)))
def test_units_multiply(number: int, unit: str) -> None:
    assert parse("--size", f"{number}{unit}") == number * UNITS[unit]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "--size takes a size from 0 up"),
        ("-5", "not '-5'"),
        ("MB", "not 'MB'"),
        ("inf", "not 'inf'"),
        ("٣", "not '٣'"),
        ("12xyz", "in --size '12xyz' the part 'xyz' is wrong: units are B, kB"),
        ("1e9", "the part 'e9' is wrong"),
        ("1_000", "the part '_000' is wrong"),
        ("1G", "the part 'G' is wrong: GB (1000000000 bytes) or GiB (1073741824 bytes)?"),
        ("1.5B", "no whole number of bytes"),
        ("18446744073709551616", "too large"),
        ("9" * 10_000, "too large"),
        ("1" + "\x1b" * 100, "units are"),
    ],
)
def test_what_is_wrong_is_pointed_at(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse("--size", text)
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.7, "1.00 kB"),
        (1234, "1.23 kB"),
        (12_345_678, "12.3 MB"),
        (123_456_789, "123 MB"),
        (999_700_000, "1.00 GB"),
        (MAX_SIZE_BYTES, "18.4 EB"),
    ],
)
def test_sizes_are_shown_with_three_digits(size: float, text: str) -> None:
    assert shown(size) == text


def test_rates() -> None:
    assert rate(3_000_000, 2) == "1.50 MB/s"
    assert rate(3_000_000, 0) == ""
