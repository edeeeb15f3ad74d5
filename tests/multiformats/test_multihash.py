"""Multihashes against the vectors, and random bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multihash
from aiolibp2p.multiformats.multihash import IDENTITY, MAX_DIGEST_LENGTH, SHA2_256, Multihash

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "multihash.json").read_text())


@pytest.mark.spec("XC-7")
@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["hex"][:8])
def test_vectors_both_ways(vector: dict[str, Any]) -> None:
    data, value = bytes.fromhex(vector["hex"]), Multihash(vector["code"], bytes.fromhex(vector["digest"]))
    assert value.encode() == data
    for kind in (bytes, bytearray, memoryview):
        assert Multihash.decode(kind(data)) == value


@pytest.mark.spec("XC-7")
@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_broken_ones_are_refused(vector: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        Multihash.decode(bytes.fromhex(vector["hex"]))


@pytest.mark.spec("XC-7")
@pytest.mark.parametrize("vector", VECTORS["sha2_256"], ids=lambda vector: vector["input"])
def test_hashing(vector: dict[str, str]) -> None:
    assert multihash.sha2_256(bytes.fromhex(vector["input"])).encode().hex() == vector["hex"]


def test_identity_holds_the_data_up_to_the_limit() -> None:
    assert multihash.identity(b"key") == Multihash(IDENTITY, b"key")
    assert multihash.identity(bytes(MAX_DIGEST_LENGTH)).digest == bytes(MAX_DIGEST_LENGTH)
    with pytest.raises(FormatError):
        multihash.identity(bytes(MAX_DIGEST_LENGTH + 1))


def test_a_sha2_256_digest_has_32_bytes() -> None:
    with pytest.raises(FormatError, match="32"):
        Multihash(SHA2_256, bytes(31))


@given(st.binary(max_size=MAX_DIGEST_LENGTH))
def test_round_trip(data: bytes) -> None:
    for value in (multihash.identity(data), multihash.sha2_256(data)):
        assert Multihash.decode(value.encode()) == value


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda digest: bytes((0, len(digest))) + digest))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        value = Multihash.decode(data)
    except FormatError:
        return
    assert value.encode() == data
