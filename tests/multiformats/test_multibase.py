"""Multibase against the vectors, and whatever text hypothesis thinks of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multibase

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "multibase.json").read_text())
NAMES = sorted({vector["base"] for vector in VECTORS["valid"]})
ALPHABET = "\0fFbBcCvVkKzmMuU0123456789abcdefxyzABCXYZ-_+/=~ \n\u00e9\u0130\u212a"


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: f"{vector['base']}-{vector['hex'][:4]}")
def test_vectors_both_ways(vector: dict[str, str]) -> None:
    data = bytes.fromhex(vector["hex"])
    assert multibase.encode(vector["base"], data) == vector["text"]
    assert multibase.decode(vector["text"]) == data


@pytest.mark.spec("RFC1-6")
@pytest.mark.parametrize("vector", VECTORS["other_case"], ids=lambda vector: vector["text"])
def test_bases_of_one_case_read_both(vector: dict[str, str]) -> None:
    assert multibase.decode(vector["text"]) == bytes.fromhex(vector["hex"])


@pytest.mark.parametrize("vector", VECTORS["base58"], ids=lambda vector: vector["text"])
def test_base58_without_prefix(vector: dict[str, str]) -> None:
    data = bytes.fromhex(vector["hex"])
    assert multibase.base58btc_encode(data) == vector["text"]
    assert multibase.base58btc_decode(vector["text"]) == data


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_broken_text_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        multibase.decode(vector["text"])


def test_a_base_without_a_name_is_refused() -> None:
    with pytest.raises(FormatError, match="base58btc"):
        multibase.encode("base59", b"")


@pytest.mark.parametrize("base", ["base58btc", "base36"])
def test_the_quadratic_bases_are_limited(base: str) -> None:
    longest = b"\xff" * multibase.MAX_NUMBER_BYTES
    assert multibase.decode(multibase.encode(base, longest)) == longest
    with pytest.raises(FormatError):
        multibase.encode(base, longest + b"\xff")
    with pytest.raises(FormatError):
        multibase.decode(multibase.encode(base, b"")[:1] + "a" * (multibase.MAX_NUMBER_TEXT + 1))


@given(st.sampled_from(NAMES), st.binary(max_size=80))
def test_round_trip(base: str, data: bytes) -> None:
    assert multibase.decode(multibase.encode(base, data)) == data


@given(st.text(max_size=12) | st.text(ALPHABET, max_size=12))
def test_any_text_decodes_or_is_refused(text: str) -> None:
    try:
        data = multibase.decode(text)
    except FormatError:
        return
    again = next(name for name in NAMES if multibase.encode(name, b"")[:1] == text[0])
    assert multibase.encode(again, data).lower() == text.lower()
