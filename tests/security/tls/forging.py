"""Certificates as a hostile peer, or another implementation, may make them: any part can be something else.

`forge()` makes a genuine one; each keyword changes one thing. `forge_chain()` puts more behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls import der
from aiolibp2p.security.tls.certificate import signed_key
from aiolibp2p.security.tls.der import encode

HOST = PrivateKey.generate("ed25519", lambda n: b"\x07" * n)
LIBP2P = "1.3.6.1.4.1.53594.1.1"
BASIC_CONSTRAINTS, KEY_USAGE, UNKNOWN = "2.5.29.19", "2.5.29.15", "1.3.6.1.4.1.53594.9.9"
NULL = b"\x05\x00"
EMPTY_NAME = encode(der.SEQUENCE, b"")

_HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_ALGORITHMS = {
    "ecdsa-sha1": "1.2.840.10045.4.1",
    "ecdsa-sha256": "1.2.840.10045.4.3.2",
    "ecdsa-sha384": "1.2.840.10045.4.3.3",
    "ecdsa-sha512": "1.2.840.10045.4.3.4",
    "rsa-sha1": "1.2.840.113549.1.1.5",
    "rsa-sha256": "1.2.840.113549.1.1.11",
    "rsa-sha384": "1.2.840.113549.1.1.12",
    "rsa-sha512": "1.2.840.113549.1.1.13",
    "ed25519": "1.3.101.112",
    "ed448": "1.3.101.113",
}
_HASH_OIDS = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}


def oid(dotted: str) -> bytes:
    """An object identifier in DER."""
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | 0x80)
        content += bytes(reversed(octets))
    return encode(der.OBJECT_IDENTIFIER, bytes(content))


def extension(dotted: str, value: bytes = b"", critical: bool | None = None) -> bytes:
    """An extension; `critical` is None where DER leaves a false out."""
    written = b"" if critical is None else encode(der.BOOLEAN, b"\xff" if critical else b"\x00")
    return encode(der.SEQUENCE, oid(dotted) + written + encode(der.OCTET_STRING, value))


def moment(text: str) -> bytes:
    """A time in DER from its own text: UTCTime when the year has two digits."""
    return encode(der.UTC_TIME if len(text) == len("YYMMDDhhmmssZ") else der.GENERALIZED_TIME, text.encode())


def at(seconds: float) -> bytes:
    """A time in DER from Unix seconds."""
    return moment(datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%SZ"))


def pss(hash_name: str, mask_hash: str | None = None, salt_bytes: int | None = None) -> bytes:
    """The content of an AlgorithmIdentifier of RSASSA-PSS."""
    salt_bytes = _HASHES[hash_name].digest_size if salt_bytes is None else salt_bytes
    hashing, masking = (
        encode(der.SEQUENCE, oid(_HASH_OIDS[name]) + NULL) for name in (hash_name, mask_hash or hash_name)
    )
    mask = encode(der.SEQUENCE, oid("1.2.840.113549.1.1.8") + masking)
    salt = encode(der.INTEGER, bytes((salt_bytes,)))
    parameters = encode(0xA0, hashing) + encode(0xA1, mask) + encode(0xA2, salt)
    return oid("1.2.840.113549.1.1.10") + encode(der.SEQUENCE, parameters)


def algorithm(scheme: str) -> bytes:
    """The content of the AlgorithmIdentifier of a scheme: "ecdsa-sha256", "rsa-sha512", "pss-sha384", "ed25519" ..."""
    if scheme.startswith("pss-"):
        return pss(scheme.removeprefix("pss-"))
    return oid(_ALGORITHMS[scheme]) + (NULL if scheme.startswith("rsa-") else b"")


def sign(key: Any, scheme: str, data: bytes) -> bytes:
    """A signature by a scheme that fits the key."""
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return key.sign(data)
    hashing = _HASHES[scheme.rpartition("-")[2]]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashing))
    pads = padding.PSS(padding.MGF1(hashing), hashing.digest_size) if scheme.startswith("pss") else padding.PKCS1v15()
    return key.sign(data, pads, hashing)


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """An RSA key of its size; making one takes long."""
    return rsa.generate_private_key(exponent, bits)


def spki_of(key: Any) -> bytes:
    """SubjectPublicKeyInfo of a private key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, kw_only=True)
