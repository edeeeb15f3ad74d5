"""What our own certificates look like, and that they are believed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls.certificate import EXTENSION_OID, make_certificate
from aiolibp2p.security.tls.verification import verify_certificate
from aiolibp2p.security.tls.x509 import read_certificate
from security.tls.forging import LIBP2P, spki_of

KINDS = ("rsa", "ed25519", "secp256k1", "ecdsa")
HOSTS = {kind: PrivateKey.generate(kind) for kind in KINDS}
NOW = 1_700_000_000.75
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@pytest.mark.spec("TLS-16", "TLS-23")
def test_a_round_trip(kind: str) -> None:
    certificate, _ = make_certificate(HOSTS[kind], NOW)
    assert verify_certificate(certificate, NOW) == HOSTS[kind].public_key


@each_kind
@pytest.mark.spec("TLS-4", "TLS-6")
def test_its_key_is_its_own(kind: str) -> None:
    encoded, pkcs8 = make_certificate(HOSTS[kind], NOW)
    certificate, key = x509.load_der_x509_certificate(encoded), serialization.load_der_private_key(pkcs8, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == certificate.public_key()
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert spki_of(key) not in HOSTS[kind].public_key.marshal()


@pytest.mark.spec("TLS-4", "TLS-5")
def test_two_certificates_have_nothing_in_common_but_the_host() -> None:
    one, other = (x509.load_der_x509_certificate(make_certificate(HOSTS["ecdsa"], NOW)[0]) for _ in range(2))
    assert one.public_key() != other.public_key()
    assert one.serial_number != other.serial_number
    assert one.subject != other.subject


@pytest.mark.spec("TLS-5")
def test_one_certificate_serves_again_and_again() -> None:
    certificate, _ = make_certificate(HOSTS["ed25519"], NOW)
    assert {verify_certificate(certificate, NOW + passed) for passed in (0, 1, 86400)} == {HOSTS["ed25519"].public_key}


@pytest.mark.spec("TLS-8", "TLS-25")
def test_it_holds_from_an_hour_ago_for_a_hundred_years() -> None:
    certificate = x509.load_der_x509_certificate(make_certificate(HOSTS["ed25519"], NOW)[0])
    start = datetime.fromtimestamp(NOW - 3600, UTC).replace(microsecond=0)
    assert certificate.not_valid_before_utc == start
    assert certificate.not_valid_after_utc == start + timedelta(days=36525)


@pytest.mark.spec("TLS-8", "TLS-25")
@pytest.mark.parametrize("clock", [NOW - 3600, NOW, NOW + 99 * 365 * 86400])
def test_a_peer_whose_clock_is_wrong_believes_it(clock: float) -> None:
    certificate, _ = make_certificate(HOSTS["ed25519"], NOW)
    assert verify_certificate(certificate, clock) == HOSTS["ed25519"].public_key


@pytest.mark.parametrize("now", [0.0, time.time(), 4e9], ids=["1970", "today", "2096"])
def test_any_clock_gives_a_certificate(now: float) -> None:
    certificate, _ = make_certificate(HOSTS["ed25519"], now)
    assert verify_certificate(certificate, now) == HOSTS["ed25519"].public_key


@each_kind
@pytest.mark.spec("TLS-10", "TLS-11", "TLS-13", "TLS-16")
def test_its_form(kind: str) -> None:
    encoded, _ = make_certificate(HOSTS[kind], NOW)
    certificate = x509.load_der_x509_certificate(encoded)
    assert certificate.version is x509.Version.v3
    assert 0 < certificate.serial_number < 2**159
    assert certificate.issuer == certificate.subject
    assert len(certificate.subject.rdns) == 1
    assert not read_certificate(encoded).has_unique_ids
    certificate.verify_directly_issued_by(certificate)
    (extension,) = certificate.extensions
    assert (extension.oid.dotted_string, extension.critical) == (EXTENSION_OID, False) == (LIBP2P, False)
    value = extension.value.public_bytes()
    public = HOSTS[kind].public_key.marshal()
    body = value.index(public)
    assert len(value) == int.from_bytes(value[2:4], "big") + 4 if value[1] == 0x82 else True
    signature = value[body + len(public) :]
    start = {0x81: 3, 0x82: 4}.get(signature[1], 2)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    HOSTS[kind].public_key.verify(b"libp2p-tls-handshake:" + spki, signature[start:])


@pytest.mark.spec("TLS-16")
@pytest.mark.parametrize(
    ("kind", "number", "data"),
    [
        ("rsa", 0, "308201"),
        ("ed25519", 1, ""),
        ("secp256k1", 2, ""),
        ("ecdsa", 3, "3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    ],
)
def test_how_the_host_key_is_written(kind: str, number: int, data: str) -> None:
    certificate = x509.load_der_x509_certificate(make_certificate(HOSTS[kind], NOW)[0])
    value = certificate.extensions[0].value.public_bytes()
    public = HOSTS[kind].public_key.marshal()
    assert public in value
    assert public[:3] == bytes((8, number, 0x12))
    assert bytes.fromhex(data) in public
    if kind in ("ed25519", "secp256k1"):
        assert len(public) == 4 + (32 if kind == "ed25519" else 33)
