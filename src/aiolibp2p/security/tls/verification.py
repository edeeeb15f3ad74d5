"""Whose certificate is it? Everything libp2p asks of a peer's certificate, and one reason for each way to fail."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiolibp2p.errors import FormatError, HandshakeFailed, SignatureInvalid
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.security.tls.extension import EXTENSION_OID, SIGNATURE_PREFIX, decode_signed_key
from aiolibp2p.security.tls.limits import MAX_CERTIFICATE_BYTES

REMEMBERED_CERTIFICATES = 1024
"""Certificates that need not be verified again: a peer shows the same one as long as it runs."""

REMEMBERED_BYTES = 1024
"""A longer certificate is verified each time: it would fill the memory."""

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, OverflowError)
_UNIQUE_ID_TAGS = (0x81, 0x82)


@dataclass(frozen=True)
class _Proven:
    """What a certificate proves for as long as it is valid."""

    key: PublicKey
    valid_from: float
    valid_until: float


def verify_certificate(der: bytes, now: float) -> PublicKey:
    """The identity that a certificate in DER proves at `now` (Unix seconds).

    Raises HandshakeFailed, with what is wrong with it, for everything that the spec's section "Certificate" refuses.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise HandshakeFailed(f"the peer's certificate has {len(der)} bytes, at most {MAX_CERTIFICATE_BYTES} are taken")
    proven = _remembered(der) if len(der) <= REMEMBERED_BYTES else _prove(der)
    if now < proven.valid_from:
        raise HandshakeFailed(
            f"the peer's certificate is not valid before {_date(proven.valid_from)}; check the clocks"
        )
    if now > proven.valid_until:
        raise HandshakeFailed(f"the peer's certificate has expired, at {_date(proven.valid_until)}; check the clocks")
    return proven.key


def _prove(der: bytes) -> _Proven:
    with _readable("the peer's certificate does not parse"):
        certificate = x509.load_der_x509_certificate(der)
        valid_from = certificate.not_valid_before_utc.timestamp()
        valid_until = certificate.not_valid_after_utc.timestamp()
        certificate_key = certificate.public_key()
        spki = certificate_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        extensions = certificate.extensions
        to_be_signed = certificate.tbs_certificate_bytes
    value = _libp2p_extension(extensions)
    if _has_unique_ids(to_be_signed):
        raise HandshakeFailed("the peer's certificate has unique ids, which libp2p's must not have")
    with _readable("the peer's certificate is not signed by its own key"):
        certificate.verify_directly_issued_by(certificate)
    return _Proven(_identity(value, spki), valid_from, valid_until)


# Failures are not kept: lru_cache keeps no exceptions.
_remembered = lru_cache(REMEMBERED_CERTIFICATES)(_prove)


def _libp2p_extension(extensions: x509.Extensions) -> bytes:
    """The value of ours; extensions that nobody here knows are ignored unless they are critical."""
    value: bytes | None = None
    for extension in extensions:
        if extension.oid.dotted_string == EXTENSION_OID and isinstance(extension.value, x509.UnrecognizedExtension):
            value = extension.value.value
        elif extension.critical:
            name = extension.oid.dotted_string
            raise HandshakeFailed(f"the peer's certificate has a critical extension that is not known here ({name})")
    if value is None:
        raise HandshakeFailed("the peer's certificate has no libp2p extension: it proves no peer id")
    return value


def _has_unique_ids(to_be_signed: bytes) -> bool:
    """Whether issuerUniqueID or subjectUniqueID lie between the certificate's key and its extensions.

    cryptography tells nothing of them. It has parsed these bytes, so their structure holds.
    """
    _, body = _element(to_be_signed, 0)
    at = body
    while at < len(to_be_signed):
        if to_be_signed[at] in _UNIQUE_ID_TAGS:
            return True
        size, start = _element(to_be_signed, at)
        at = start + size
    return False


def _element(der: bytes, at: int) -> tuple[int, int]:
    """The size of the element at that place, and where its body begins."""
    size, start = der[at + 1], at + 2
    if size >= 0x80:
        count = size & 0x7F
        size = int.from_bytes(der[start : start + count], "big")
        start += count
    return size, start


def _identity(value: bytes, spki: bytes) -> PublicKey:
    signed = decode_signed_key(value)
    try:
        key = PublicKey.unmarshal(signed.public_key)
    except (FormatError, SignatureInvalid) as error:
        raise HandshakeFailed(f"the identity key in the peer's certificate is not usable: {error}") from error
    try:
        key.verify(SIGNATURE_PREFIX + spki, signed.signature)
    except SignatureInvalid as error:
        raise HandshakeFailed(
            f"the identity signature in the peer's certificate does not hold for its key: {error}"
        ) from error
    return key


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Whatever cryptography has to say against a peer's bytes is the peer's fault; its warnings are nobody's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InvalidSignature:
        raise HandshakeFailed(f"{what}: the signature does not hold") from None
    except _UNREADABLE as error:
        raise HandshakeFailed(f"{what}: {error}") from None


def _date(timestamp: float) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
