"""Keys that sign certificates, and how."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519

from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.security.tls import der
from aiolibp2p.security.tls.der import encode
from aiolibp2p.security.tls.verification import verify_certificate
from security.tls.forging import HOST, NULL, algorithm, forge, oid, pss, rsa_key, spki_of

NOW = 1_700_000_000.0
P256, P384, P521 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
K256, P224 = ec.generate_private_key(ec.SECP256K1()), ec.generate_private_key(ec.SECP224R1())
ED25519, ED448 = ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()


def refused(reason: str, **changes: Any) -> None:
    certificate, _ = forge(**changes)
    with pytest.raises(HandshakeFailed, match=reason):
        verify_certificate(certificate, NOW)


def accepted(**changes: Any) -> None:
    certificate, _ = forge(**changes)
    assert verify_certificate(certificate, NOW) == changes.get("host", HOST).public_key


@pytest.mark.spec("TLS-6")
@pytest.mark.parametrize(
    ("key", "scheme"),
    [
        (P256, "ecdsa-sha256"),
        (P384, "ecdsa-sha384"),
        (P521, "ecdsa-sha512"),
        (ED25519, "ed25519"),
        *((None, f"{way}-sha{bits}") for way in ("rsa", "pss") for bits in (256, 384, 512)),
    ],
)
def test_every_way_of_signing_that_tls_has(key: Any, scheme: str) -> None:
    accepted(key=key or rsa_key(), scheme=scheme)


@pytest.mark.parametrize("scheme", ["ecdsa-sha256", "rsa-sha256"])
def test_the_null_of_an_algorithm_may_be_there_or_not(scheme: str) -> None:
    key = P256 if scheme.startswith("ecdsa") else rsa_key()
    bare = algorithm(scheme).removesuffix(NULL)
    accepted(key=key, scheme=scheme, algorithm=bare)
    accepted(key=key, scheme=scheme, algorithm=bare + NULL)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": K256}, "key .* of a kind that is not accepted"),
        ({"key": P224}, "key .* of a kind that is not accepted"),
        ({"key": ED448, "scheme": "ed448"}, "key .* of a kind that is not accepted"),
        ({"spki": encode(der.SEQUENCE, encode(der.SEQUENCE, b"") + b"\x03\x01\x00")}, "key .* of a kind that is not"),
        ({"key": P384, "scheme": "ecdsa-sha256"}, "way that is not accepted for its key"),
        ({"key": P256, "scheme": "ecdsa-sha512"}, "way that is not accepted for its key"),
        ({"key": P256, "scheme": "ecdsa-sha1"}, "way that is not accepted for its key"),
        ({"key": P256, "algorithm": algorithm("rsa-sha256")}, "way that is not accepted for its key"),
        ({"key": P256, "algorithm": algorithm("ed25519")}, "way that is not accepted for its key"),
        ({"key": ED25519, "scheme": "ed25519", "algorithm": algorithm("ed448")}, "way that is not accepted"),
        ({"algorithm": algorithm("rsa-sha1")}, "way that is not accepted for its key"),
        ({"algorithm": oid("1.2.3.4")}, "way that is not accepted for its key"),
        ({"algorithm": algorithm("ecdsa-sha256") + NULL + NULL}, "way that is not accepted for its key"),
        ({"algorithm": b""}, "way that is not accepted for its key"),
        ({"algorithm": pss("sha256", "sha384")}, "way that is not accepted for its key"),
        ({"algorithm": pss("sha256", salt_bytes=20)}, "way that is not accepted for its key"),
        ({"algorithm": oid("1.2.840.113549.1.1.10")}, "way that is not accepted for its key"),
        ({"outer_algorithm": algorithm("ecdsa-sha384")}, "algorithm is another one inside"),
        ({"outer_algorithm": algorithm("ecdsa-sha256") + NULL}, "algorithm is another one inside"),
    ],
)
def test_ways_of_signing_that_we_do_not_take(changes: dict[str, Any], reason: str) -> None:
    refused(reason, **changes)


@pytest.mark.parametrize(
    "spki",
    [
        pytest.param(spki_of(P256)[:-65] + b"\x04" + bytes(64), id="not on the curve"),
        pytest.param(spki_of(P256)[:-65] + b"\x09" + spki_of(P256)[-64:], id="no form of a point"),
        pytest.param(encode(der.SEQUENCE, spki_of(P256)[2:-68] + b"\x03\x01\x00"), id="no point"),
        pytest.param(encode(der.SEQUENCE, spki_of(P256)[2:-68] + b"\x03\x02\x00\x00"), id="the point at infinity"),
        pytest.param(
            encode(der.SEQUENCE, encode(der.SEQUENCE, algorithm("ed25519")) + b"\x03\x02\x00\x01"), id="a byte"
        ),
    ],
)
def test_a_certificate_key_that_is_none(spki: bytes) -> None:
    scheme = {"algorithm": algorithm("ed25519")} if b"\x2b\x65\x70" in spki else {}
    refused("key of the peer's certificate does not parse", spki=spki, **scheme)


def rsa_spki(modulus: int, exponent: int) -> bytes:
    numbers = [
        encode(der.INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in (modulus, exponent)
    ]
    bits = b"\x00" + encode(der.SEQUENCE, b"".join(numbers))
    key_algorithm = encode(der.SEQUENCE, oid("1.2.840.113549.1.1.1") + NULL)
    return encode(der.SEQUENCE, key_algorithm + encode(der.BIT_STRING, bits))


@pytest.mark.parametrize(
    ("modulus", "exponent", "reason"),
    [
        pytest.param((1 << 1023) + 1, 65537, "has 1024 bits", id="small"),
        pytest.param((1 << 2046) + 1, 65537, "has 2047 bits", id="too small by a bit"),
        pytest.param((1 << 8192) + 1, 65537, "has 8193 bits", id="too large by a bit"),
        pytest.param((1 << 60000) + 1, 65537, "has 60001 bits|does not parse", id="huge"),
        pytest.param((1 << 2047) + 1, 2**31 + 1, "exponent .* is over 2147483647", id="exponent too large by two"),
        pytest.param((1 << 2047) + 1, (1 << 2046) + 1, "exponent .* is over 2147483647", id="huge exponent"),
        pytest.param((1 << 2047) + 1, 1, "does not parse|does not hold", id="exponent 1"),
        pytest.param((1 << 2047) + 1, 2, "does not parse|does not hold", id="exponent 2"),
        pytest.param((1 << 2047), 65537, "does not parse|does not hold", id="even modulus"),
        pytest.param(0, 0, "does not parse|has 0 bits", id="zero"),
    ],
)
def test_rsa_keys_out_of_bounds(modulus: int, exponent: int, reason: str) -> None:
    spki = rsa_spki(modulus, exponent)
    refused(reason, spki=spki, algorithm=algorithm("rsa-sha256"), signature=b"\x01" * (modulus.bit_length() // 8))
