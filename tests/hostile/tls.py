"""TLS 1.3 by a peer of our own: OpenSSL shakes hands, and from then on each record is made by hand.

Nothing in here knows aiolibp2p. What OpenSSL would never send, `Records.seal` does: any content type at any time.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import hmac
import struct
import tempfile
from collections.abc import Sequence
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from OpenSSL import SSL

from hostile.peer import Gone, Peer
from hostile.wire import YAMUX, Identity, der

TLS = "/tls/1.0.0"
LIBP2P = x509.ObjectIdentifier("1.3.6.1.4.1.53594.1.1")
ALERT, HANDSHAKE, DATA = 21, 22, 23
CLOSE_NOTIFY = b"\x01\x00"
KEY_UPDATE, KEY_UPDATE_AND_YOU = b"\x18\x00\x00\x01\x00", b"\x18\x00\x00\x01\x01"
RECORD_BYTES = 16 * 1024

Certificates = tuple[Sequence[bytes], bytes]
"""A chain in DER, and the key of its first, PKCS #8 in DER."""


class Records:
    """One direction under one traffic secret: TLS_AES_128_GCM_SHA256."""

    def __init__(self, secret: bytes) -> None:
        self._begin(secret)

    def _begin(self, secret: bytes) -> None:
        self._secret = secret
        self._key, self._iv = AESGCM(_expand(secret, "key", 16)), _expand(secret, "iv", 12)
        self.number = 0

    def update(self) -> None:
        """Change the key, as after a KeyUpdate."""
        self._begin(_expand(self._secret, "traffic upd", 32))

    def _nonce(self) -> bytes:
        number = int.from_bytes(self._iv, "big") ^ self.number
        self.number += 1
        return number.to_bytes(12, "big")

    def seal(self, kind: int, plaintext: bytes, padding: int = 0) -> bytes:
        """One record of this inner type."""
        inner = plaintext + bytes([kind]) + bytes(padding)
        header = struct.pack(">BHH", DATA, 0x0303, len(inner) + 16)
        return header + self._key.encrypt(self._nonce(), inner, header)

    def open(self, record: bytes) -> tuple[int, bytes]:
        """The inner type, and what it holds."""
        inner = self._key.decrypt(self._nonce(), record[5:], record[:5]).rstrip(b"\0")
        return inner[-1], inner[:-1]


def _expand(secret: bytes, label: str, size: int) -> bytes:
    """HKDF-Expand-Label with an empty context; one round of SHA-256 is enough for all of ours."""
    name = b"tls13 " + label.encode()
    info = struct.pack(">HB", size, len(name)) + name + b"\0"
    return hmac.digest(secret, info + b"\1", hashlib.sha256)[:size]


