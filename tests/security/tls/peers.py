"""TLS between two machines in memory, and ends that hold to nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from OpenSSL import SSL

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured
from aiolibp2p.abc.machine import ByteMachine
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls import TlsSecurity
from support.offers import Offers

YAMUX, MPLEX = "/yamux/1.0.0", "/mplex/6.7.0"
ALICE, BOB, CAROL = (PrivateKey.generate("ed25519") for _ in range(3))


def tls(key: PrivateKey, muxers: Sequence[str] = (YAMUX,)) -> TlsSecurity:
    return Offers(TlsSecurity(key, time.time), muxers)


SECURITIES = {key: tls(key) for key in (ALICE, BOB, CAROL)}
"""The securities of the tests, made once: a certificate costs more than a handshake."""


def pair() -> tuple[ByteMachine[Secured], ByteMachine[Secured]]:
    dialer = SECURITIES[ALICE].start(Role.INITIATOR, BOB.peer_id)
    return dialer, SECURITIES[BOB].start(Role.RESPONDER)


def shake_hands(dialer: ByteMachine[Secured], listener: ByteMachine[Secured]) -> tuple[Secured, Secured]:
    """Both ends; what the listener says at the end is dropped into the dialer's cipher."""
    assert listener.start().to_send == b""
    flight = listener.receive_data(dialer.start().to_send)
    assert flight.events == ()
    theirs = dialer.receive_data(flight.to_send)
    ours = listener.receive_data(theirs.to_send)
    [there], [here] = theirs.events, ours.events
    assert there.cipher.decrypt(memoryview(ours.to_send), refuse) == len(ours.to_send)
    return there, here


def refuse(plaintext: bytes) -> None:
    raise AssertionError(f"{plaintext!r} was delivered")


class Stranger:
    """OpenSSL as a peer that shows whatever certificates it is given, and takes any."""

    def __init__(
        self,
        role: Role,
        certificates: Sequence[tuple[bytes, bytes]] = (),
        alpn: Sequence[bytes] | None = (b"libp2p",),
        versions: tuple[int, int] = (SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION),
        server_name: bytes | None = None,
    ) -> None:
        """`certificates`: pairs of certificate and PKCS #8 key in DER; the first is its own, the others follow it."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(versions[0])
        context.set_max_proto_version(versions[1])
        context.set_tls13_ciphersuites(b"TLS_AES_128_GCM_SHA256")  # the one that `hostile.tls.Records` has
        for number, (certificate, key) in enumerate(certificates):
            if number:
                context.add_extra_chain_cert(x509.load_der_x509_certificate(certificate))
                continue
            context.use_certificate(x509.load_der_x509_certificate(certificate))
            private = load_der_private_key(key, None)
            assert isinstance(private, ec.EllipticCurvePrivateKey)
            context.use_privatekey(private)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.secrets: dict[str, bytes] = {}
        """The secrets by the names that NSS's key log has for them."""
        context.set_keylog_callback(self._log)
        self.offered: list[bytes] = []
        if role is Role.INITIATOR and alpn:
            context.set_alpn_protos(list(alpn))
        elif alpn:
            context.set_alpn_select_callback(self._select)
        self._alpn = alpn or ()
        self.connection = SSL.Connection(context, None)
        if server_name is not None:
            self.connection.set_tlsext_host_name(server_name)
        if role is Role.INITIATOR:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()

    def _log(self, connection: SSL.Connection, line: bytes) -> None:
        name, _, secret = line.decode().split()
        self.secrets[name] = bytes.fromhex(secret)

    def _select(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        self.offered = offered
        return self._alpn[0]

    def speak(self, data: bytes = b"") -> bytes:
        """Take these bytes; return what OpenSSL answers. Raises SSL.Error."""
        if data:
            self.connection.bio_write(data)
        with contextlib.suppress(SSL.WantReadError):
            self.connection.do_handshake()
        return self.said()

    def said(self) -> bytes:
        """Return the bytes that are to be sent."""
        try:
            return self.connection.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""
