"""The settings of OpenSSL, made once for all connections of a host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from OpenSSL import SSL, crypto

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.tls.certificate import make_certificate

PLAIN_ALPN = b"libp2p"
"""The last protocol of every ALPN list, which leaves the muxer to multistream."""

CIPHERSUITES = b"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
"""The cipher suites in go's order: as strong as the certificates' P-256, and cheap where processors know AES."""

_SHOWN_PROTOCOLS = 8  # of the peer's list in an error
_SHOWN_CHARACTERS = 64  # of each of them


class PeerJudge(Protocol):
    """The judge of a peer's certificate, to which a connection's app data refers, weakly, while it shakes hands."""

    def accepts(self, certificate: crypto.X509) -> bool:
        """Return whether the peer's certificate proves an identity that is wanted. Never raises."""
        ...


class Contexts:
    """The certificate of a host, and one context of OpenSSL for each role."""

    def __init__(self, private_key: PrivateKey, now: float, muxers: Sequence[str]) -> None:
        certificate, key = make_certificate(private_key, now)
        self._offer = [*(muxer.encode() for muxer in muxers), PLAIN_ALPN]
        self._certificate = x509.load_der_x509_certificate(certificate)
        self._key = _loaded(key)
        self._client, self._server = self._context(), self._context()
        self._client.set_alpn_protos(self._offer)
        self._server.set_alpn_select_callback(self._select)

    def _context(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.use_certificate(self._certificate)
        context.use_privatekey(self._key)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _verify)
        context.set_tls13_ciphersuites(CIPHERSUITES)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # which an idle connection would keep, 34 KiB of them
        return context

    def _select(self, connection: SSL.Connection, offered: list[bytes]) -> bytes:
        """Return the first protocol of the client's list that we have too: its preference decides."""
        for protocol in offered:
            if protocol in self._offer:
                return protocol
        shown = ", ".join(
            repr(protocol[:_SHOWN_CHARACTERS].decode(errors="replace")) for protocol in offered[:_SHOWN_PROTOCOLS]
        )
        raise HandshakeFailed(f"no ALPN protocol in common: the peer offers {shown}")

    def connection(self, role: Role) -> SSL.Connection:
        """Return a new connection over memory, on which nothing was sent yet."""
        if role is Role.INITIATOR:
            connection = SSL.Connection(self._client, None)
            connection.set_connect_state()
        else:
            connection = SSL.Connection(self._server, None)
            connection.set_accept_state()
        return connection


def _loaded(key: bytes) -> ec.EllipticCurvePrivateKey:
    loaded = load_der_private_key(key, None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded


def _verify(connection: SSL.Connection, certificate: crypto.X509, problem: int, depth: int, ok: int) -> bool:
    """Answer OpenSSL, which asks about each problem it has with a certificate; only what libp2p asks of one counts."""
    reference: Callable[[], PeerJudge | None] = connection.get_app_data()
    judge = reference()
    return judge is not None and depth == 0 and judge.accepts(certificate)
