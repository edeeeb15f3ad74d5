"""The spec's certificates, and those that other implementations test themselves with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import crypto

from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.security.tls.verification import verify_certificate
from aiolibp2p.security.tls.x509 import read_certificate

PATH = Path(__file__).parents[2] / "vectors" / "tls_certificates.json"
VECTORS: list[dict[str, Any]] = json.loads(PATH.read_text())["certificates"]
REASONS = {
    "host key signature": "in the peer's certificate, the (ed25519|ecdsa) signature does not hold for the key of peer",
    "certificate key kind": "key of the peer's certificate is of a kind that is not accepted",
    "signature algorithm": "signed in a way that is not accepted for its key",
    "not yet valid": "is not valid before 1975-01-01T13:00:00.*, in 1 s by our clock",
    "expired": "has expired on 4096-01-01T13:00:00.*, 1 s ago by our clock",
    "does not parse": "does not parse: NotAfter is not a time",
}


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=f"{vector['source'].partition(',')[0]}: {vector['name']}") for vector in vectors]


@pytest.mark.spec("TLS-8", "TLS-9", "TLS-11", "TLS-14", "TLS-16", "TLS-22")
@pytest.mark.parametrize("vector", named([vector for vector in VECTORS if "peer_id" in vector]))
def test_who_is_behind_it(vector: dict[str, Any]) -> None:
    key = verify_certificate(bytes.fromhex(vector["certificate"]), vector["now"])
    assert str(key.peer_id) == vector["peer_id"]


@pytest.mark.spec("TLS-8", "TLS-9", "TLS-14", "TLS-22")
@pytest.mark.parametrize("vector", named([vector for vector in VECTORS if "fails" in vector]))
def test_why_it_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(HandshakeFailed, match=REASONS[vector["fails"]]):
        verify_certificate(bytes.fromhex(vector["certificate"]), vector["now"])


@pytest.mark.spec("TLS-22")
def test_all_four_of_the_spec_are_here() -> None:
    names = [vector["name"] for vector in VECTORS if vector["source"].startswith("tls/tls.md")]
    assert [name[:2] for name in names[:4]] == ["1.", "2.", "3.", "4."]


@pytest.mark.parametrize("vector", named([one for one in VECTORS if one.get("fails") != "does not parse"]))
def test_three_readers_see_the_same(vector: dict[str, Any]) -> None:
    """What OpenSSL takes for the certificate's key is what the host vouches for."""
    encoded = bytes.fromhex(vector["certificate"])
    ours, theirs = read_certificate(encoded), x509.load_der_x509_certificate(encoded)
    openssl = crypto.load_certificate(crypto.FILETYPE_ASN1, encoded).get_pubkey()
    for key in (theirs.public_key(), openssl.to_cryptography_key()):
        assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == ours.key
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    assert (ours.signed, ours.signature) == (theirs.tbs_certificate_bytes, theirs.signature)
    assert [item.critical for item in ours.extensions] == [item.critical for item in theirs.extensions]
