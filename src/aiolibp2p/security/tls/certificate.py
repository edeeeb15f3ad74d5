"""The host's certificate: self-signed, for a key of its own, with the extension that names the identity."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls.extension import EXTENSION_OID, SIGNATURE_PREFIX, SignedKey, encode_signed_key

BACKDATED_S = 3600.0
"""How long ago a fresh certificate became valid: a peer's clock may be behind. As go has it."""

VALID_DAYS = 36_500
"""A hundred years: a host that runs for long need never renew."""


def make_certificate(private_key: PrivateKey, now: float) -> tuple[bytes, bytes]:
    """A certificate that proves the identity, and its own fresh P-256 key (PKCS #8): both in DER. `now`: Unix seconds.

    The extension is not marked critical, as in go: every libp2p accepts it both ways, and others need not stumble.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = SignedKey(private_key.public_key.marshal(), private_key.sign(SIGNATURE_PREFIX + spki))
    serial = x509.random_serial_number()
    # An empty name as rust has it would do, too; some tools dislike it.
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, str(serial))])
    start = datetime.datetime.fromtimestamp(now - BACKDATED_S, datetime.UTC)
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(EXTENSION_OID), encode_signed_key(signed))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=VALID_DAYS))
        .add_extension(extension, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.DER), private