class Forgery:
    """What is in the certificate. None stands for what a genuine one has there, made from the other fields."""

    host: PrivateKey = HOST
    """The host that signs the extension and is named in it."""
    key: Any = None
    """The certificate's private key; a fresh one on P-256."""
    signer: Any = None
    """The key that makes the self-signature; None: `key`."""
    scheme: str = "ecdsa-sha256"
    critical: bool | None = None
    """Whether the libp2p extension is critical: None leaves it out, False writes it."""
    extensions: Sequence[bytes] | None = None
    """All extensions, in DER; None: the one of libp2p."""
    before: Sequence[bytes] = ()
    """Extensions in front of `extensions`."""
    behind: Sequence[bytes] = ()
    """Extensions behind `extensions`."""
    value: bytes | None = None
    """The value of the libp2p extension: SignedKey."""
    vouched: bytes | None = None
    """The SubjectPublicKeyInfo that the host signs; None: the certificate's."""
    spki: bytes | None = None
    not_before: bytes = moment("750101130000Z")
    not_after: bytes = moment("40960101130000Z")
    serial: bytes = b"\x01"
    version: bytes = encode(0xA0, encode(der.INTEGER, b"\x02"))
    issuer: bytes = EMPTY_NAME
    subject: bytes = EMPTY_NAME
    unique_ids: bytes = b""
    algorithm: bytes | None = None
    """The content of the inner AlgorithmIdentifier, and of the outer one."""
    outer_algorithm: bytes | None = None
    signature: bytes | None = None
    trailing: bytes = b""
    """The bytes behind the certificate."""

    def make(self) -> tuple[bytes, bytes]:
        """The certificate in DER and its key, PKCS #8 in DER."""
        key = ec.generate_private_key(ec.SECP256R1()) if self.key is None else self.key
        inner = algorithm(self.scheme) if self.algorithm is None else self.algorithm
        outer = inner if self.outer_algorithm is None else self.outer_algorithm
        signed = self._signed(spki_of(key) if self.spki is None else self.spki, inner)
        signature = sign(self.signer or key, self.scheme, signed) if self.signature is None else self.signature
        certificate = seal(signed, outer, signature) + self.trailing
        return certificate, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def _signed(self, spki: bytes, inner: bytes) -> bytes:
        value = signed_key(self.host, self.vouched or spki) if self.value is None else self.value
        ours = [extension(LIBP2P, value, self.critical)] if self.extensions is None else self.extensions
        every = b"".join((*self.before, *ours, *self.behind))
        return encode(
            der.SEQUENCE,
            self.version
            + encode(der.INTEGER, self.serial)
            + encode(der.SEQUENCE, inner)
            + self.issuer
            + encode(der.SEQUENCE, self.not_before + self.not_after)
            + self.subject
            + spki
            + self.unique_ids
            + (encode(0xA3, encode(der.SEQUENCE, every)) if every else b""),
        )


def seal(signed: bytes, outer_algorithm: bytes, signature: bytes) -> bytes:
    """The three parts of a certificate put together."""
    return encode(
        der.SEQUENCE, signed + encode(der.SEQUENCE, outer_algorithm) + encode(der.BIT_STRING, b"\x00" + signature)
    )


def forge(**changes: Any) -> tuple[bytes, bytes]:
    """A certificate in DER and its private key (PKCS #8 in DER); the keywords are the fields of `Forgery`."""
    return Forgery(**changes).make()


def forge_chain(*behind: bytes, **changes: Any) -> tuple[list[bytes], bytes]:
    """A chain in DER, and the key of its first certificate, which `forge(**changes)` makes.

    Behind it come the certificates given; without any, another one of the same host.
    """
    certificate, key = forge(**changes)
    return [certificate, *(behind or (forge()[0],))], key
