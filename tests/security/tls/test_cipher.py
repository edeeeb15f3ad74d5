"""Records of an established TLS connection."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.errors import ConnectionLost, ProtocolViolation
from aiolibp2p.io.buffers import SEND_BYTES
from aiolibp2p.security.tls.cipher import TlsCipher
from aiolibp2p.security.tls.records import HEADER_BYTES, MAX_RECORD_BYTES, whole_records
from security.tls.peers import pair, shake_hands


def ciphers() -> tuple[Cipher, Cipher]:
    there, here = shake_hands(*pair())
    return there.cipher, here.cipher


ALICES, BOBS = ciphers()
"""Ciphers for what leaves both as they were: the records of a direction are numbered."""


def opened(cipher: Cipher, sealed: bytes) -> bytes:
    pieces: list[bytes] = []
    assert cipher.decrypt(memoryview(sealed), pieces.append) == len(sealed)
    return b"".join(pieces)


@settings(max_examples=30)
@given(size=st.one_of(st.integers(0, 300), st.integers(16_300, 16_500), st.integers(0, 255 * 256)), back=st.booleans())
def test_what_is_sealed_opens(size: int, back: bool) -> None:
    sender, receiver = (BOBS, ALICES) if back else (ALICES, BOBS)
    plaintext = bytes(range(256)) * (size // 256 + 1)
    out = memoryview(bytearray(size + sender.overhead))
    out[:size] = plaintext[:size]
    n = sender.encrypt_into(out[:size], out)
    assert n <= size + sender.overhead
    assert opened(receiver, bytes(out[:n])) == plaintext[:size]
    assert opened(receiver, bytes(sender.encrypt(plaintext[:size]))) == plaintext[:size]


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 40_000), min_size=1, max_size=6))
def test_cut_anywhere(cuts: list[int]) -> None:
    plaintext = b"".join(bytes([i]) * 40_000 for i in range(5))
    wire = b"".join(bytes(ALICES.encrypt(plaintext[at : at + 60_000])) for at in range(0, len(plaintext), 60_000))
    pieces: list[bytes] = []
    tail, at, number = b"", 0, 0
    while at < len(wire):
        cut = cuts[number % len(cuts)]
        number += 1
        data = tail + wire[at : at + cut]
        at += cut
        taken = BOBS.decrypt(memoryview(data), pieces.append)
        tail = data[taken:]
        assert len(tail) < MAX_RECORD_BYTES
    assert b"".join(pieces) == plaintext


def test_the_longest_frame_fits_into_the_send_buffer() -> None:
    assert TlsCipher.max_plaintext + TlsCipher.overhead <= SEND_BYTES


def test_the_plaintext_is_not_on_the_wire() -> None:
    assert b"a secret of some length" not in bytes(ALICES.encrypt(b"a secret of some length"))


@pytest.mark.spec("TLS-26")
def test_close_notify_is_an_end_and_a_cut_is_an_error() -> None:
    alice, bob = ciphers()
    with pytest.raises(ConnectionLost, match="was cut: its end came without TLS's close_notify"):
        bob.receive_eof()
    pieces: list[bytes] = []
    last = bytes(alice.encrypt(b"last words")) + bytes(alice.farewell())
    with pytest.raises(ConnectionLost, match="the peer closed the connection"):
        bob.decrypt(memoryview(last), pieces.append)
    assert pieces == [b"last words"]
    bob.receive_eof()
    assert alice.farewell() == b""


@pytest.mark.parametrize("place", [0, 1, 5, 20, -1])
def test_a_changed_byte(place: int) -> None:
    alice, bob = ciphers()
    good, bad = bytes(alice.encrypt(b"good")), bytearray(alice.encrypt(b"bad" * 10))
    bad[place] ^= 0x40
    pieces: list[bytes] = []
    with pytest.raises(ProtocolViolation):
        bob.decrypt(memoryview(good + bytes(bad) + bytes(alice.encrypt(b"more"))), pieces.append)
    assert pieces in ([b"good"], [])
    assert bob.farewell() != b""


@pytest.mark.parametrize("order", [(1, 0), (0, 0), (0, 2)])
def test_replayed_reordered_and_dropped_records(order: tuple[int, int]) -> None:
    alice, bob = ciphers()
    records = [bytes(alice.encrypt(bytes([n]))) for n in range(3)]
    pieces: list[bytes] = []
    with pytest.raises(ProtocolViolation, match="a TLS record does not open"):
        for number in order:
            bob.decrypt(memoryview(records[number]), pieces.append)
    assert len(pieces) == order.index(0) + 1 if order[0] == 0 else pieces == []


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 ", b"\x17\x02\x03\x00\x10" + bytes(16), b"\x17\x03\x03\x41\x01" + bytes(5)]
)
def test_what_is_no_record(data: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="no TLS record"):
        ciphers()[1].decrypt(memoryview(data), lambda _: None)


def test_a_record_too_long_is_refused_by_its_header() -> None:
    with pytest.raises(ValueError, match="not a TLS record"):
        whole_records(memoryview(b"\x17\x03\x03\xff\xff"), 1 << 20)
    longest = MAX_RECORD_BYTES - HEADER_BYTES
    assert whole_records(memoryview(b"\x17\x03\x03" + longest.to_bytes(2, "big")), 1 << 20) == (0, 0)


def test_an_end_frees_everything_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        dialer, listener = pair()
        shake_hands(dialer, listener)
        gone = weakref.ref(dialer)
        del dialer, listener
        assert gone() is None
    finally:
        gc.enable()
