"""Records of an established TLS connection, through OpenSSL's memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from OpenSSL import SSL

from aiolibp2p.abc.layers.security import Cipher
from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ConnectionLost, HandshakeFailed, ProtocolViolation, RemoteError
from aiolibp2p.security.tls.limits import MAX_OWED_BYTES
from aiolibp2p.security.tls.records import HEADER_BYTES, MAX_RECORD_BYTES, alert_in, reason_of, take_sent, whole_records

RECORD_BYTES = 16 * 1024
"""The plaintext of one full record, in bytes: the maximum of RFC 8446, section 5.1."""

TAG_BYTES = 16
"""The authentication tag of every cipher of TLS 1.3 that OpenSSL offers, in bytes."""

BATCH_BYTES = 64 * 1024
"""The most plaintext that OpenSSL is handed at once, in bytes: past it its memory grows, four times slower."""

_OVERHEAD = HEADER_BYTES + 1 + TAG_BYTES
_RECORDS = -(-BATCH_BYTES // RECORD_BYTES)


class TlsCipher(Cipher):
    """The records of one connection. A frame is as many records as its plaintext needs.

    Records that OpenSSL writes of its own accord (key updates) leave in front of the next frame.
    """

    prefix = 0
    overhead = _RECORDS * _OVERHEAD + MAX_OWED_BYTES
    max_plaintext = 255 * 256

    __slots__ = ("_broken", "_connection", "_heard", "_over", "_owed")

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection
        self._owed = b""
        self._heard = False
        self._broken = False
        """Whether OpenSSL has given the connection up, or we have: nothing of ours follows but the farewell."""
        self._over = False
        """Whether the peer has said that no more will come."""

    def encrypt(self, plaintext: ByteString) -> bytes:
        """Seal `plaintext` as one frame; no plaintext is an empty frame, since OpenSSL would write no record.

        Everything is an empty frame once a record did not open: somebody may write before it is known what `decrypt`
        found. Raises ConnectionLost when OpenSSL seals no more for another reason.
        """
        if not plaintext or self._broken:
            return b""
        connection = self._connection
        try:
            connection.sendall(plaintext)
        except SSL.Error as error:
            raise ConnectionLost(f"TLS takes no more: {reason_of(error)}") from None
        sealed = connection.bio_read(len(plaintext) + MAX_RECORD_BYTES)
        if not self._owed:
            return sealed
        owed, self._owed = self._owed, b""
        return owed + sealed

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        sealed = self.encrypt(plaintext)
        size = len(sealed)
        out[:size] = sealed
        return size

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver the plaintext of each whole record; return the number of bytes they took.

        Raises ProtocolViolation for what is no record or does not authenticate, and for a peer that has TLS answer it
        more than `MAX_OWED_BYTES` before we have something to say; ConnectionLost when the peer has ended the
        connection; HandshakeFailed when that is its answer to our certificate.
        """
        taken = 0
        while True:
            try:
                count, size = whole_records(data[taken:], BATCH_BYTES)
            except ValueError:
                raise ProtocolViolation("bytes that are no TLS record") from None
            if not count:
                return taken
            self._connection.bio_write(data[taken : taken + size])
            taken += size
            self._open(count, deliver)

    def _open(self, count: int, deliver: Callable[[bytes], None]) -> None:
        """Open up to `count` records at once: one call for the session behind costs less than four."""
        receive = self._connection.recv
        opened: list[bytes] = []
        failure: RemoteError | None = None
        try:
            opened.extend(receive(RECORD_BYTES) for _ in range(count))
        except SSL.WantReadError:
            failure = self._collect_answers()  # some were TLS's own
        except SSL.ZeroReturnError:
            self._over = True
            failure = self._collect_answers() or ConnectionLost("the peer closed the connection")
        except SSL.Error as error:
            self._broken = True
            failure = self._explained(reason_of(error), self._heard or opened != [])
        if opened:
            self._heard = True
            deliver(opened[0] if len(opened) == 1 else b"".join(opened))
        if failure is not None:
            raise failure

    def _collect_answers(self) -> RemoteError | None:
        self._owed += take_sent(self._connection)
        if len(self._owed) <= MAX_OWED_BYTES:
            return None
        self._broken = True
        return ProtocolViolation("the peer asks for new TLS keys again and again")

    def _explained(self, reason: str, heard: bool) -> RemoteError:
        alert = alert_in(reason)
        if alert is None:
            return ProtocolViolation(f"a TLS record does not open: {reason}")
        self._over = True
        if heard:
            return ConnectionLost(f"the peer ended the connection: {alert}")
        return HandshakeFailed(f"the peer refused the TLS handshake: {alert}")

    def farewell(self) -> bytes:
        """Return close_notify; after an error the alert that tells of it."""
        with contextlib.suppress(SSL.Error):  # it was over already
            self._connection.shutdown()
        owed, self._owed = self._owed, b""
        return owed + take_sent(self._connection)

    def receive_eof(self) -> None:
        """Raise ConnectionLost unless close_notify came: somebody else may have cut the connection."""
        if not self._over:
            raise ConnectionLost("the connection was cut: its end came without TLS's close_notify")
