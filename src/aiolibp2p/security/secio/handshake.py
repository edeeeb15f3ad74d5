"""The SECIO handshake: both sides propose, exchange signed ephemeral keys, and send each other's nonce back, sealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured, Security
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import (
    ConfigError,
    FormatError,
    HandshakeFailed,
    PeerIdMismatch,
    ProtocolViolation,
    SignatureInvalid,
)
from aiolibp2p.peer.keys import PrivateKey, PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.secio import messages
from aiolibp2p.security.secio.cipher import SecioCipher
from aiolibp2p.security.secio.ephemeral import EphemeralKey
from aiolibp2p.security.secio.messages import LENGTH_BYTES, MAX_HANDSHAKE_MESSAGE_BYTES, NONCE_BYTES, frame
from aiolibp2p.security.secio.offer import Offer, Suite, choose, preference
from aiolibp2p.security.secio.stretch import stretch

_OURS = Offer()


class SecioSecurity(Security):
    """SECIO for one host, deprecated.

    `entropy(n)` gives n random bytes: for each handshake 16 for the nonce, and 8 more than its curve's order for the
    ephemeral key. `offer` says what to use, most wanted first.
    """

    protocol_id = "/secio/1.0.0"

    def __init__(self, key: PrivateKey, entropy: Callable[[int], bytes], offer: Offer = _OURS) -> None:
        self._key = key
        self._entropy = entropy
        self._offer = offer

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> SecioHandshake:
        """Start a handshake, the same in both roles. Raises ConfigError for a prologue: SECIO cannot bind one."""
        if prologue:
            raise ConfigError("secio cannot bind a prologue")
        return SecioHandshake(self._key, self._entropy, self._offer, expected_peer)


class SecioHandshake(ByteMachine[Secured]):
    """The handshake of one connection.

    Besides HandshakeFailed and PeerIdMismatch, `receive_data` raises ProtocolViolation for a message that is too long.
    After an error the machine takes nothing more.
    """

    def __init__(
        self, key: PrivateKey, entropy: Callable[[int], bytes], offer: Offer, expected_peer: PeerId | None
    ) -> None:
        self._key = key
        self._entropy = entropy
        self._offer = offer
        self._expected_peer = expected_peer
        self._nonce = entropy(NONCE_BYTES)
        self._proposal = messages.encode_proposal(
            messages.Proposal(
                self._nonce,
                key.public_key.marshal(),
                ",".join(offer.exchanges).encode(),
                ",".join(offer.ciphers).encode(),
                ",".join(offer.hashes).encode(),
            )
        )
        self._buffer = b""
        self._waits_for = "proposal"
        self._step: Callable[[bytes], Output[Secured]] | None = self._read_proposal

    def start(self) -> Output[Secured]:
        """Return our proposal, which both roles send unasked."""
        return Output(to_send=frame(self._proposal))

    def receive_data(self, data: ByteString) -> Output[Secured]:
        self._buffer += data
        to_send = b""
        while True:
            step, self._step = self._step, None  # it stays None when this message is wrong, or the last
            if step is None:
                raise HandshakeFailed("the secio handshake is over")
            if (message := self._take_message()) is None:
                self._step = step
                return Output(to_send=to_send)
            output = step(message)
            to_send += output.to_send
            if output.events:
                trailing, self._buffer = self._buffer, b""
                return Output(output.events, to_send, trailing)

    def receive_eof(self) -> None:
        if self._step is not None:
            raise HandshakeFailed(f"the peer closed the connection before its secio {self._waits_for}")

    def _take_message(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < LENGTH_BYTES:
            return None
        length = int.from_bytes(buffer[:LENGTH_BYTES], "big")
        if length > MAX_HANDSHAKE_MESSAGE_BYTES:
            raise ProtocolViolation(
                f"secio {self._waits_for} of {length} bytes, at most {MAX_HANDSHAKE_MESSAGE_BYTES} are allowed"
            )
        end = LENGTH_BYTES + length
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return buffer[LENGTH_BYTES:end]

    def _read_proposal(self, message: bytes) -> Output[Secured]:
        theirs = messages.decode_proposal(message)
        remote_key = _read_key(theirs.public_key)
        if self._expected_peer is not None and remote_key.peer_id != self._expected_peer:
            raise PeerIdMismatch(self._expected_peer, remote_key.peer_id)
        our_key = self._key.public_key.marshal()
        prefer_ours = preference(our_key, self._nonce, theirs.public_key, theirs.nonce)
        suite = Suite(
            choose("exchange", self._offer.exchanges, theirs.exchanges, prefer_ours),
            choose("cipher", self._offer.ciphers, theirs.ciphers, prefer_ours),
            choose("hash", self._offer.hashes, theirs.hashes, prefer_ours),
        )
        ephemeral = EphemeralKey(suite.exchange, self._entropy)
        corpus = self._proposal + message
        signed = messages.SignedKey(ephemeral.point, self._key.sign(corpus + ephemeral.point))
        their_corpus = message + self._proposal

        def read_exchange(message: bytes) -> Output[Secured]:
            exchange = messages.decode_signed_key(message)
            _check_signature(remote_key, their_corpus + exchange.point, exchange.signature)
            keys = stretch(ephemeral.shared_secret(exchange.point), suite.cipher, suite.hash)
            send, receive = keys if prefer_ours else keys[::-1]
            return self._prove(remote_key, SecioCipher(send, receive, suite.hash), theirs.nonce)

        self._waits_for, self._step = "exchange", read_exchange
        return Output(to_send=frame(messages.encode_signed_key(signed)))

    def _prove(self, remote_key: PublicKey, cipher: SecioCipher, their_nonce: bytes) -> Output[Secured]:
        """Send the peer's nonce back as the first frame, and wait for ours."""

        def read_nonce(message: bytes) -> Output[Secured]:
            _check_nonce(cipher, message, self._nonce)
            return Output((Secured(cipher, remote_key.peer_id, remote_key),))

        self._waits_for, self._step = "proof that its keys are ours (its first frame)", read_nonce
        return Output(to_send=cipher.encrypt(their_nonce))


def _read_key(encoded: bytes) -> PublicKey:
    try:
        return PublicKey.unmarshal(encoded)
    except FormatError as error:
        raise HandshakeFailed(f"the public key in the secio proposal is not usable: {error}") from error


def _check_signature(key: PublicKey, corpus: bytes, signature: bytes) -> None:
    try:
        key.verify(corpus, signature)
    except SignatureInvalid as error:
        raise HandshakeFailed(f"the signature in the secio exchange does not hold: {error}") from error


def _check_nonce(cipher: SecioCipher, message: bytes, nonce: bytes) -> None:
    opened: list[bytes] = []
    try:
        cipher.decrypt(memoryview(frame(message)), opened.append)
    except ProtocolViolation as error:
        raise HandshakeFailed(f"the peer's keys are not ours: {error}") from error
    if b"".join(opened) != nonce:
        raise HandshakeFailed("the peer's first secio frame does not hold our nonce")
