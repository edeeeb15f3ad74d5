"""XSalsa20 against the vectors of NaCl, in tests/vectors/xsalsa20.json."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from Cryptodome.Cipher import Salsa20
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p import HostConfig
from aiolibp2p.assembly import assemble
from aiolibp2p.errors import ConfigError
from aiolibp2p.security.pnet import PreSharedKey, PskProtector
from aiolibp2p.security.pnet.salsa20 import hsalsa20, salsa20_block
from aiolibp2p.security.pnet.xsalsa20 import XSalsa20

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "xsalsa20.json").read_text())
KEY, NONCE = bytes(range(32)), bytes(range(100, 124))


def stream(vector: dict[str, Any]) -> XSalsa20:
    return XSalsa20(bytes.fromhex(vector["key"]), bytes.fromhex(vector["nonce"]))


@pytest.mark.spec("PNT-8")
@pytest.mark.parametrize("vector", VECTORS["hsalsa20"])
def test_hsalsa20(vector: dict[str, str]) -> None:
    assert hsalsa20(bytes.fromhex(vector["key"]), bytes.fromhex(vector["nonce"])).hex() == vector["output"]


@pytest.mark.spec("PNT-8")
@pytest.mark.parametrize("vector", VECTORS["streams"])
def test_streams(vector: dict[str, Any]) -> None:
    keystream = stream(vector).apply(bytes(vector["length"]))
    assert keystream.startswith(bytes.fromhex(vector["prefix"]))
    assert hashlib.sha256(keystream).hexdigest() == vector["sha256"]
    assert hashlib.sha512(keystream).hexdigest() == vector["sha512"]


@pytest.mark.spec("PNT-8")
@pytest.mark.parametrize("vector", VECTORS["encryptions"])
def test_encryptions(vector: dict[str, Any]) -> None:
    cipher = stream(vector)
    cipher.apply(bytes(vector["offset"]))
    assert cipher.apply(bytes.fromhex(vector["plaintext"])).hex() == vector["ciphertext"]


@pytest.mark.parametrize("vector", VECTORS["fingerprints"])
def test_fingerprints(vector: dict[str, str]) -> None:
    assert PreSharedKey(bytes.fromhex(vector["key"])).fingerprint == vector["fingerprint"]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=8, max_size=8))
def test_our_block_is_the_first_of_the_stream(key: bytes, nonce: bytes) -> None:
    assert salsa20_block(key, nonce) == Salsa20.new(key, nonce).encrypt(bytes(64))


@pytest.mark.spec("PNT-3")
@given(st.lists(st.tuples(st.binary(max_size=200), st.booleans()), max_size=8))
def test_the_stream_goes_on_over_any_pieces(pieces: list[tuple[bytes, bool]]) -> None:
    cipher = XSalsa20(KEY, NONCE)
    sealed = b""
    for piece, is_in_place in pieces:
        if is_in_place:
            view = memoryview(bytearray(piece))
            cipher.apply_in_place(view)
            sealed += view
        else:
            sealed += cipher.apply(piece)
    plaintext = b"".join(piece for piece, _ in pieces)
    assert sealed == XSalsa20(KEY, NONCE).apply(plaintext)
    assert XSalsa20(KEY, NONCE).apply(sealed) == plaintext


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Cryptodome.Cipher.Salsa20", None)
    key = PreSharedKey(KEY)
    with pytest.raises(ConfigError, match=r"pip install 'aiolibp2p\[pnet\]'"):
        PskProtector(key, bytes)
    with pytest.raises(ConfigError, match=r"pip install 'aiolibp2p\[pnet\]'"):
        assemble(HostConfig(psk=key))
    assert len(key.fingerprint) == 32, "needs no extra"
