"""The certificate a host shows (tls/tls.md, "Peer Authentication"), and the extension that names the host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls import der

SIGNATURE_PREFIX = b"libp2p-tls-handshake:"
"""What a host key signs in front of the certificate key's SubjectPublicKeyInfo."""

EXTENSION_OID = "1.3.6.1.4.1.53594.1.1"
"""The object identifier of the libp2p Public Key Extension."""

BACKDATED_S = 3600
"""How long before it was made a certificate is valid, in seconds: clocks differ. go and js take an hour, too."""

VALID_DAYS = 36525
"""How long a certificate is valid, in days: a hundred years, longer than a process that made one runs."""


def make_certificate(private_key: PrivateKey, now: float) -> tuple[bytes, bytes]:
    """Return a certificate in DER that stands for the host of `private_key`, and its own key, PKCS #8 in DER.

    The certificate's key is a fresh one on P-256, of OpenSSL's randomness, and has nothing to do with the host's. It
    may serve any number of connections. `now` is in Unix seconds. Subject and issuer are one random serial number, as
    in go: RFC 5280 wants a name there, and nothing about the host needs to be in it.

    The extension stands alone (js takes only the first for it) and is not critical, as in go, while rust and js set
    that bit. All three take either form; but whatever else looks at certificates, such as a TLS library before its user
    is asked, must refuse a critical extension it does not know, and need not care for another one.
    """
    # x509 takes 15 ms to load, so on first use.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(EXTENSION_OID), signed_key(private_key, spki))
    serial = str(x509.random_serial_number())
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, serial)])
    start = datetime.fromtimestamp(int(now) - BACKDATED_S, UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=VALID_DAYS))
        .add_extension(extension, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.DER), private


def signed_key(private_key: PrivateKey, spki: bytes) -> bytes:
    """Return the extension's value: `SignedKey`, which says that the host of `private_key` made the key `spki`."""
    return der.encode(
        der.SEQUENCE,
        der.encode(der.OCTET_STRING, private_key.public_key.marshal())
        + der.encode(der.OCTET_STRING, private_key.sign(SIGNATURE_PREFIX + spki)),
    )
