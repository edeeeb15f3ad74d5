"""Certificates cut, changed and made up: whatever comes, the answer is a key that holds or HandshakeFailed."""

from __future__ import annotations

import contextlib
import json
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import FormatError, HandshakeFailed
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls.certificate import make_certificate, signed_key
from aiolibp2p.security.tls.verification import verify_certificate
from aiolibp2p.security.tls.x509 import read_certificate
from security.tls.forging import HOST, LIBP2P, NULL, algorithm, extension, forge, seal, sign, spki_of

NOW = 1_700_000_000.0
KEY = ec.derive_private_key(7, ec.SECP256R1())
OURS = {kind: make_certificate(PrivateKey.generate(kind), NOW)[0] for kind in ("rsa", "ecdsa", "ed25519", "secp256k1")}
FOREIGN = {
    vector["name"]: bytes.fromhex(vector["certificate"])
    for vector in json.loads((Path(__file__).parents[2] / "vectors/tls_certificates.json").read_text())["certificates"]
    if "peer_id" in vector
}
each_kind = pytest.mark.parametrize("kind", OURS)


def refused(encoded: bytes) -> None:
    with pytest.raises(HandshakeFailed, match="certificate"):
        verify_certificate(encoded, NOW)


def judged(encoded: bytes) -> None:
    """Return whether the certificate was believed or refused."""
    with contextlib.suppress(HandshakeFailed):
        assert verify_certificate(encoded, NOW) == HOST.public_key


@pytest.mark.parametrize("name", [*OURS, *FOREIGN])
def test_cut_at_every_byte(name: str) -> None:
    certificate = {**OURS, **FOREIGN}[name]
    verify_certificate(certificate, NOW)
    for length in range(len(certificate)):
        refused(certificate[:length])


@each_kind
@pytest.mark.spec("TLS-9", "TLS-14")
def test_every_bit_turned(kind: str) -> None:
    """All of a certificate is signed, or is the signature, or must be the only way to write it."""
    certificate = OURS[kind]
    for at in range(len(certificate)):
        for bit in range(8):
            refused(certificate[:at] + bytes([certificate[at] ^ 1 << bit]) + certificate[at + 1 :])


@pytest.mark.parametrize("name", FOREIGN)
def test_every_byte_another(name: str) -> None:
    certificate = FOREIGN[name]
    for at in range(len(certificate)):
        refused(certificate[:at] + bytes([certificate[at] ^ 0xFF]) + certificate[at + 1 :])


@each_kind
def test_every_byte_missing_or_twice(kind: str) -> None:
    certificate = OURS[kind]
    for at in range(len(certificate)):
        refused(certificate[:at] + certificate[at + 1 :])
        refused(certificate[:at] + certificate[at : at + 1] + certificate[at:])


SIGNED_KEY = signed_key(HOST, spki_of(KEY))


def test_every_bit_of_signed_key_turned() -> None:
    """Every bit of `SignedKey` is flipped; the certificate around it is genuine each time."""
    assert verify_certificate(forge(key=KEY, value=SIGNED_KEY)[0], NOW) == HOST.public_key
    for at in range(len(SIGNED_KEY)):
        for bit in range(8):
            value = SIGNED_KEY[:at] + bytes([SIGNED_KEY[at] ^ 1 << bit]) + SIGNED_KEY[at + 1 :]
            refused(forge(key=KEY, value=value)[0])


def test_signed_key_cut_at_every_byte() -> None:
    for length in range(len(SIGNED_KEY)):
        refused(forge(key=KEY, value=SIGNED_KEY[:length])[0])


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    refused(data)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_for_our_extension(value: bytes, critical: bool) -> None:
    refused(forge(extensions=[extension(LIBP2P, value, critical)])[0])


FIELDS = ("version", "issuer", "subject", "not_before", "not_after", "spki", "unique_ids", "serial", "algorithm")


@given(st.sampled_from(FIELDS), st.binary(max_size=60))
def test_any_bytes_for_any_field(field: str, data: bytes) -> None:
    judged(forge(**{field: data, "value": SIGNED_KEY, "key": KEY})[0])


def agrees(encoded: bytes) -> None:
    """Where `cryptography` reads a certificate that we read, it sees the same in it."""
    ours = read_certificate(encoded)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = x509.load_der_x509_certificate(encoded)
            key = theirs.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return
    assert load_der_public_key(ours.key) == key
    assert (ours.signed, ours.signature) == (theirs.tbs_certificate_bytes, theirs.signature)
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)


GENUINE = read_certificate(forge(key=KEY)[0]).signed


@given(st.lists(st.tuples(st.integers(0, len(GENUINE) - 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_what_is_signed_changed_and_signed_again(changes: list[tuple[int, int]]) -> None:
    signed = bytearray(GENUINE)
    for at, value in changes:
        signed[at] = value
    encoded = seal(bytes(signed), algorithm("ecdsa-sha256"), sign(KEY, "ecdsa-sha256", bytes(signed)))
    try:
        agrees(encoded)
    except FormatError:
        refused(encoded)
    else:
        judged(encoded)


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": b"\xff"},
        {"serial": b"\x00"},
        {"serial": b""},
        {"serial": b"\x00\x01"},
        {"algorithm": algorithm("ecdsa-sha256") + NULL},
        {"subject": bytes.fromhex("300f310d300b060355040613045553414e")},
        {"behind": [extension("2.5.29.17", b"\x30\x00")]},
    ],
)
def test_what_others_warn_of_costs_no_word(changes: dict[str, object]) -> None:
    """A negative serial number, a NULL too many, a country of four letters: a peer must not fill our log."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert verify_certificate(forge(**changes)[0], NOW) == HOST.public_key
    assert told == []
