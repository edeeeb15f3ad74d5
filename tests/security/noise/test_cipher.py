"""Frames of an established connection: format, cuts, tampering, and the end of the nonces."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.security.noise import MAX_PLAINTEXT_BYTES, PREFERRED_PLAINTEXT_BYTES, NoiseCipher

KEYS = (bytes(range(32)), bytes(range(32, 64)))


def pair(nonce: int = 0) -> tuple[NoiseCipher, NoiseCipher]:
    """Two ends; the first is about to send frame number `nonce`, the second to receive it."""
    ours, theirs = KEYS
    return NoiseCipher(ours, theirs, send_nonce=nonce), NoiseCipher(theirs, ours, receive_nonce=nonce)


def seal(cipher: NoiseCipher, plaintext: bytes) -> bytes:
    out = memoryview(bytearray(len(plaintext) + cipher.overhead))
    assert cipher.encrypt_into(plaintext, out) == len(out)
    return bytes(out)


def opened(cipher: NoiseCipher, *chunks: bytes) -> list[bytes]:
    """Feed as a driver does: what is left of a chunk comes again before the next one."""
    delivered: list[bytes] = []
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        rest = data[cipher.decrypt(memoryview(data), delivered.append) :]
    assert rest == b""
    return delivered


@pytest.mark.spec("NOI-4", "NOI-6", "NOI-20")
@pytest.mark.parametrize("nonce", [0, 1, 258, 2**40, 2**64 - 2])
def test_a_frame_is_length_ciphertext_and_tag(nonce: int) -> None:
    sender, _ = pair(nonce)
    sealed = ChaCha20Poly1305(KEYS[0]).encrypt(bytes(4) + nonce.to_bytes(8, "little"), b"plaintext", None)
    assert len(sealed) == 9 + 16
    assert seal(sender, b"plaintext") == b"\x00\x19" + sealed


@pytest.mark.spec("NOI-5")
def test_what_the_contract_says_of_sizes() -> None:
    assert (NoiseCipher.prefix, NoiseCipher.overhead) == (2, 18)
    assert NoiseCipher.max_plaintext == PREFERRED_PLAINTEXT_BYTES == 65280


@pytest.mark.spec("NOI-5")
@pytest.mark.parametrize("size", [1, 16, PREFERRED_PLAINTEXT_BYTES, MAX_PLAINTEXT_BYTES])
def test_sizes(size: int) -> None:
    sender, receiver = pair()
    assert MAX_PLAINTEXT_BYTES == 65535 - 16
    assert opened(receiver, seal(sender, bytes(size))) == [bytes(size)]


@pytest.mark.spec("NOI-5")
def test_no_frame_carries_more_than_the_maximum() -> None:
    sender, receiver = pair()
    with pytest.raises(LimitExceeded, match="65519"):
        sender.encrypt_into(bytes(MAX_PLAINTEXT_BYTES + 1), memoryview(bytearray(70_000)))
    assert opened(receiver, seal(sender, b"and it can go on")) == [b"and it can go on"]


def test_sealing_in_place() -> None:
    sender, receiver = pair()
    out = memoryview(bytearray(100))
    out[2:7] = b"hello"
    size = sender.encrypt_into(out[2:7], out)
    assert size == 23
    assert opened(receiver, bytes(out[:size])) == [b"hello"]
    assert bytes(out[size:]) == bytes(100 - size)


@given(st.lists(st.binary(max_size=300), max_size=6), st.data())
def test_cuts_do_not_matter(plaintexts: list[bytes], data: st.DataObject) -> None:
    sender, receiver = pair()
    wire = b"".join([seal(sender, plaintext) for plaintext in plaintexts])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    chunks = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert opened(receiver, *chunks) == [plaintext for plaintext in plaintexts if plaintext]


def test_byte_by_byte() -> None:
    sender, receiver = pair()
    wire = seal(sender, b"first") + seal(sender, b"second")
    assert opened(receiver, *[bytes([byte]) for byte in wire]) == [b"first", b"second"]


def test_plaintext_is_the_receivers_own() -> None:
    sender, receiver = pair()
    buffer = bytearray(seal(sender, b"hello"))
    delivered: list[bytes] = []
    receiver.decrypt(memoryview(buffer), delivered.append)
    buffer[:] = bytes(len(buffer))
    assert delivered == [b"hello"]


@pytest.mark.spec("NOI-24")
def test_an_empty_frame_is_legal_and_delivers_nothing() -> None:
    sender, receiver = pair()
    assert opened(receiver, seal(sender, b"") + seal(sender, b"next")) == [b"next"]


@pytest.mark.spec("NOI-22")
@given(st.integers(16, 36 * 8 - 1))
def test_a_tampered_frame_delivers_nothing(bit: int) -> None:
    sender, receiver = pair()
    good, bad = seal(sender, b"before"), bytearray(seal(sender, b"exactly eighteen b"))
    bad[bit // 8] ^= 1 << bit % 8
    delivered: list[bytes] = []
    with pytest.raises(ProtocolViolation, match="does not authenticate"):
        receiver.decrypt(memoryview(good + bad), delivered.append)
    assert delivered == [b"before"]


def test_frames_out_of_order_do_not_authenticate() -> None:
    sender, receiver = pair()
    first, second = seal(sender, b"first"), seal(sender, b"second")
    with pytest.raises(ProtocolViolation):
        opened(receiver, second)
    assert opened(receiver, first) == [b"first"]
    with pytest.raises(ProtocolViolation):
        opened(receiver, first)


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_frame_shorter_than_its_tag(length: int) -> None:
    _, receiver = pair()
    with pytest.raises(ProtocolViolation, match=f"{length} bytes, shorter than its tag"):
        receiver.decrypt(memoryview(length.to_bytes(2, "big")), lambda plaintext: None)


@pytest.mark.spec("NOI-18")
def test_the_last_nonce() -> None:
    sender, receiver = pair(2**64 - 2)
    last = seal(sender, b"last")
    with pytest.raises(LimitExceeded, match="2\\^64 - 1"):
        seal(sender, b"one more")
    assert opened(receiver, last) == [b"last"]
    reserved = ChaCha20Poly1305(KEYS[0]).encrypt(bytes(4) + b"\xff" * 8, b"one more", None)
    with pytest.raises(ProtocolViolation, match="2\\^64 - 1"):
        opened(receiver, len(reserved).to_bytes(2, "big") + reserved)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_incomplete(data: bytes) -> None:
    _, receiver = pair()
    delivered: list[bytes] = []
    try:
        taken = receiver.decrypt(memoryview(data), delivered.append)
    except ProtocolViolation:
        taken = 0
    assert (taken, delivered) == (0, [])
