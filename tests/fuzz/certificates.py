"""Targets: what a TLS peer shows. Where `cryptography` reads it, too, it must see the same."""

from __future__ import annotations

import warnings
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls.certificate import signed_key
from aiolibp2p.security.tls.verification import verify_certificate
from aiolibp2p.security.tls.x509 import read_certificate
from fuzz.engine import Target
from security.tls.forging import HOST, LIBP2P, algorithm, extension, forge, oid, seal, sign, spki_of

NOW = 1_700_000_000.0
KEY = ec.derive_private_key(7, ec.SECP256R1())


def sign_key(host: PrivateKey = HOST) -> bytes:
    """The libp2p extension's value."""
    return signed_key(host, spki_of(KEY))


def sign_part(**changes: Any) -> bytes:
    """Return the bytes of a certificate that its signature is over."""
    return read_certificate(forge(key=KEY, **changes)[0]).signed


def certificate(data: bytes) -> object:
    """A whole certificate, whose signatures a mutant cannot keep."""
    key = verify_certificate(data, NOW)
    seen = read_certificate(data)
    same_for_another_reader(data)
    return key.kind, len(seen.extensions), seen.key_algorithm


def signed_part(data: bytes) -> object:
    """Judge a certificate whose signed part is anything, and whose self-signature holds: what a peer can make us
    read.
    """
    whole = seal(data, algorithm("ecdsa-sha256"), sign(KEY, "ecdsa-sha256", data))
    verify_certificate(whole, NOW)
    same_for_another_reader(whole)
    return [(item.oid[:12], item.critical) for item in read_certificate(whole).extensions]


def signed_key_value(data: bytes) -> object:
    """The certificate is genuine but for our extension's value, which names a host: only one that vouched for it."""
    return verify_certificate(forge(key=KEY, value=data)[0], NOW).marshal()


def same_for_another_reader(encoded: bytes) -> None:
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


REFUSED = (HandshakeFailed,)
TOKENS = (
    b"\x30\x00", b"\x30\x80", b"\x30\x81\x80", b"\x30\x82\x01\x00", b"\x30\x83\xff\xff\xff", b"\x01\x01\xff",
    b"\x01\x01\x00", b"\x05\x00", b"\x81\x01\x00", b"\x82\x01\x00", b"\xa0\x03\x02\x01\x02", b"\xa3", b"\x03\x01\x00",
    b"\x17\x0d750101130000Z", b"\x18\x0f40960101130000Z", b"\x04\x24" + HOST.public_key.marshal(), spki_of(KEY),
    oid(LIBP2P), oid("2.5.29.19"), extension(LIBP2P, sign_key()), extension(LIBP2P, b"", True), extension("2.5.29.15"),
)  # fmt: skip

TARGETS = (
    Target("tls_certificate", certificate, REFUSED, TOKENS, executions=1000),
    Target("tls_signed_part", signed_part, REFUSED, TOKENS, executions=500),
    Target("tls_signed_key", signed_key_value, REFUSED, TOKENS, executions=300),
)
