"""Verification of a peer's certificate (tls/tls.md, "Peer Authentication"); every flaw is a HandshakeFailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from aiolibp2p.errors import FormatError, HandshakeFailed, SignatureInvalid
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.rsa import MAX_BITS, MAX_EXPONENT, MIN_BITS
from aiolibp2p.security.tls import der
from aiolibp2p.security.tls.certificate import SIGNATURE_PREFIX
from aiolibp2p.security.tls.limits import MAX_CERTIFICATE_BYTES
from aiolibp2p.security.tls.x509 import Extension, X509Certificate, read_certificate

REMEMBERED_CERTIFICATES = 512
"""Certificates whose signatures held that are not read anew: a host shows the same one each time."""

MAX_REMEMBERED_BYTES = 2048
"""The longest certificate that is remembered, in bytes, so that all of them together take about 1 MiB."""

_EXTENSION_OID = bytes.fromhex("2b0601040183a25a0101")
_EC_KEY = bytes.fromhex("06072a8648ce3d0201")
_P256 = _EC_KEY + bytes.fromhex("06082a8648ce3d030107")
_P384 = _EC_KEY + bytes.fromhex("06052b81040022")
_P521 = _EC_KEY + bytes.fromhex("06052b81040023")
_RSA = bytes.fromhex("06092a864886f70d0101010500")
_ED25519 = bytes.fromhex("06032b6570")
_KEY_ALGORITHMS = frozenset({_P256, _P384, _P521, _RSA, _ED25519})
_NULL = bytes.fromhex("0500")


@dataclass(frozen=True)
class _Scheme:
    """A way to sign certificates, of those that TLS 1.3 has (RFC 8446, section 4.2.3), without SHA-1."""

    key_algorithm: bytes
    hashing: hashes.HashAlgorithm
    padding: padding.AsymmetricPadding | None = None


@dataclass(frozen=True)
class _Verified:
    """A certificate of which everything holds but, perhaps, the time."""

    key: PublicKey
    not_before: datetime
    not_after: datetime


def verify_certificate(encoded: bytes, now: float) -> PublicKey:
    """Return the host key that a certificate in DER stands for, once all of it holds; `now` is in Unix seconds.

    Raises HandshakeFailed, saying why, for a certificate that is too long, does not parse, is not yet or no longer
    valid, has unique ids, an unknown critical extension, none or several of ours, a key or a way of signing that is not
    accepted, or where either signature does not hold.

    Unique ids are refused, which the spec leaves open: nobody may send them, so nobody is lost. Every other critical
    extension is refused, be it as common as BasicConstraints: rust does so too, and understanding one means to heed it.
    Issuer and subject may differ, as for go and rust: a certificate is self-signed by its signature.
    """
    if len(encoded) > MAX_CERTIFICATE_BYTES:
        raise HandshakeFailed(
            f"the peer's certificate has {len(encoded)} bytes, over the limit of {MAX_CERTIFICATE_BYTES}"
        )
    verify = _remembered if len(encoded) <= MAX_REMEMBERED_BYTES else _verify
    verified = verify(bytes(encoded))
    _check_time(verified, now)
    return verified.key


def _verify(encoded: bytes) -> _Verified:
    try:
        certificate = read_certificate(encoded)
    except FormatError as error:
        raise HandshakeFailed(f"the peer's certificate does not parse: {error}") from None
    if certificate.has_unique_ids:
        raise HandshakeFailed("the peer's certificate has unique ids, which libp2p forbids")
    value = _libp2p_extension(certificate.extensions)
    _check_self_signature(certificate)
    return _Verified(_host_key(value, certificate.key), certificate.not_before, certificate.not_after)


# Failures are not kept: lru_cache keeps what returns.
_remembered = lru_cache(REMEMBERED_CERTIFICATES)(_verify)


def _check_time(verified: _Verified, now: float) -> None:
    early, late = verified.not_before.timestamp() - now, now - verified.not_after.timestamp()
    if early > 0:
        start = verified.not_before.isoformat()
        raise HandshakeFailed(f"the peer's certificate is not valid before {start}, in {early:.0f} s by our clock")
    if late > 0:
        end = verified.not_after.isoformat()
        raise HandshakeFailed(f"the peer's certificate has expired on {end}, {late:.0f} s ago by our clock")


def _libp2p_extension(extensions: tuple[Extension, ...]) -> bytes:
    """Return the value of the one extension that is libp2p's."""
    values = [item.value for item in extensions if item.oid == _EXTENSION_OID]
    unknown = next((item for item in extensions if item.critical and item.oid != _EXTENSION_OID), None)
    if unknown is not None:
        oid = unknown.oid[:16].hex()
        raise HandshakeFailed(f"the peer's certificate has a critical extension that we do not know (OID 06..{oid})")
    if not values:
        raise HandshakeFailed("the peer's certificate lacks the libp2p public key extension")
    if len(values) > 1:
        raise HandshakeFailed("the peer's certificate has the libp2p public key extension more than once")
    return values[0]


