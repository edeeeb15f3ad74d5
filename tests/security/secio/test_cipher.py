"""Frames: format, cuts, tampering, and those that no shared buffer holds."""

from __future__ import annotations

import contextlib
import hmac
import itertools

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.io.buffers import SEND_BYTES, UNFINISHED_BYTES
from aiolibp2p.security.secio import HASHES, MAX_FRAME_BYTES, PREFERRED_PLAINTEXT_BYTES, SecioCipher
from aiolibp2p.security.secio.cipher import MAX_HANDED_BACK_BYTES
from aiolibp2p.security.secio.stretch import Keys

ALICE = Keys(bytes(range(16)), bytes(range(32)), bytes(range(20)))
BOB = Keys(bytes(range(50, 66)), bytes(range(50, 82)), bytes(range(50, 70)))
MAC_BYTES = {"SHA256": 32, "SHA512": 64}


def pair(hash_name: str = "SHA256") -> tuple[SecioCipher, SecioCipher]:
    return SecioCipher(ALICE, BOB, hash_name), SecioCipher(BOB, ALICE, hash_name)


def opened(cipher: SecioCipher, *chunks: bytes) -> list[bytes]:
    """Feed as a driver does: what is left of a chunk comes again before the next one, and fits its buffer."""
    delivered: list[bytes] = []
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        rest = data[cipher.decrypt(memoryview(data), delivered.append) :]
        assert len(rest) < UNFINISHED_BYTES
    assert rest == b""
    return delivered


def cut(wire: bytes, size: int) -> list[bytes]:
    return [wire[at : at + size] for at in range(0, len(wire), size)]


@pytest.mark.spec("SEC-14", "SEC-15")
@pytest.mark.parametrize("hash_name", HASHES)
def test_a_frame_is_length_ciphertext_and_its_hmac_and_the_key_stream_goes_on(hash_name: str) -> None:
    sender, _ = pair(hash_name)
    stream = Cipher(algorithms.AES(ALICE.cipher_key), modes.CTR(ALICE.iv)).encryptor().update(bytes(12))
    at = 0
    for text in (b"hello", b"", b" world!"):
        sealed = bytes(one ^ other for one, other in zip(text, stream[at:], strict=False))
        mac = hmac.new(ALICE.mac_key, sealed, hash_name.lower()).digest()
        assert sender.encrypt(text) == (len(text) + MAC_BYTES[hash_name]).to_bytes(4, "big") + sealed + mac
        at += len(text)


@pytest.mark.parametrize("hash_name", HASHES)
def test_what_the_contract_says_of_sizes(hash_name: str) -> None:
    cipher, _ = pair(hash_name)
    assert (cipher.prefix, cipher.overhead) == (4, 4 + MAC_BYTES[hash_name])
    assert cipher.max_plaintext == PREFERRED_PLAINTEXT_BYTES == 65280
    whole = cipher.max_plaintext + cipher.overhead
    assert whole <= SEND_BYTES
    assert whole <= MAX_HANDED_BACK_BYTES < UNFINISHED_BYTES


def test_sealing_in_place() -> None:
    sender, receiver = pair()
    out = memoryview(bytearray(100))
    out[4:9] = b"hello"
    size = sender.encrypt_into(out[4:9], out)
    assert size == 5 + sender.overhead
    assert opened(receiver, bytes(out[:size])) == [b"hello"]
    assert bytes(out[size:]) == bytes(100 - size)


@pytest.mark.parametrize("hash_name", HASHES)
@settings(max_examples=40)
@given(plaintexts=st.lists(st.binary(max_size=300), max_size=6), data=st.data())
def test_cuts_do_not_matter(hash_name: str, plaintexts: list[bytes], data: st.DataObject) -> None:
    sender, receiver = pair(hash_name)
    wire = b"".join([sender.encrypt(plaintext) for plaintext in plaintexts])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    chunks = [wire[start:stop] for start, stop in itertools.pairwise([0, *cuts, len(wire)])]
    assert opened(receiver, *chunks) == [plaintext for plaintext in plaintexts if plaintext]


def test_byte_by_byte() -> None:
    sender, receiver = pair()
    assert opened(receiver, *cut(sender.encrypt(b"first") + sender.encrypt(b"second"), 1)) == [b"first", b"second"]


