"""Bytes as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.io.buffers import SEND_BYTES
from aiolibp2p.security.plaintext import PlaintextCipher


@pytest.mark.spec("PLT-6")
@given(st.binary(max_size=300))
def test_nothing_is_framed(plaintext: bytes) -> None:
    cipher = PlaintextCipher()
    out = memoryview(bytearray(300))
    assert cipher.encrypt_into(memoryview(plaintext), out) == len(plaintext)
    assert bytes(out[: len(plaintext)]) == cipher.encrypt(plaintext) == plaintext
    delivered: list[bytes] = []
    assert cipher.decrypt(memoryview(plaintext), delivered.append) == len(plaintext)
    assert delivered == ([plaintext] if plaintext else [])


def test_what_the_contract_says_of_sizes() -> None:
    assert (PlaintextCipher.prefix, PlaintextCipher.overhead) == (0, 0)
    assert PlaintextCipher.max_plaintext <= SEND_BYTES


def test_sealing_in_place() -> None:
    out = memoryview(bytearray(b"hello world"))
    assert PlaintextCipher().encrypt_into(out[:5], out) == 5
    assert bytes(out) == b"hello world"


def test_what_it_hands_on_is_the_receivers_own() -> None:
    buffer = bytearray(b"hello")
    delivered: list[bytes] = []
    PlaintextCipher().decrypt(memoryview(buffer), delivered.append)
    sealed = PlaintextCipher().encrypt(memoryview(buffer))
    buffer[:] = b"other"
    assert [*delivered, sealed] == [b"hello", b"hello"]


def test_it_has_no_words_for_the_end() -> None:
    cipher = PlaintextCipher()
    cipher.receive_eof()
    assert cipher.farewell() == b""