def certify(identity: Identity) -> Certificates:
    """Return the certificates of an honest peer."""
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signature = identity.sign(b"libp2p-tls-handshake:" + spki)
    value = der(0x30, der(0x04, identity.public) + der(0x04, signature))
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2100, 1, 1))
        .add_extension(x509.UnrecognizedExtension(LIBP2P, value), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return [certificate.public_bytes(Encoding.DER)], private


def _pem(certificate: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(certificate) + b"-----END CERTIFICATE-----\n"


class TlsPeer(Peer):
    """A `Peer` whose security is TLS. Honest unless a subclass says otherwise."""

    security = TLS
    alpn: Sequence[str] = (YAMUX, "libp2p")
    versions = SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION
    shown: Certificates | None = None
    """Certificates to show instead of genuine ones."""

    ours: Records
    theirs: Records

    def certificates(self) -> Certificates:
        """Return the certificates that say who this peer is."""
        return self.shown or certify(self.identity)

    # The handshake

    @cached_property
    def secrets(self) -> dict[str, bytes]:
        """The secrets by their names in OpenSSL's key log."""
        return {}

    def _log(self, connection: object, line: bytes) -> None:
        name, _, secret = line.decode().split()
        self.secrets[name] = bytes.fromhex(secret)

    @cached_property
    def tls(self) -> SSL.Connection:
        """OpenSSL, over memory."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(self.versions[0])
        context.set_max_proto_version(self.versions[1])
        context.set_cipher_list(b"ALL:@SECLEVEL=0")  # nothing is too weak to be shown
        context.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")
        context.set_keylog_callback(self._log)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self._show(context)
        if self.is_dialer:
            context.set_alpn_protos([name.encode() for name in self.alpn])
        else:
            context.set_alpn_select_callback(lambda *_: self.alpn[0].encode())
        connection = SSL.Connection(context, None)
        if self.is_dialer:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        return connection

    def _show(self, context: SSL.Context) -> None:
        chain, key = self.certificates()
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(b"".join(map(_pem, chain)))
            file.flush()
            context.use_certificate_chain_file(file.name)
        context.use_privatekey(load_der_private_key(key, None))  # type: ignore[arg-type]

    def shake_hands(self) -> None:
        """Multistream and TLS. Raises Gone when they say no."""
        self.negotiate()
        self.finish(self.run_tls())

    def run_tls(self) -> bytes:
        """The whole handshake; its last flight, which is still to be sent."""
        while True:
            if self.step_tls():
                return self.said()
            self.send_raw(self.said())
            self.tls.bio_write(self.read_record())

    def step_tls(self) -> bool:
        """Advance the handshake; return whether it is done. Raises Gone."""
        try:
            self.tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            with contextlib.suppress(Gone):
                self.send_raw(self.said())
            raise Gone(f"TLS: {error}") from None
        return True

    def said(self) -> bytes:
        """Return the bytes that OpenSSL wants to send."""
        try:
            return self.tls.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""

    def finish(self, last: bytes) -> None:
        """Send the last flight, and go on by hand."""
        self.take_over(last)
        self.send_raw(last)

    def take_over(self, last: bytes) -> None:
        """Go on by hand. A listener's last flight is all tickets, under the keys that we take over."""
        sides = ("CLIENT", "SERVER") if self.is_dialer else ("SERVER", "CLIENT")
        self.ours, self.theirs = (Records(self.secrets[f"{side}_TRAFFIC_SECRET_0"]) for side in sides)
        if not self.is_dialer:
            self.ours.number = count_records(last)

    # Records

    def read_record(self) -> bytes:
        """The next record, whole."""
        header = self.read_raw(5)
        return header + self.read_raw(int.from_bytes(header[3:5], "big"))

    def seal(self, plaintext: bytes) -> bytes:
        """Records of application data."""
        cuts = range(0, len(plaintext), RECORD_BYTES)
        return b"".join(self.ours.seal(DATA, plaintext[at : at + RECORD_BYTES]) for at in cuts)

    def read_plain(self, n: int) -> bytes:
        """Read exactly `n` decrypted bytes. Raises Gone at an alert."""
        while len(self._plain) < n:
            kind, body = self.theirs.open(self.read_record())
            if kind == ALERT:
                self.alert = body
                raise Gone(f"alert {body[1]}")
            if kind == HANDSHAKE and body[:1] == KEY_UPDATE[:1]:
                self.key_updates += 1
                self.theirs.update()
            if kind == DATA:
                self._plain += body
        taken, self._plain = self._plain[:n], self._plain[n:]
        return taken

    alert = b""
    """The last alert of theirs."""
    key_updates = 0
    """How often they changed their keys."""


def count_records(data: bytes) -> int:
    """Return how many records begin the data."""
    count = at = 0
    while at < len(data):
        at += 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        count += 1
    return count


def fragment(message: bytes, size: int) -> bytes:
    """Return a handshake message in records of `size` bytes, in the clear."""
    cuts = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(struct.pack(">BHH", HANDSHAKE, 0x0303, len(cut)) + cut for cut in cuts)
