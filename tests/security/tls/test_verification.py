"""Certificates that keep to nothing, and what is said to each."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls import MAX_CERTIFICATE_BYTES, der, verification
from aiolibp2p.security.tls.certificate import SIGNATURE_PREFIX, signed_key
from aiolibp2p.security.tls.der import DerReader, encode
from aiolibp2p.security.tls.verification import verify_certificate
from aiolibp2p.security.tls.x509 import read_certificate
from security.tls.forging import (
    BASIC_CONSTRAINTS,
    EMPTY_NAME,
    HOST,
    KEY_USAGE,
    LIBP2P,
    NULL,
    UNKNOWN,
    at,
    extension,
    forge,
    forge_chain,
    moment,
    oid,
    rsa_key,
    spki_of,
)

NOW = 1_700_000_000.0
P256, P384, K256 = (ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP256K1))
ED25519 = ed25519.Ed25519PrivateKey.generate()
OTHER = PrivateKey.generate("ed25519")
GENUINE = signed_key(HOST, spki_of(P256))
PUBLIC, SIGNATURE = HOST.public_key.marshal(), HOST.sign(SIGNATURE_PREFIX + spki_of(P256))


def refused(reason: str, **changes: Any) -> None:
    certificate, _ = forge(**changes)
    with pytest.raises(HandshakeFailed, match=reason):
        verify_certificate(certificate, NOW)


def accepted(**changes: Any) -> None:
    certificate, _ = forge(**changes)
    assert verify_certificate(certificate, NOW) == changes.get("host", HOST).public_key


def octets(content: bytes) -> bytes:
    return encode(der.OCTET_STRING, content)


def pair(public: bytes, signature: bytes) -> bytes:
    """Return a `SignedKey` of key and signature."""
    return encode(der.SEQUENCE, octets(public) + octets(signature))


@pytest.mark.spec("TLS-9", "TLS-14")
def test_a_genuine_one() -> None:
    accepted()


@pytest.mark.spec("TLS-11")
@pytest.mark.parametrize("critical", [None, False, True])
def test_our_extension_critical_or_not(critical: bool | None) -> None:
    accepted(critical=critical)


@pytest.mark.spec("TLS-12")
@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"before": [extension(UNKNOWN, b"?")]}, id="in front"),
        pytest.param({"behind": [extension(UNKNOWN, b"?")]}, id="behind"),
        pytest.param({"behind": [extension(UNKNOWN, b"?", False)]}, id="false, written out"),
        pytest.param({"behind": [extension(UNKNOWN)] * 2}, id="twice the same"),
        pytest.param({"behind": [extension("2.5.29.17", b"\xff no SubjectAltName")]}, id="a known one that is garbage"),
        pytest.param({"behind": [extension(LIBP2P + ".1", b"?")]}, id="an object identifier that ours begins"),
        pytest.param({"behind": [extension("1.3.6.1.4.1.53594.1", b"?")]}, id="the beginning of ours"),
        pytest.param({"behind": [extension(f"2.{2**200}", b"?")]}, id="an endless object identifier"),
    ],
)
def test_other_extensions_are_not_our_business(others: dict[str, Any]) -> None:
    accepted(**others)


@pytest.mark.spec("TLS-12")
@pytest.mark.parametrize(
    "name", [UNKNOWN, BASIC_CONSTRAINTS, KEY_USAGE, LIBP2P + ".1", pytest.param(f"2.{2**4000}", id="endless")]
)
def test_but_critical_ones_are(name: str) -> None:
    refused("critical extension that we do not know", behind=[extension(name, b"\x30\x00", True)])
    refused("critical extension that we do not know", before=[extension(name, b"\x30\x00", True)])


@pytest.mark.spec("TLS-10")
@pytest.mark.parametrize(
    "changes",
    [
        {"extensions": []},
        {"extensions": [extension(UNKNOWN, GENUINE)]},
        {"extensions": [extension(LIBP2P + ".1", GENUINE)]},
    ],
)
def test_without_our_extension(changes: dict[str, Any]) -> None:
    refused("lacks the libp2p public key extension", key=P256, **changes)


@pytest.mark.spec("TLS-10")
def test_an_empty_list_of_extensions() -> None:
    extensions = encode(0xA3, encode(der.SEQUENCE, b""))
    refused("lacks the libp2p public key extension", extensions=[], unique_ids=extensions)


@pytest.mark.parametrize("value", [GENUINE, b"garbage", signed_key(OTHER, spki_of(P256))])
@pytest.mark.parametrize("critical", [None, True])
def test_our_extension_twice(value: bytes, critical: bool | None) -> None:
    refused("more than once", key=P256, behind=[extension(LIBP2P, value, critical)])
    refused("more than once", key=P256, before=[extension(LIBP2P, value, critical)])


@pytest.mark.spec("TLS-8")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"not_after": at(NOW - 1)}, "expired on 2023-11-14T22:13:19.*, 1 s ago"),
        ({"not_after": moment("750101130001Z")}, "expired on 1975-01-01T13:00:01"),
        ({"not_after": moment("00010101000000Z")}, "expired on 0001-01-01T00:00:00"),
        ({"not_before": at(NOW + 1)}, "not valid before 2023-11-14T22:13:21.*, in 1 s"),
        ({"not_before": moment("491231235959Z")}, "not valid before 2049-12-31T23:59:59"),
        ({"not_before": moment("99991231235959Z")}, "not valid before 9999-12-31T23:59:59"),
        ({"not_before": at(NOW + 60), "not_after": at(NOW - 60)}, "not valid before .*, in 60 s"),
    ],
)
def test_at_another_time(changes: dict[str, Any], reason: str) -> None:
    refused(reason, **changes)


@pytest.mark.spec("TLS-8")
def test_the_first_and_the_last_moment_are_in_it() -> None:
    accepted(not_before=at(NOW))
    accepted(not_after=at(NOW))
    accepted(not_before=moment("500101000000Z"), not_after=moment("99991231235959Z"))
    accepted(not_before=moment("00010101000000Z"))


@pytest.mark.spec("TLS-8")
def test_time_passes_for_what_is_remembered() -> None:
    certificate, _ = forge(not_before=at(NOW), not_after=at(NOW + 60))
    for _ in range(2):
        assert verify_certificate(certificate, NOW + 30) == HOST.public_key
        with pytest.raises(HandshakeFailed, match="expired"):
            verify_certificate(certificate, NOW + 60.5)
        with pytest.raises(HandshakeFailed, match="not valid before"):
            verify_certificate(certificate, NOW - 0.5)


@pytest.mark.parametrize(
    "time",
    [
        moment("20240102082050.232Z"),
        moment("20240102082050+0100"),
        moment("202401020820Z"),
        moment("2401020820Z"),
        moment("20241302082050Z"),
        moment("20240230082050Z"),
        moment("20240102252050Z"),
        moment("20240102082060Z"),
        moment("00000102082050Z"),
        moment("2024010208205az"),
        moment("-4010208205 Z"),
        moment("-10010208205Z"),
        moment("٢"),
        moment("20240102082050"),
        moment("20240102082050A"),
        moment("2401020820500"),
        moment(""),
        encode(der.UTC_TIME, b"20240102082050Z"),
        encode(der.UTC_TIME, b""),
        encode(der.GENERALIZED_TIME, b"240102082050Z"),
        encode(der.INTEGER, b"20240102082050Z"),
        b"",
    ],
)
@pytest.mark.parametrize("end", ["not_before", "not_after"])
def test_what_is_no_time(time: bytes, end: str) -> None:
    refused("does not parse: .*(NotBefore|NotAfter|validity)", **{end: time})


@pytest.mark.spec("TLS-9")
def test_signed_by_another_key() -> None:
    refused("self-signature .* does not hold", signer=P256)


@pytest.mark.spec("TLS-9")
@pytest.mark.parametrize("signature", [b"", b"\x00", b"garbage" * 10, encode(der.SEQUENCE, b"\x02\x01\x00" * 2)])
@pytest.mark.parametrize(("key", "scheme"), [(P256, "ecdsa-sha256"), (ED25519, "ed25519"), (None, "rsa-sha256")])
def test_a_signature_that_is_none(signature: bytes, key: Any, scheme: str) -> None:
    key = key or rsa_key()
    refused("self-signature .* does not hold", key=key, scheme=scheme, signature=signature)


@pytest.mark.spec("TLS-9")
def test_the_signature_of_another_certificate_of_the_same_key() -> None:
    genuine = read_certificate(forge(key=P256)[0]).signature
    accepted(key=P256, signature=genuine)
    refused("self-signature .* does not hold", key=P256, signature=genuine, serial=b"\x02")


@pytest.mark.spec("TLS-14")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"vouched": spki_of(P384)}, id="another certificate's key"),
        pytest.param({"value": pair(PUBLIC, OTHER.sign(SIGNATURE_PREFIX + spki_of(P256)))}, id="another's signature"),
        pytest.param({"value": pair(OTHER.public_key.marshal(), SIGNATURE)}, id="another's name"),
        pytest.param({"value": pair(PUBLIC, HOST.sign(spki_of(P256)))}, id="no prefix"),
        pytest.param({"value": pair(PUBLIC, HOST.sign(b"noise-libp2p-static-key:" + spki_of(P256)))}, id="noise"),
        pytest.param({"value": pair(PUBLIC, b"")}, id="no signature"),
        pytest.param({"value": pair(PUBLIC, SIGNATURE[:-1])}, id="a short signature"),
        pytest.param({"value": pair(PUBLIC, SIGNATURE + b"\x00")}, id="a long signature"),
    ],
)
def test_a_host_key_that_vouches_for_nothing(changes: dict[str, Any]) -> None:
    refused("signature does not hold for the key of peer", key=P256, **changes)


@pytest.mark.spec("TLS-14")
def test_an_extension_taken_from_another_certificate() -> None:
    refused("signature does not hold for the key of peer", value=GENUINE)


@pytest.mark.spec("TLS-16")
@pytest.mark.parametrize(
    "public",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"garbage", id="garbage"),
        pytest.param(PUBLIC[4:], id="bare"),
        pytest.param(PUBLIC[:-1], id="short"),
        pytest.param(PUBLIC + b"\x00", id="long"),
        pytest.param(PUBLIC[2:] + PUBLIC[:2], id="turned round"),
        pytest.param(b"\x08\x04\x12\x20" + bytes(32), id="an unknown kind"),
        pytest.param(b"\x08\x02\x12\x20" + PUBLIC[4:], id="another kind"),
        pytest.param(b"\x08\x01\x12\x2c" + spki_of(ED25519), id="Ed25519 as SubjectPublicKeyInfo"),
        pytest.param(b"\x08\x02\x12\x58" + spki_of(K256), id="secp256k1 as SubjectPublicKeyInfo"),
        pytest.param(b"\x08\x02\x12\x41" + spki_of(K256)[-65:], id="secp256k1, not compressed"),
        pytest.param(b"\x08\x03\x12\x41" + spki_of(P256)[-65:], id="ECDSA, the bare point"),
        pytest.param(bytes(MAX_CERTIFICATE_BYTES // 2), id="huge"),
    ],
)
def test_a_host_key_that_is_none(public: bytes) -> None:
    refused("host key in the peer's certificate is not usable", key=P256, value=pair(public, SIGNATURE))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x30", id="no length"),
        pytest.param(b"\x30\x00", id="no fields"),
        pytest.param(GENUINE + b"\x00", id="something behind it"),
        pytest.param(GENUINE + GENUINE, id="twice"),
        pytest.param(GENUINE[:-1], id="cut short"),
        pytest.param(b"\x31" + GENUINE[1:], id="a SET"),
        pytest.param(encode(der.SEQUENCE, octets(PUBLIC)), id="no signature"),
        pytest.param(encode(der.SEQUENCE, octets(PUBLIC) + octets(SIGNATURE) + NULL), id="a third field"),
        pytest.param(encode(der.SEQUENCE, octets(PUBLIC) + encode(3, b"\x00" + SIGNATURE)), id="a BIT STRING"),
        pytest.param(encode(der.SEQUENCE, encode(0x24, octets(PUBLIC)) + octets(SIGNATURE)), id="in parts"),
        pytest.param(b"\x30\x81" + GENUINE[1:], id="a length too long by one"),
        pytest.param(b"\x30\x82\x00" + GENUINE[1:], id="a length too long by two"),
        pytest.param(b"\x30\x80" + GENUINE[2:] + bytes(2), id="an indefinite length"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff" + GENUINE[2:], id="a huge length"),
        pytest.param(b"\x30\xff" + GENUINE[2:], id="a length of 127 octets"),
        pytest.param(octets(GENUINE), id="wrapped once more"),
        pytest.param(PUBLIC + SIGNATURE, id="no DER at all"),
    ],
)
def test_what_is_no_signed_key(value: bytes) -> None:
    refused("libp2p extension of the peer's certificate does not parse", key=P256, value=value)


@pytest.mark.spec("TLS-13")
@pytest.mark.parametrize("tags", [[0x81], [0x82], [0x81, 0x82]])
def test_unique_ids_are_refused(tags: list[int]) -> None:
    refused("unique ids", unique_ids=b"".join(encode(tag, b"\x00id") for tag in tags))


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": b"\x00"},
        {"serial": b"\xff"},
        {"serial": b"\x80" * 30},
        {"serial": b""},
        {"issuer": encode(der.SEQUENCE, b"anything")},
        {"subject": encode(der.SEQUENCE, b"\xff" * 100)},
    ],
)
def test_names_and_serial_numbers_mean_nothing(changes: dict[str, Any]) -> None:
    accepted(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": b""}, "version 1"),
        ({"version": encode(0xA0, encode(der.INTEGER, b"\x00"))}, "not of version 3"),
        ({"version": encode(0xA0, encode(der.INTEGER, b"\x01"))}, "not of version 3"),
        ({"version": encode(0xA0, encode(der.INTEGER, b"\x00\x02"))}, "not of version 3"),
        ({"version": encode(0xA0, encode(der.INTEGER, b"\x02") + NULL)}, "2 bytes too many in the version"),
        ({"issuer": NULL}, "the issuer has tag 0x05 instead of 0x30"),
        ({"subject": NULL}, "the subject has tag 0x05 instead of 0x30"),
        ({"not_after": at(NOW + 9) + NULL}, "2 bytes too many in the validity"),
        ({"spki": NULL, "vouched": b"?"}, "the key has tag 0x05 instead of 0x30"),
        ({"spki": EMPTY_NAME}, "the key ends before the key's algorithm"),
        ({"spki": spki_of(P256)[:1] + b"\x5b" + spki_of(P256)[2:] + NULL}, "2 bytes too many in the key"),
        ({"unique_ids": NULL}, "the extensions has tag 0x05"),
        ({"unique_ids": encode(0x82, b"") + encode(0x81, b"")}, "the extensions has tag 0x81"),
        ({"behind": [NULL]}, "an extension has tag 0x05"),
        ({"behind": [encode(der.SEQUENCE, b"")]}, "an extension ends before its object identifier"),
        ({"behind": [encode(der.SEQUENCE, oid(UNKNOWN))]}, "an extension ends before its value"),
        ({"behind": [encode(der.SEQUENCE, oid(UNKNOWN) + b"\x01\x01\x01\x04\x00")]}, "neither true nor false"),
        ({"behind": [encode(der.SEQUENCE, oid(UNKNOWN) + b"\x01\x00\x04\x00")]}, "neither true nor false"),
        ({"behind": [encode(der.SEQUENCE, oid(UNKNOWN) + b"\x04\x00\x04\x00")]}, "2 bytes too many in an extension"),
        ({"trailing": b"\x00"}, "1 bytes too many in the bytes sent"),
    ],
)
def test_what_is_no_certificate(changes: dict[str, Any], reason: str) -> None:
    refused(f"certificate does not parse: .*{reason}|{reason}", **changes)


LISTED = encode(der.SEQUENCE, extension(LIBP2P, GENUINE))


@pytest.mark.parametrize(
    ("extensions", "reason"),
    [
        (encode(0xA3, LISTED + NULL), "2 bytes too many in the extensions"),
        (encode(0xA3, LISTED) + NULL, "2 bytes too many in the signed part"),
        (encode(0xA3, LISTED) * 2, "bytes too many in the signed part"),
        (encode(0xA3, b""), "the extensions ends before the list of extensions"),
        (encode(0xA3, extension(LIBP2P, GENUINE)), "an extension has tag 0x06"),
    ],
)
def test_what_is_no_list_of_extensions(extensions: bytes, reason: str) -> None:
    accepted(key=P256, extensions=[], unique_ids=encode(0xA3, LISTED))
    refused(f"does not parse: .*{reason}", key=P256, extensions=[], unique_ids=extensions)


def test_something_behind_the_signature() -> None:
    certificate, _ = forge()
    longer = encode(der.SEQUENCE, DerReader(certificate, "it").read(der.SEQUENCE, "all") + NULL)
    with pytest.raises(HandshakeFailed, match="2 bytes too many in the certificate"):
        verify_certificate(longer, NOW)


@pytest.mark.parametrize("unused", [b"", b"\x01", b"\x07", b"\x08"])
def test_a_signature_of_half_bytes(unused: bytes) -> None:
    certificate, _ = forge()
    genuine = read_certificate(certificate)
    parts = genuine.signed + encode(der.SEQUENCE, genuine.signature_algorithm)
    changed = encode(der.SEQUENCE, parts + encode(der.BIT_STRING, unused and unused + genuine.signature))
    with pytest.raises(HandshakeFailed, match="the signature: no whole number of bytes"):
        verify_certificate(changed, NOW)


def test_a_second_certificate_in_the_same_bytes() -> None:
    (certificate, other), _ = forge_chain()
    with pytest.raises(HandshakeFailed, match=f"{len(other)} bytes too many in the bytes sent"):
        verify_certificate(certificate + other, NOW)


def of_length(length: int) -> bytes:
    """A genuine certificate as long as that; its signatures are always of one length."""
    start = 10_000
    padding = start + length - len(forge(key=ED25519, scheme="ed25519", behind=[extension(UNKNOWN, bytes(start))])[0])
    certificate, _ = forge(key=ED25519, scheme="ed25519", behind=[extension(UNKNOWN, bytes(padding))])
    assert len(certificate) == length
    return certificate


def test_the_longest_and_one_byte_more() -> None:
    assert verify_certificate(of_length(MAX_CERTIFICATE_BYTES), NOW) == HOST.public_key
    with pytest.raises(HandshakeFailed, match=f"has {MAX_CERTIFICATE_BYTES + 1} bytes, over the limit of 16384"):
        verify_certificate(of_length(MAX_CERTIFICATE_BYTES + 1), NOW)
    with pytest.raises(HandshakeFailed, match="over the limit"):
        verify_certificate(bytes(10**7), NOW)


def test_an_extension_for_every_few_bytes() -> None:
    accepted(behind=[extension("2.1")] * 1500)
    refused("more than once", behind=[extension(LIBP2P)] * 700)


def remembered() -> int:
    return verification._remembered.cache_info().currsize


def test_what_is_remembered_is_what_held_and_is_short() -> None:
    verification._remembered.cache_clear()
    refused("does not hold", signer=P256)
    refused("does not parse", trailing=b"\x00")
    assert remembered() == 0
    accepted(behind=[extension(UNKNOWN, bytes(verification.MAX_REMEMBERED_BYTES))])
    assert remembered() == 0
    accepted()
    assert remembered() == 1


def test_it_is_bounded() -> None:
    assert verification._remembered.cache_info().maxsize == verification.REMEMBERED_CERTIFICATES


def test_a_lie_is_not_taken_for_what_is_remembered() -> None:
    certificate, _ = forge(key=P256)
    for _ in range(2):
        assert verify_certificate(certificate, NOW) == HOST.public_key
        for lie in (certificate[:-1] + bytes([certificate[-1] ^ 1]), certificate + b"\x00", certificate[:-1]):
            with pytest.raises(HandshakeFailed):
                verify_certificate(lie, NOW)


def test_any_kind_of_bytes() -> None:
    certificate, _ = forge()
    assert verify_certificate(bytearray(certificate), NOW) == HOST.public_key
    assert verify_certificate(memoryview(certificate), NOW) == HOST.public_key