def _host_key(value: bytes, certificate_key: bytes) -> PublicKey:
    """Return the host key in `SignedKey`, once its signature over the certificate's key holds."""
    encoded, signature = _read_signed_key(value)
    try:
        key = PublicKey.unmarshal(encoded)
    except FormatError as error:
        raise HandshakeFailed(f"the host key in the peer's certificate is not usable: {error}") from None
    try:
        key.verify(SIGNATURE_PREFIX + certificate_key, signature)
    except SignatureInvalid as error:
        raise HandshakeFailed(f"in the peer's certificate, {error}") from None
    return key


def _read_signed_key(value: bytes) -> tuple[bytes, bytes]:
    """Read host key and signature from `SignedKey`."""
    outer = der.DerReader(value, "the libp2p extension")
    try:
        fields = outer.enter(der.SEQUENCE, "SignedKey")
        outer.finish()
        encoded = fields.read(der.OCTET_STRING, "publicKey")
        signature = fields.read(der.OCTET_STRING, "signature")
        fields.finish()
    except FormatError as error:
        raise HandshakeFailed(f"the libp2p extension of the peer's certificate does not parse: {error}") from None
    return encoded, signature


def _check_self_signature(certificate: X509Certificate) -> None:
    algorithm = certificate.key_algorithm
    if algorithm not in _KEY_ALGORITHMS:
        raise HandshakeFailed(
            f"the key of the peer's certificate is of a kind that is not accepted ({_hex(algorithm)})"
        )
    scheme = _SCHEMES.get(certificate.signature_algorithm)
    if scheme is None or scheme.key_algorithm != algorithm:
        way = _hex(certificate.signature_algorithm)
        raise HandshakeFailed(f"the peer's certificate is signed in a way that is not accepted for its key ({way})")
    key = _load_key(certificate.key)
    try:
        _verify_signature(key, scheme, certificate)
    except (InvalidSignature, ValueError):
        raise HandshakeFailed("the self-signature of the peer's certificate does not hold") from None


def _hex(algorithm: bytes) -> str:
    return f"AlgorithmIdentifier 30..{algorithm[:24].hex()}"


def _load_key(spki: bytes) -> object:
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
        raise HandshakeFailed("the key of the peer's certificate does not parse") from None
    if isinstance(key, rsa.RSAPublicKey):
        if not MIN_BITS <= key.key_size <= MAX_BITS:
            raise HandshakeFailed(
                f"the RSA key of the peer's certificate has {key.key_size} bits; {MIN_BITS} to {MAX_BITS} are accepted"
            )
        if key.public_numbers().e > MAX_EXPONENT:
            raise HandshakeFailed(f"the exponent of the peer's certificate's RSA key is over {MAX_EXPONENT}")
    return key


def _verify_signature(key: object, scheme: _Scheme, certificate: X509Certificate) -> None:
    """Return when the certificate is signed by its key; raises InvalidSignature or ValueError."""
    signature, signed = certificate.signature, certificate.signed
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(scheme.hashing))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    elif isinstance(key, rsa.RSAPublicKey) and scheme.padding is not None:
        key.verify(signature, signed, scheme.padding, scheme.hashing)
    else:
        raise ValueError("the key is not what its algorithm says")


def _pss_algorithm(hash_oid: str, salt_bytes: int) -> bytes:
    """Return the scheme of RSASSA-PSS (RFC 4055) as TLS 1.3 has it: one hash for both, and a salt as long as it."""
    hashing = der.encode(der.SEQUENCE, bytes.fromhex(hash_oid) + _NULL)
    mask = der.encode(der.SEQUENCE, bytes.fromhex("06092a864886f70d010108") + hashing)
    salt = der.encode(der.INTEGER, bytes((salt_bytes,)))
    parameters = der.encode(0xA0, hashing) + der.encode(0xA1, mask) + der.encode(0xA2, salt)
    return bytes.fromhex("06092a864886f70d01010a") + der.encode(der.SEQUENCE, parameters)


def _schemes() -> dict[bytes, _Scheme]:
    """Return the schemes by the content of their AlgorithmIdentifier; some encoders write the NULL that has no
    place, some leave it out.
    """
    schemes = {_ED25519: _Scheme(_ED25519, hashes.SHA512())}
    sha256, sha384, sha512 = hashes.SHA256(), hashes.SHA384(), hashes.SHA512()
    rows: tuple[tuple[hashes.HashAlgorithm, bytes, str, str, str], ...] = (
        (sha256, _P256, "06082a8648ce3d040302", "06092a864886f70d01010b", "0609608648016503040201"),
        (sha384, _P384, "06082a8648ce3d040303", "06092a864886f70d01010c", "0609608648016503040202"),
        (sha512, _P521, "06082a8648ce3d040304", "06092a864886f70d01010d", "0609608648016503040203"),
    )
    for hashing, curve, ecdsa, pkcs1, hash_oid in rows:
        pss = padding.PSS(padding.MGF1(hashing), hashing.digest_size)
        schemes[_pss_algorithm(hash_oid, hashing.digest_size)] = _Scheme(_RSA, hashing, pss)
        for null in (b"", _NULL):
            schemes[bytes.fromhex(ecdsa) + null] = _Scheme(curve, hashing)
            schemes[bytes.fromhex(pkcs1) + null] = _Scheme(_RSA, hashing, padding.PKCS1v15())
    return schemes


_SCHEMES = _schemes()
