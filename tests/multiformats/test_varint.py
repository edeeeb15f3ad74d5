"""Unsigned varints against the vectors, and cut anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import varint

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "varint.json").read_text())


@pytest.mark.spec("XC-1")
@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["value"])
def test_vectors_both_ways(vector: dict[str, str]) -> None:
    value, data = int(vector["value"]), bytes.fromhex(vector["hex"])
    assert varint.encode(value) == data
    for kind in (bytes, bytearray, memoryview):
        assert varint.decode(kind(data)) == (value, len(data))
    assert varint.decode(b"\xff\xff" + data + b"\x07", 2) == (value, len(data) + 2)


@pytest.mark.spec("XC-1")
@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_broken_ones_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(FormatError) as caught:
        varint.decode(bytes.fromhex(vector["hex"]))
    assert not isinstance(caught.value, varint.IncompleteVarint)


@pytest.mark.spec("XC-1")
@pytest.mark.parametrize("hexadecimal", VECTORS["incomplete"])
def test_cut_off_ones_ask_for_more(hexadecimal: str) -> None:
    with pytest.raises(varint.IncompleteVarint):
        varint.decode(bytes.fromhex(hexadecimal))


@pytest.mark.parametrize("value", [-1, 2**63, 2**64])
def test_values_that_do_not_fit_are_refused(value: int) -> None:
    with pytest.raises(FormatError):
        varint.encode(value)


@given(st.integers(0, varint.MAX_VALUE), st.binary(max_size=3), st.binary(max_size=3))
def test_round_trip_anywhere_in_the_data(value: int, before: bytes, behind: bytes) -> None:
    encoded = varint.encode(value)
    assert len(encoded) <= varint.MAX_LENGTH
    assert varint.decode(before + encoded + behind, len(before)) == (value, len(before) + len(encoded))


@given(st.integers(0, varint.MAX_VALUE))
def test_each_cut_is_incomplete(value: int) -> None:
    encoded = varint.encode(value)
    for end in range(len(encoded)):
        with pytest.raises(varint.IncompleteVarint):
            varint.decode(encoded[:end])


@given(st.binary(max_size=12))
def test_what_decodes_is_the_only_form(data: bytes) -> None:
    try:
        value, end = varint.decode(data)
    except FormatError:
        return
    assert varint.encode(value) == data[:end]
