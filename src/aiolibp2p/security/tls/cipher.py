"""Records of an established TLS connection, through OpenSSL's memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from OpenSSL import SSL

from aiolibp2p.abc.machine import ByteString
from aiolibp2p.errors import ConnectionLost, HandshakeFailed, ProtocolViolation, RemoteError
from aiolibp2p.security.tls.limits import MAX_OWED_BYTES
from aiolibp2p.security.tls.records import HEADER_BYTES, MAX_RECORD_BYTES, alert_in, reason_of, take_sent, whole_records

RECORD_BYTES = 16 * 1024
"""The plaintext of one full record."""

TAG_BYTES = 16
"""The authentication tag of every cipher of TLS 1.3 that OpenSSL offers."""

BATCH_BYTES = 64 * 1024
"""What OpenSSL is handed at once: past it its memory grows, and it gets four times slower."""

_OVERHEAD = HEADER_BYTES + 1 + TAG_BYTES
_KEY_UPDATE_BYTES = _OVERHEAD + 5
_RECORDS = -(-BATCH_BYTES // RECORD_BYTES)


class TlsCipher:
    """One connection; implements `abc.security.Cipher`. A frame is as many records as its plaintext needs."""

    prefix = 0
    overhead = _RECORDS * _OVERHEAD + MAX_OWED_BYTES + _KEY_UPDATE_BYTES
    max_plaintext = 255 * 256

    __slots__ = ("_connection", "_heard", "_over", "_owed")

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection = connection
        self._heard = False
        self._over = False
        """The peer has said that no more will come."""
        self._owed = b""
        """What TLS itself answers, of its own accord: it leaves before our next record."""

    def encrypt(self, plaintext: ByteString) -> bytes:
        """Seal as one frame; nothing is an empty one, OpenSSL would write no record."""
        if not plaintext:
            return b""
        connection = self._connection
        connection.sendall(plaintext)
        sealed = connection.bio_read(len(plaintext) + MAX_RECORD_BYTES)
        if self._owed:
            sealed, self._owed = self._owed + sealed, b""
        return sealed

    def encrypt_into(self, plaintext: ByteString, out: memoryview) -> int:
        """Seal at most `max_plaintext` bytes as one frame at the start of `out`; return the frame's length."""
        sealed = self.encrypt(plaintext)
        size = len(sealed)
        out[:size] = sealed
        return size

    def decrypt(self, data: memoryview, deliver: Callable[[bytes], None]) -> int:
        """Deliver the plaintext of each whole record; the bytes they took.

        Raises ProtocolViolation for what is no record or does not authenticate, and for a peer that has TLS answer it
        more than `MAX_OWED_BYTES` before we have something to say; ConnectionLost when the peer has ended
        the connection, HandshakeFailed when that is its answer to our certificate.
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
        """Up to `count` records at once: one call for the session behind costs less than four."""
        receive = self._connection.recv
        opened: list[bytes] = []
        failure: RemoteError | None = None
        try:
            opened.extend(receive(RECORD_BYTES) for _ in range(count))
        except SSL.WantReadError:
            self._keep_answers()  # some were TLS's own
        except SSL.ZeroReturnError:
            self._over = True
            failure = ConnectionLost("the peer closed the connection")
        except SSL.Error as error:
            failure = self._explained(reason_of(error))
        if opened:
            self._heard = True
            deliver(opened[0] if len(opened) == 1 else b"".join(opened))
        if failure is not None:
            raise failure

    def _keep_answers(self) -> None:
        """What OpenSSL answers to requests for new keys lies in its memory, without a limit."""
        self._owed += take_sent(self._connection)
        if len(self._owed) > MAX_OWED_BYTES:
            raise ProtocolViolation("the peer asks for new TLS keys again and again") from None

    def _explained(self, reason: str) -> RemoteError:
        alert = alert_in(reason)
        if alert is None:
            return ProtocolViolation(f"a TLS record does not open: {reason}")
        self._over = True
        if self._heard:
            return ConnectionLost(f"the peer ended the connection: {alert}")
        return HandshakeFailed(f"the peer refused the TLS handshake: {alert}")

    def farewell(self) -> bytes:
        """close_notify; after an error the alert that tells of it."""
        with contextlib.suppress(SSL.Error):  # it was over already
            self._connection.shutdown()
        owed, self._owed = self._owed, b""
        return owed + take_sent(self._connection)

    def receive_eof(self) -> None:
        """Raises ConnectionLost unless close_notify came: somebody else may have cut the connection."""
        if not self._over:
            raise ConnectionLost("the connection was cut: its end came without TLS's close_notify")
