"""The fields of an X.509 certificate (RFC 5280, section 4.1) that libp2p looks at. Nothing is verified here.

Read by our own hand and not by `cryptography.x509`: that reads many fields only when asked and then raises errors of
many kinds, warns of what a peer wrote, parses the extensions we are told to ignore, and does not show unique ids.
Names and serial number mean nothing between libp2p peers, so nothing is asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aiolibp2p.errors import FormatError
from aiolibp2p.security.tls import der
from aiolibp2p.security.tls.der import DerReader

_EXPLICIT_VERSION, _EXPLICIT_EXTENSIONS = 0xA0, 0xA3
_ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID = 0x81, 0x82
_VERSION_3 = b"\x02"
_BOOLEANS = {b"\x00": False, b"\xff": True}
_FIRST_SHORT_YEAR = 50
"""The first two-digit year of the last century: 50 to 99 are 1950 to 1999, the others lie in this one (RFC 5280)."""


@dataclass(frozen=True)
class Extension:
    """One extension, its value unread."""

    oid: bytes
    """The content of the object identifier in DER."""
    critical: bool
    value: bytes


@dataclass(frozen=True)
class X509Certificate:
    """The fields of a certificate that libp2p looks at."""

    signed: bytes
    """The bytes of `tbsCertificate`, which the signature is over."""
    signature_algorithm: bytes
    """The content of the `AlgorithmIdentifier`, which is the same outside and inside of `signed`."""
    signature: bytes
    not_before: datetime
    not_after: datetime
    key_algorithm: bytes
    """The content of the key's `AlgorithmIdentifier`."""
    key: bytes
    """The whole `SubjectPublicKeyInfo`, as it was sent."""
    has_unique_ids: bool
    extensions: tuple[Extension, ...]


def read_certificate(encoded: bytes) -> X509Certificate:
    """Read a certificate of version 3 in DER; raises FormatError, which says where it does not parse."""
    outermost = DerReader(encoded, "the bytes sent")
    outer = outermost.enter(der.SEQUENCE, "the certificate")
    outermost.finish()
    signed = outer.read_whole(der.SEQUENCE, "the signed part")
    algorithm = outer.read(der.SEQUENCE, "the signature's algorithm")
    signature = _read_bits(outer, "the signature")
    outer.finish()

    fields = DerReader(signed, "the certificate").enter(der.SEQUENCE, "the signed part")
    _read_version(fields)
    fields.read(der.INTEGER, "the serial number")
    if fields.read(der.SEQUENCE, "the inner signature algorithm") != algorithm:
        raise FormatError("the signature's algorithm is another one inside of the signed part")
    fields.read(der.SEQUENCE, "the issuer")
    validity = fields.enter(der.SEQUENCE, "the validity")
    not_before, not_after = _read_time(validity, "NotBefore"), _read_time(validity, "NotAfter")
    validity.finish()
    fields.read(der.SEQUENCE, "the subject")
    key = fields.read_whole(der.SEQUENCE, "the key")
    has_unique_ids = _skip_unique_ids(fields)
    extensions = _read_extensions(fields)
    fields.finish()
    return X509Certificate(
        signed, algorithm, signature, not_before, not_after, _key_algorithm(key), key, has_unique_ids, extensions
    )


def _read_version(fields: DerReader) -> None:
    if fields.next_tag != _EXPLICIT_VERSION:
        raise FormatError("the certificate is of version 1, which has no extensions")
    explicit = fields.enter(_EXPLICIT_VERSION, "the version")
    version = explicit.read(der.INTEGER, "the version's number")
    explicit.finish()
    if version != _VERSION_3:
        raise FormatError("the certificate is not of version 3")


def _key_algorithm(key: bytes) -> bytes:
    info = DerReader(key, "the certificate").enter(der.SEQUENCE, "the key")
    algorithm = info.read(der.SEQUENCE, "the key's algorithm")
    _read_bits(info, "the key's bits")
    info.finish()
    return algorithm


def _skip_unique_ids(fields: DerReader) -> bool:
    """Skip the unique ids; return whether there are any."""
    found = False
    for tag in (_ISSUER_UNIQUE_ID, _SUBJECT_UNIQUE_ID):
        if fields.next_tag == tag:
            fields.read(tag, "a unique id")
            found = True
    return found


def _read_extensions(fields: DerReader) -> tuple[Extension, ...]:
    if fields.next_tag is None:
        return ()
    explicit = fields.enter(_EXPLICIT_EXTENSIONS, "the extensions")
    items = explicit.enter(der.SEQUENCE, "the list of extensions")
    explicit.finish()
    extensions = []
    while items.next_tag is not None:
        extensions.append(_read_extension(items.enter(der.SEQUENCE, "an extension")))
    return tuple(extensions)


def _read_extension(item: DerReader) -> Extension:
    oid = item.read(der.OBJECT_IDENTIFIER, "its object identifier")
    # DER leaves a FALSE out, but Go and OpenSSL, too, read one that was written.
    critical = _BOOLEANS.get(item.read(der.BOOLEAN, "its criticality")) if item.next_tag == der.BOOLEAN else False
    value = item.read(der.OCTET_STRING, "its value")
    item.finish()
    if critical is None:
        raise FormatError("the criticality of an extension is neither true nor false")
    return Extension(oid, critical, value)


def _read_bits(reader: DerReader, what: str) -> bytes:
    """Read a BIT STRING of whole bytes."""
    bits = reader.read(der.BIT_STRING, what)
    if bits[:1] != b"\x00":
        raise FormatError(f"{what}: no whole number of bytes")
    return bits[1:]


def _read_time(reader: DerReader, what: str) -> datetime:
    """Read UTCTime or GeneralizedTime in the only forms that RFC 5280 has: to the second, in UTC."""
    tag = der.UTC_TIME if reader.next_tag == der.UTC_TIME else der.GENERALIZED_TIME
    text = reader.read(tag, what)
    digits = text[:-1]
    if tag == der.UTC_TIME and digits[:2].isdigit():
        digits = (b"19" if int(digits[:2]) >= _FIRST_SHORT_YEAR else b"20") + digits
    if len(digits) != len("YYYYMMDDhhmmss") or not digits.isdigit() or text[-1:] != b"Z":
        raise FormatError(f"{what} is not a time in UTC to the second")
    year, month, day, hour, minute, second = int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2))
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise FormatError(f"{what} is no date that there is") from None