@pytest.mark.parametrize("size", [4, 1000, 65_536, 262_144, 1 << 22])
@pytest.mark.parametrize(
    "length", [MAX_HANDED_BACK_BYTES - 36, MAX_HANDED_BACK_BYTES - 35, 1 << 20, MAX_FRAME_BYTES - 32]
)
def test_frames_that_a_readers_buffer_may_not_hold(length: int, size: int) -> None:
    if size == 4:
        length = min(length, MAX_HANDED_BACK_BYTES)  # for time's sake
    sender, receiver = pair()
    long = bytes(range(256)) * (length // 256 + 1)
    wire = sender.encrypt(b"before") + sender.encrypt(long[:length]) + sender.encrypt(b"behind")
    assert opened(receiver, *cut(wire, size)) == [b"before", long[:length], b"behind"]


def test_what_is_kept_is_what_came() -> None:
    """The announcement of a long frame costs nothing by itself, and no more is kept than belongs to the frame."""
    _, receiver = pair()
    announced = MAX_FRAME_BYTES.to_bytes(4, "big")
    assert receiver.decrypt(memoryview(announced[:3]), lambda plaintext: None) == 0
    assert receiver.decrypt(memoryview(announced + b"x"), lambda plaintext: None) == 5
    assert receiver.decrypt(memoryview(bytes(1000)), lambda plaintext: None) == 1000
    with pytest.raises(ProtocolViolation, match="does not authenticate"):
        receiver.decrypt(memoryview(bytes(MAX_FRAME_BYTES)), lambda plaintext: None)


@pytest.mark.spec("SEC-2")
@pytest.mark.parametrize("length", [MAX_FRAME_BYTES + 1, 0x7FFFFF, 0x800000, 2**32 - 1])
def test_a_frame_over_the_limit_is_refused_by_its_length(length: int) -> None:
    _, receiver = pair()
    with pytest.raises(ProtocolViolation, match=f"{length} bytes, at most {MAX_FRAME_BYTES} are allowed"):
        receiver.decrypt(memoryview(length.to_bytes(4, "big")), lambda plaintext: None)


@pytest.mark.spec("SEC-2")
def test_no_frame_is_sent_that_is_over_it() -> None:
    sender, receiver = pair()
    with pytest.raises(LimitExceeded, match=f"at most {MAX_FRAME_BYTES - 32} bytes"):
        sender.encrypt(bytes(MAX_FRAME_BYTES - 31))
    assert opened(receiver, sender.encrypt(b"and it can go on")) == [b"and it can go on"]


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("missing", [1, 31])
def test_a_frame_shorter_than_its_hmac(hash_name: str, missing: int) -> None:
    _, receiver = pair(hash_name)
    length = MAC_BYTES[hash_name] - missing
    with pytest.raises(ProtocolViolation, match=f"{length} bytes, shorter than its HMAC"):
        receiver.decrypt(memoryview(length.to_bytes(4, "big")), lambda plaintext: None)


@pytest.mark.spec("SEC-15")
@given(st.integers(4 * 8, (4 + 18 + 32) * 8 - 1))
def test_a_tampered_frame_delivers_nothing(bit: int) -> None:
    sender, receiver = pair()
    good, bad = sender.encrypt(b"before"), bytearray(sender.encrypt(b"exactly eighteen b"))
    bad[bit // 8] ^= 1 << bit % 8
    delivered: list[bytes] = []
    with pytest.raises(ProtocolViolation, match="does not authenticate"):
        receiver.decrypt(memoryview(good + bad), delivered.append)
    assert delivered == [b"before"]


def test_each_direction_has_its_own_keys() -> None:
    sender, receiver = pair()
    with pytest.raises(ProtocolViolation, match="does not authenticate"):
        opened(sender, sender.encrypt(b"reflected"))
    assert opened(sender, receiver.encrypt(b"hello")) == [b"hello"]


def test_plaintext_is_the_receivers_own() -> None:
    sender, receiver = pair()
    buffer = bytearray(sender.encrypt(b"hello"))
    delivered: list[bytes] = []
    receiver.decrypt(memoryview(buffer), delivered.append)
    buffer[:] = bytes(len(buffer))
    assert delivered == [b"hello"]


def test_an_empty_frame_is_legal_and_delivers_nothing() -> None:
    sender, receiver = pair()
    assert opened(receiver, sender.encrypt(b"") + sender.encrypt(b"next")) == [b"next"]


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_incomplete(data: bytes) -> None:
    _, receiver = pair()
    delivered: list[bytes] = []
    with contextlib.suppress(ProtocolViolation):
        receiver.decrypt(memoryview(data), delivered.append)
    assert delivered == []


def test_it_has_no_words_for_the_end() -> None:
    cipher, _ = pair()
    cipher.receive_eof()
    assert cipher.farewell() == b""
