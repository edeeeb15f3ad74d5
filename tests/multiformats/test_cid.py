"""CIDs against the vectors: peer ids in text (RFC 0001) and content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import multibase, multicodec, multihash
from aiolibp2p.multiformats.cid import Cid
from aiolibp2p.multiformats.multihash import Multihash

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "cid.json").read_text())
SPEC_CID = VECTORS["peer_ids"][0]
DNS_LABEL_LENGTH = 63


@pytest.mark.spec("RFC1-1", "RFC1-2")
@pytest.mark.parametrize("vector", VECTORS["peer_ids"], ids=lambda vector: vector["cid"][:12])
def test_peer_ids_as_cids_both_ways(vector: dict[str, str]) -> None:
    hashed = Multihash.decode(multibase.base58btc_decode(vector["peer_id"]))
    cid = Cid.parse(vector["cid"])
    assert cid == Cid(1, multicodec.LIBP2P_KEY, hashed)
    assert cid.text(vector["base"]) == vector["cid"]
    assert cid.text() == multibase.encode("base32", cid.encode())
    assert cid.text().startswith("b")
    assert "=" not in cid.text()
    assert cid.text() == cid.text().lower()


@pytest.mark.spec("RFC1-3")
def test_the_old_form_of_a_hashed_peer_id_is_a_version_0_cid() -> None:
    old = Cid.parse(SPEC_CID["peer_id"])
    assert (old.version, old.multihash) == (0, Cid.parse(SPEC_CID["cid"]).multihash)
    assert old.text() == SPEC_CID["peer_id"]
    assert Cid.decode(old.encode()) == old


@pytest.mark.spec("RFC1-6")
def test_other_case_and_names_of_dns() -> None:
    cid = Cid.parse(SPEC_CID["cid"])
    assert Cid.parse(SPEC_CID["cid"].upper()) == cid
    assert Cid.parse(cid.text("base36").upper()) == cid
    short = Cid.parse(VECTORS["peer_ids"][1]["cid"])
    assert len(short.text("base32")) > DNS_LABEL_LENGTH >= len(short.text("base36"))


@pytest.mark.parametrize("vector", VECTORS["content"], ids=lambda vector: vector["text"])
def test_content(vector: dict[str, Any]) -> None:
    cid = Cid.parse(vector["text"])
    assert (cid.version, cid.codec) == (vector["version"], vector["codec"])
    if vector["digest"] is not None:
        assert cid.multihash.digest.hex() == vector["digest"]
    assert cid.text(vector["base"]) == vector["text"]


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_broken_text_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(FormatError):
        Cid.parse(vector["text"])


@pytest.mark.parametrize(("version", "codec"), [(2, multicodec.RAW), (-1, multicodec.RAW), (0, multicodec.LIBP2P_KEY)])
def test_impossible_ones_are_refused(version: int, codec: int) -> None:
    with pytest.raises(FormatError):
        Cid(version, codec, multihash.sha2_256(b""))


def test_version_0_takes_sha2_256_alone() -> None:
    with pytest.raises(FormatError):
        Cid(0, multicodec.DAG_PB, multihash.identity(b"x"))


@given(st.sampled_from(["base32", "base36", "base58btc", "base64url"]), st.integers(0, 2**20), st.binary(max_size=64))
def test_round_trip(base: str, codec: int, data: bytes) -> None:
    for hashed in (multihash.identity(data), multihash.sha2_256(data)):
        cid = Cid(1, codec, hashed)
        assert Cid.decode(cid.encode()) == cid
        assert Cid.decode(memoryview(cid.encode())) == cid
        assert Cid.parse(cid.text(base)) == cid


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: b"\x01\x72" + data))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        cid = Cid.decode(data)
    except FormatError:
        return
    assert cid.encode() == data


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        cid = Cid.parse(text)
    except FormatError:
        return
    assert Cid.decode(cid.encode()) == cid
