"""The TLS handshake of libp2p: OpenSSL's, with certificates that prove who is speaking."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable

from OpenSSL import SSL, crypto

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import HandshakeFailed, PeerIdMismatch
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.tls.cipher import TlsCipher
from aiolibp2p.security.tls.contexts import PLAIN_ALPN, PeerJudge
from aiolibp2p.security.tls.limits import MAX_HANDSHAKE_BYTES
from aiolibp2p.security.tls.records import alert_in, reason_of, take_sent, whole_records
from aiolibp2p.security.tls.verification import verify_certificate

_IN_WORDS = {
    "peer did not return a certificate": "the peer sent no certificate",
    "unsupported protocol": "the peer speaks no TLS 1.3",
    "tlsv1 alert protocol version": "the peer speaks no TLS 1.3",
}


class TlsHandshake(ByteMachine[Secured], PeerJudge):
    """The handshake of one connection, which judges the peer's certificate while OpenSSL verifies it.

    Records go to OpenSSL one at a time, so that what lies behind the last of the handshake stays with us. After an
    error the machine takes nothing more; `HandshakeFailed.last_words` then holds the alert for the peer.
    """

    def __init__(
        self,
        role: Role,
        connection: SSL.Connection,
        wall: Callable[[], float],
        muxers: tuple[str, ...],
        expected_peer: PeerId | None,
    ) -> None:
        self._is_client = role is Role.INITIATOR
        self._connection: SSL.Connection | None = connection
        self._wall = wall
        self._muxers = muxers
        self._expected_peer = expected_peer
        self._buffer = b""
        self._received = 0
        self._key: PublicKey | None = None
        self._refusal: HandshakeFailed | None = None
        self._done = False
        connection.set_app_data(weakref.ref(self))  # which OpenSSL's connection keeps, and we keep that

    def start(self) -> Output[Secured]:
        """Return the client's hello; a server has nothing to send yet."""
        connection = self._live()
        with contextlib.suppress(SSL.WantReadError):
            connection.do_handshake()
        return Output(to_send=take_sent(connection))

    def receive_data(self, data: ByteString) -> Output[Secured]:
        connection = self._live()
        try:
            return self._feed(connection, data)
        except HandshakeFailed as error:
            self._connection = None
            error.last_words = take_sent(connection)
            raise

    def receive_eof(self) -> None:
        if not self._done:
            raise HandshakeFailed(
                "the peer closed the connection during the TLS handshake; it may have refused our identity"
            )

    def _live(self) -> SSL.Connection:
        if self._connection is None:
            raise HandshakeFailed("the TLS handshake is over")
        return self._connection

    def _feed(self, connection: SSL.Connection, data: ByteString) -> Output[Secured]:
        self._buffer += data
        while record := self._take_record():
            connection.bio_write(record)
            if self._shake_hands(connection):
                return self._finish(connection)
        return Output(to_send=take_sent(connection))

    def _take_record(self) -> bytes:
        """Return the next whole record; nothing when more bytes are needed."""
        try:
            _, size = whole_records(memoryview(self._buffer), 0)
        except ValueError:
            raise HandshakeFailed("the peer does not speak TLS") from None
        self._received += size
        if self._received > MAX_HANDSHAKE_BYTES:
            raise HandshakeFailed(f"more than MAX_HANDSHAKE_BYTES ({MAX_HANDSHAKE_BYTES}) of TLS handshake")
        record, self._buffer = self._buffer[:size], self._buffer[size:]
        return record

    def _shake_hands(self, connection: SSL.Connection) -> bool:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            raise (self._refusal or HandshakeFailed(_in_words(reason_of(error)))) from None
        return True

    def _finish(self, connection: SSL.Connection) -> Output[Secured]:
        key = self._key
        chain = len(connection.get_peer_cert_chain() or ())
        # To a server OpenSSL tells the chain without the peer's own certificate.
        count = chain if self._is_client else chain + 1
        if key is None or count != 1:
            raise HandshakeFailed(f"the peer sent {count} certificates, and exactly one is allowed")
        muxer = self._muxer(connection.get_alpn_proto_negotiated())
        sent = take_sent(connection)
        self._done = True
        self._connection = None
        trailing, self._buffer = self._buffer, b""
        return Output((Secured(TlsCipher(connection), key.peer_id, key, muxer),), sent, trailing)

    def _muxer(self, alpn: bytes) -> str | None:
        if alpn in (b"", PLAIN_ALPN):
            return None
        muxer = alpn.decode(errors="replace")
        if muxer not in self._muxers:
            raise HandshakeFailed(f"the peer chose the ALPN protocol {muxer[:64]!r}, which was not offered")
        return muxer

    # PeerJudge

    def accepts(self, certificate: crypto.X509) -> bool:
        """Judge the peer's certificate: OpenSSL asks once for each problem it sees."""
        if self._refusal is None and self._key is None:
            try:
                self._key = self._judge(certificate)
            except HandshakeFailed as error:
                self._refusal = error.with_traceback(None)
        return self._refusal is None

    def _judge(self, certificate: crypto.X509) -> PublicKey:
        encoded = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)  # x509 would read it, and fail or warn
        key = verify_certificate(encoded, self._wall())
        if self._expected_peer is not None and key.peer_id != self._expected_peer:
            raise PeerIdMismatch(self._expected_peer, key.peer_id)
        return key


def _in_words(reason: str) -> str:
    if reason in _IN_WORDS:
        return _IN_WORDS[reason]
    alert = alert_in(reason)
    return f"the peer refused the TLS handshake: {alert}" if alert else f"the TLS handshake failed: {reason}"
