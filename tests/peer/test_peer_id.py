"""Peer ids: from keys, from bytes, from text, and back."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError
from aiolibp2p.multiformats import Cid, Multiaddr, Multihash
from aiolibp2p.peer import PeerId, PublicKey
from aiolibp2p.peer.peer_id import MAX_INLINED_KEY, MAX_TEXT_LENGTH

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "peer_ids.json").read_text())
KEYS = json.loads((Path(__file__).parents[1] / "vectors" / "keys.json").read_text())["keys"]
LIBP2P_KEY = 0x72

hashes = st.binary(min_size=32, max_size=32).map(lambda digest: PeerId(b"\x12\x20" + digest))
inlined = st.binary(min_size=1, max_size=MAX_INLINED_KEY).map(lambda key: PeerId(bytes([0, len(key)]) + key))
peer_ids = hashes | inlined


@pytest.mark.spec("PID-3", "PID-4", "PID-5", "PID-6", "PID-7", "RFC1-1", "RFC1-2", "RFC1-4")
@pytest.mark.parametrize("vector", VECTORS["peer_ids"], ids=lambda vector: vector["base58"])
def test_all_forms_of_an_id(vector):
    peer = PeerId(bytes.fromhex(vector["multihash"]))
    assert str(peer) == f"{peer}" == vector["base58"]
    assert peer.text() == vector["base32"]
    assert peer.text("base36") == vector["base36"]
    assert peer.text("base58btc") == vector["base58btc_cid"]
    assert peer.text("base64url") == vector["base64url"]
    for form in ("base58", "base32", "base36", "base58btc_cid", "base64url"):
        assert PeerId.parse(vector[form]) == peer


@pytest.mark.spec("PID-8")
def test_the_example_of_the_spec():
    cid = "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe"
    assert str(PeerId.parse(cid)) == "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
    assert PeerId.parse("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N").text() == cid


@pytest.mark.spec("PID-5", "PID-6")
@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["why"])
def test_texts_that_are_no_id(vector):
    with pytest.raises(FormatError, match="is not a peer id: ") as raised:
        PeerId.parse(vector["text"])
    assert repr(vector["text"][:64]) in str(raised.value)


@pytest.mark.spec("PID-6")
def test_content_type_is_named():
    dag_pb = Cid(1, 0x70, Multihash(0x12, bytes(32))).text()
    with pytest.raises(FormatError, match="content type is 0x70, not libp2p-key"):
        PeerId.parse(dag_pb)


def test_longest_text():
    with pytest.raises(FormatError, match="129 characters are over the limit of 128"):
        PeerId.parse("b" * (MAX_TEXT_LENGTH + 1))


@pytest.mark.spec("RFC1-3")
def test_base58_of_a_hash_is_a_cid_of_version_0():
    text = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
    assert Cid.parse(text).multihash.encode() == PeerId.parse(text).to_bytes()
    with pytest.raises(FormatError):
        Cid.parse("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")


@pytest.mark.spec("RFC1-6", "PID-7")
@given(peer_ids)
def test_case_does_not_matter_where_it_gets_lost(peer):
    for base in ("base32", "base36", "base16"):
        assert PeerId.parse(peer.text(base).upper()) == peer


@pytest.mark.spec("RFC1-6")
def test_base36_of_an_ed25519_id_fits_a_dns_label(ours):
    assert len(ours.peer_id.text()) == 65
    assert len(ours.peer_id.text("base36")) == 62


@given(peer_ids, st.sampled_from(["base16", "base32", "base36", "base58btc", "base64", "base64url"]))
def test_there_and_back(peer, base):
    assert PeerId.parse(peer.text(base)) == peer
    assert PeerId(bytes(peer)) == PeerId(peer.to_bytes()) == peer


@pytest.mark.spec("PID-5")
@given(st.text(max_size=80) | st.text("123456789QmbfkzABCabc", max_size=80))
def test_text_at_random(text):
    try:
        peer = PeerId.parse(text)
    except FormatError:
        return
    assert PeerId.parse(str(peer)) == peer


@pytest.mark.spec("XC-7", "RFC1-5")
@given(
    st.binary(max_size=60)
    | st.binary(max_size=45).map(lambda data: b"\0" + data)
    | st.binary(max_size=34).map(lambda data: b"\x12\x20" + data)
)
def test_bytes_at_random(data):
    """Only a multihash is an id, only of SHA-256 or identity, only with all of its bytes and no more."""
    try:
        whole = Multihash.decode(data)
        fits = whole.code == 0x12 or (whole.code == 0 and 1 <= len(whole.digest) <= MAX_INLINED_KEY)
    except FormatError:
        fits = False
    if fits:
        assert PeerId(data).to_bytes() == data
        return
    with pytest.raises(FormatError):
        PeerId(data)


@pytest.mark.spec("RFC1-5")
def test_cid_bytes_are_no_id(ours):
    with pytest.raises(FormatError):
        PeerId(Cid(1, LIBP2P_KEY, Multihash.decode(ours.peer_id.to_bytes())).encode())


def test_an_id_is_no_alias_of_its_input(ours):
    data = bytearray(ours.peer_id.to_bytes())
    peer = PeerId(data)
    data[5] ^= 1
    assert peer == ours.peer_id


@pytest.mark.spec("PID-1", "PID-2")
@pytest.mark.parametrize("vector", KEYS, ids=lambda vector: vector["kind"])
def test_id_of_a_key(vector):
    encoded = bytes.fromhex(vector["public_key"])
    key = PublicKey.unmarshal(encoded)
    peer = key.peer_id
    prefix = {"ed25519": "12D3KooW", "secp256k1": "16Uiu2HA", "rsa": "Qm", "ecdsa": "Qm"}[vector["kind"]]
    assert str(peer) == vector["peer_id"]
    assert str(peer).startswith(prefix)
    inlined_key = len(encoded) <= 42
    assert peer.to_bytes() == (
        bytes([0, len(encoded)]) + encoded if inlined_key else b"\x12\x20" + hashlib.sha256(encoded).digest()
    )
    assert peer is key.peer_id


@pytest.mark.spec("PID-1")
def test_longest_key_held_whole():
    assert PeerId.from_key_bytes(bytes(42)).to_bytes() == b"\0\x2a" + bytes(42)
    assert PeerId.from_key_bytes(bytes(43)).to_bytes() == b"\x12\x20" + hashlib.sha256(bytes(43)).digest()


@pytest.mark.spec("PID-9")
def test_key_out_of_an_id(key):
    found = PublicKey.of(key.peer_id)
    assert found == (key.public_key if len(key.public_key.marshal()) <= 42 else None)


@pytest.mark.spec("PID-9")
@pytest.mark.parametrize("data", [b"x", b"\x08\x01\x12\x20" + bytes(31), b"\x08\x09\x12\x01x"])
def test_an_id_that_holds_no_key(data):
    with pytest.raises(FormatError):
        PublicKey.of(PeerId.from_key_bytes(data))


@pytest.mark.spec("PID-10")
def test_hash_of_a_short_key_is_another_id(ours, theirs):
    old_style = PeerId(b"\x12\x20" + hashlib.sha256(ours.public_key.marshal()).digest())
    assert str(old_style).startswith("Qm")
    assert old_style != ours.peer_id
    assert PublicKey.of(old_style) is None
    assert PublicKey.of(ours.peer_id) == ours.public_key != theirs.public_key


@given(st.lists(peer_ids, max_size=8))
def test_order_hash_and_equality_are_those_of_the_bytes(peers):
    assert [bytes(peer) for peer in sorted(peers)] == sorted(bytes(peer) for peer in peers)
    again = {PeerId(bytes(peer)): number for number, peer in enumerate(peers)}
    assert all(peer in again for peer in peers)
    for peer in peers:
        assert peer >= min(peers)
        assert peer != bytes(peer)
        assert pickle.loads(pickle.dumps(peer)) == copy.deepcopy(peer) == copy.copy(peer) == peer


def test_an_id_is_not_compared_with_anything_else(ours):
    with pytest.raises(TypeError):
        _ = ours.peer_id < ours.peer_id.to_bytes()


def test_short_form(ours):
    assert ours.peer_id.short == str(ours.peer_id)[-8:]
    assert repr(ours.peer_id) == f"PeerId(...{ours.peer_id.short})"


@given(peer_ids)
def test_addresses_carry_the_same_ids(peer):
    address = Multiaddr(f"/ip4/192.0.2.1/tcp/4001/p2p/{peer}")
    assert address.p2p_bytes == peer.to_bytes()
    assert address.p2p == str(peer)
