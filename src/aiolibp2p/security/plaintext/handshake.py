"""The exchange of plaintext: both sides speak at once, and each ends when it has heard the other."""

from __future__ import annotations

from collections.abc import Sequence

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured, Security
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import ConfigError, HandshakeFailed, PeerIdMismatch
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.plaintext.cipher import PlaintextCipher
from aiolibp2p.security.plaintext.messages import decode_exchange, encode_exchange, split_exchange


class PlaintextSecurity(Security):
    """No security for one host, in the shape of one.

    WARNING: connections are neither encrypted nor authenticated, and the remote peer of each is only what it claims to
    be. Tests and debugging alone.
    """

    protocol_id = "/plaintext/2.0.0"

    def __init__(self, key: PrivateKey) -> None:
        self._exchange = encode_exchange(key.public_key)

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> PlaintextHandshake:
        """Start an exchange, the same in both roles. Raises ConfigError for a prologue: nothing here could bind one."""
        if prologue:
            raise ConfigError("plaintext cannot bind a prologue")
        return PlaintextHandshake(self._exchange, expected_peer)


class PlaintextHandshake(ByteMachine[Secured]):
    """The exchange of one connection.

    Besides HandshakeFailed and PeerIdMismatch, `receive_data` raises ProtocolViolation for a message that is too long.
    After an error the machine takes nothing more.
    """

    __slots__ = ("_buffer", "_exchange", "_expected_peer", "_over")

    def __init__(self, exchange: bytes, expected_peer: PeerId | None) -> None:
        self._exchange = exchange
        self._expected_peer = expected_peer
        self._buffer = b""
        self._over = False

    def start(self) -> Output[Secured]:
        """Return our id and key, which both roles send unasked."""
        return Output(to_send=self._exchange)

    def receive_data(self, data: ByteString) -> Output[Secured]:
        """Take the peer's message, cut anywhere; nothing is sent for it."""
        if self._over:
            raise HandshakeFailed("the plaintext exchange is over")
        self._over = True  # and stays so when this message is wrong, or whole
        self._buffer += data
        parts = split_exchange(self._buffer)
        if parts is None:
            self._over = False
            return Output()
        self._buffer = b""
        message, trailing = parts
        key = decode_exchange(message)
        if self._expected_peer is not None and key.peer_id != self._expected_peer:
            raise PeerIdMismatch(self._expected_peer, key.peer_id)
        return Output((Secured(PlaintextCipher(), key.peer_id, key),), trailing=trailing)

    def receive_eof(self) -> None:
        if not self._over:
            raise HandshakeFailed("the peer closed the connection before its plaintext exchange was whole")
