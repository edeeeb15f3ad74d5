"""Signed envelopes: what is signed, and what breaks the signature."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError, FormatError, LimitExceeded, SignatureInvalid
from aiolibp2p.peer import PrivateKey, SignedEnvelope, keys_pb2, signed_envelope_pb2
from aiolibp2p.peer.signed_envelope import MAX_ENVELOPE_BYTES, signing_buffer

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "envelopes.json").read_text())
KEY = PrivateKey.generate(entropy=bytes)


def envelope_bytes(**fields: bytes) -> bytes:
    """An envelope that KEY signed, some fields replaced afterwards."""
    message = signed_envelope_pb2.SignedEnvelope.FromString(
        SignedEnvelope.seal(KEY, "test", b"/type", b"payload").encode()
    )
    for name, value in fields.items():
        setattr(message, name, value)
    return message.SerializeToString()


@pytest.mark.spec("ENV-1", "ENV-6")
@pytest.mark.parametrize("vector", VECTORS["signing_buffers"], ids=lambda vector: vector["payload_type"] or "no type")
def test_signing_buffer(vector):
    buffer = signing_buffer(vector["domain"], bytes.fromhex(vector["payload_type"]), bytes.fromhex(vector["payload"]))
    assert buffer.hex() == vector["buffer"]


@pytest.mark.spec("ENV-1")
def test_signing_buffer_has_lengths_as_varints():
    assert signing_buffer("d" * 200, b"", b"p" * 300) == b"\xc8\x01" + b"d" * 200 + b"\0" + b"\xac\x02" + b"p" * 300


@pytest.mark.spec("ENV-4", "ENV-7", "ENV-8", "ENV-10")
@pytest.mark.parametrize(
    "payload_type", [b"", b"\x03\x01", b"/libp2p/relay-rsvp", b"\xff\xfe nobody knows", b"/path\0\x01\x02"]
)
def test_sealed_and_read_back(key, payload_type):
    sealed = SignedEnvelope.seal(key, "test", payload_type, b"payload")
    read = SignedEnvelope.decode(sealed.encode())
    assert read == sealed
    read.verify("test")
    assert (read.payload_type, read.payload) == (payload_type, b"payload")
    assert read.public_key.peer_id == key.peer_id


@given(st.text(min_size=1, max_size=30), st.binary(max_size=30), st.binary(max_size=300))
def test_any_content(domain, payload_type, payload):
    SignedEnvelope.decode(SignedEnvelope.seal(KEY, domain, payload_type, payload).encode()).verify(domain)


@pytest.mark.spec("ENV-2", "ENV-3", "ENV-5")
@pytest.mark.parametrize("domain", ["tests", "tes", "Test", "test\0", "libp2p-peer-record"])
def test_another_domain(domain):
    sealed = SignedEnvelope.seal(KEY, "test", b"/type", b"payload")
    assert b"test" not in sealed.encode()
    with pytest.raises(SignatureInvalid, match="not signed for"):
        sealed.verify(domain)


@pytest.mark.spec("ENV-5")
@pytest.mark.parametrize(
    "fields",
    [
        {"payload": b"Payload"},
        {"payload": b""},
        {"payload_type": b"/typ"},
        {"payload_type": b""},
        {"payload_type": b"/typep", "payload": b"ayload"},
        {"signature": bytes(64)},
        {"signature": b""},
        {"public_key": PrivateKey.generate(entropy=lambda n: b"x" * n).public_key.marshal()},
    ],
    ids=lambda fields: "+".join(fields),
)
def test_tampered(fields):
    SignedEnvelope.decode(envelope_bytes()).verify("test")
    with pytest.raises(SignatureInvalid):
        SignedEnvelope.decode(envelope_bytes(**fields)).verify("test")


@pytest.mark.spec("ENV-9")
def test_no_domain():
    with pytest.raises(ConfigError, match="domain"):
        SignedEnvelope.seal(KEY, "", b"/type", b"payload")
    with pytest.raises(ConfigError, match="domain"):
        SignedEnvelope.decode(envelope_bytes()).verify("")


@pytest.mark.spec("ENV-4")
@pytest.mark.parametrize("public_key", [b"", b"x", KEY.public_key.marshal() + b"\0"])
def test_no_usable_key(public_key):
    with pytest.raises(FormatError):
        SignedEnvelope.decode(envelope_bytes(public_key=public_key))


@pytest.mark.parametrize("bits", [1024, 8193])
def test_an_rsa_key_too_small_or_too_large_is_refused_before_its_signature(bits):
    modulus = rsa.RSAPublicNumbers(65537, (1 << bits - 1) + 1).public_key()
    der = modulus.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    identity = keys_pb2.PublicKey(type=0, data=der).SerializeToString()
    with pytest.raises(FormatError, match=f"{bits} bits"):
        SignedEnvelope.decode(envelope_bytes(public_key=identity, signature=bytes(bits // 8)))


@pytest.mark.spec("XC-4", "XC-5", "REC-9")
def test_bytes_are_kept_as_they_came():
    """Fields that nobody knows, and another order, are no reason to refuse; nor to write it anew."""
    message = signed_envelope_pb2.SignedEnvelope.FromString(envelope_bytes())
    key = message.public_key
    message.ClearField("public_key")
    odd = message.SerializeToString() + b"\x9a\x06\x01?" + b"\x0a" + bytes([len(key)]) + key
    read = SignedEnvelope.decode(odd)
    read.verify("test")
    assert read.encode() == odd


@given(st.binary(max_size=200))
def test_bytes_at_random(data):
    with pytest.raises(FormatError):
        SignedEnvelope.decode(data)


@given(st.integers(0, len(envelope_bytes()) - 1), st.integers(1, 255))
def test_any_byte_changed(at, change):
    data = bytearray(envelope_bytes())
    data[at] ^= change
    with pytest.raises((FormatError, SignatureInvalid)):
        SignedEnvelope.decode(bytes(data)).verify("test")


def test_cut_anywhere():
    whole = envelope_bytes()
    for end in range(len(whole)):
        with pytest.raises((FormatError, SignatureInvalid)):
            SignedEnvelope.decode(whole[:end]).verify("test")


def test_largest_envelope():
    overhead = len(SignedEnvelope.seal(KEY, "test", b"", b"p" * 8000).encode()) - 8000
    largest = SignedEnvelope.seal(KEY, "test", b"", b"p" * (MAX_ENVELOPE_BYTES - overhead))
    assert len(largest.encode()) == MAX_ENVELOPE_BYTES
    SignedEnvelope.decode(largest.encode()).verify("test")
    with pytest.raises(LimitExceeded, match="8193 bytes is over the limit of 8192"):
        SignedEnvelope.seal(KEY, "test", b"", b"p" * (MAX_ENVELOPE_BYTES - overhead + 1))
    with pytest.raises(FormatError, match="8193 bytes is over the limit of 8192"):
        SignedEnvelope.decode(largest.encode() + b"\0")


def test_an_envelope_is_a_value():
    sealed = SignedEnvelope.seal(KEY, "test", b"/type", b"payload")
    assert {sealed: 1}[SignedEnvelope.decode(sealed.encode())] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        sealed.payload = b"other"
