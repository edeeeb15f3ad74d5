"""The Noise handshake of libp2p: pattern XX, and in its messages 2 and 3 the proof of who is speaking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import EarlyData, Secured, Security
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import FormatError, HandshakeFailed, PeerIdMismatch, ProtocolViolation, SignatureInvalid
from aiolibp2p.peer.keys import PrivateKey, PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.security.noise.cipher import LENGTH_BYTES, NoiseCipher
from aiolibp2p.security.noise.messages import SIGNATURE_PREFIX, HandshakePayload, decode_payload, encode_payload
from aiolibp2p.security.noise.xx import KEY_BYTES, KeyPair, XXHandshake

MAX_HANDSHAKE_MESSAGE_BYTES = 16 * 1024
"""The longest handshake message taken, in bytes. An RSA-8192 identity with its signature needs some 2.2 KiB."""

REMEMBERED_PEERS = 1024
"""Peers whose signature over their static key is not verified again: a dial to a known peer costs a third less."""

REMEMBERED_PAYLOAD_BYTES = 512
"""The longest payload, in bytes, that is remembered.

A longer one is an RSA key's, which is cheap to verify again and would fill the memory.
"""

_SHOWN_MUXERS = 8  # of the peer's list in an error
_SHOWN_CHARACTERS = 64  # of each of them


class NoiseSecurity(Security):
    """Noise for one host: its static key, and the proof that the host's identity owns it.

    `entropy(n)` gives n random bytes: 32 for the static key now, 32 for each handshake's ephemeral key. The muxers that
    a handshake is started with go out as early data; without any, the muxer is left to multistream.
    `webtransport_certhashes` (multihashes) go out too; a WebTransport server has some, others none. The static key and
    the identity's signature over it serve all handshakes; neither is ever stored.
    """

    protocol_id = "/noise"

    def __init__(
        self,
        private_key: PrivateKey,
        entropy: Callable[[int], bytes],
        webtransport_certhashes: Sequence[bytes] = (),
    ) -> None:
        self._entropy = entropy
        self._static = KeyPair(entropy(KEY_BYTES))
        self._key = private_key.public_key.marshal()
        self._signature = private_key.sign(SIGNATURE_PREFIX + self._static.public)
        self._certhashes = tuple(webtransport_certhashes)
        self._payloads: dict[tuple[str, ...], bytes] = {}

    def start(
        self, role: Role, expected_peer: PeerId | None = None, prologue: bytes = b"", muxers: Sequence[str] = ()
    ) -> NoiseHandshake:
        """Start a handshake. `prologue` must be the same on both sides (WebRTC binds its certificates by it)."""
        noise = XXHandshake(self._static, KeyPair(self._entropy(KEY_BYTES)), prologue)
        offered = tuple(muxers)
        return NoiseHandshake(role, noise, self._payload(offered), offered, expected_peer)

    def _payload(self, muxers: tuple[str, ...]) -> bytes:
        """Return what proves our identity and offers these muxers, encoded once for each list that is offered."""
        payload = self._payloads.get(muxers)
        if payload is None:
            self._payloads.clear()  # a host offers one list
            early_data = EarlyData(muxers, self._certhashes)
            payload = encode_payload(HandshakePayload(self._key, self._signature, early_data))
            self._payloads[muxers] = payload
        return payload


class NoiseHandshake(ByteMachine[Secured]):
    """The handshake of one connection.

    Besides HandshakeFailed and PeerIdMismatch, `receive_data` raises ProtocolViolation for messages of the wrong
    length. After an error the machine takes nothing more.
    """

    __slots__ = ("_buffer", "_expected_peer", "_muxers", "_next", "_noise", "_payload", "_role", "_step")

    def __init__(
        self, role: Role, noise: XXHandshake, payload: bytes, muxers: tuple[str, ...], expected_peer: PeerId | None
    ) -> None:
        self._role = role
        self._noise = noise
        self._payload = payload
        self._muxers = muxers
        self._expected_peer = expected_peer
        self._buffer = b""
        self._next = 2 if role is Role.INITIATOR else 1
        # No bound methods: a handshake that is given up does not refer to itself, and is freed at once.
        self._step: Callable[[NoiseHandshake, bytes], Output[Secured]] | None = (
            NoiseHandshake._read_second if role is Role.INITIATOR else NoiseHandshake._read_first
        )

    def start(self) -> Output[Secured]:
        """Return the initiator's message 1; a responder has nothing to send yet."""
        if self._role is Role.RESPONDER:
            return Output()
        return Output(to_send=_frame(self._noise.write_first()))

    def receive_data(self, data: ByteString) -> Output[Secured]:
        self._buffer += data
        to_send = b""
        while True:
            step, self._step = self._step, None  # it stays None when this message is wrong, or the last
            if step is None:
                raise HandshakeFailed("the noise handshake is over")
            if (message := self._take_message()) is None:
                self._step = step
                return Output(to_send=to_send)
            output = step(self, message)
            to_send += output.to_send
            if output.events:
                trailing, self._buffer = self._buffer, b""
                return Output(output.events, to_send, trailing)

    def receive_eof(self) -> None:
        if self._step is None:
            return
        reason = f"the peer closed the connection before its noise message {self._next}"
        if self._next == 3:
            reason += "; it may have refused our identity"
        raise HandshakeFailed(reason)

    def _take_message(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < LENGTH_BYTES:
            return None
        length = buffer[0] << 8 | buffer[1]
        if length > MAX_HANDSHAKE_MESSAGE_BYTES:
            raise ProtocolViolation(
                f"noise message {self._next} of {length} bytes, at most {MAX_HANDSHAKE_MESSAGE_BYTES} are allowed"
            )
        end = LENGTH_BYTES + length
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return buffer[LENGTH_BYTES:end]

    def _read_first(self, message: bytes) -> Output[Secured]:
        if self._noise.read_first(message):
            raise ProtocolViolation("noise message 1 has a payload; nothing may be sent unencrypted")
        self._next = 3
        self._step = NoiseHandshake._read_third
        return Output(to_send=_frame(self._noise.write_second(self._payload)))

    def _read_second(self, message: bytes) -> Output[Secured]:
        key, early_data = self._verify(self._noise.read_second(message))
        muxer = self._agree_on_muxer(early_data.stream_muxers)
        to_send = _frame(self._noise.write_third(self._payload))
        ours, theirs = self._noise.split()
        return Output((Secured(NoiseCipher(ours, theirs), key.peer_id, key, muxer, early_data),), to_send)

    def _read_third(self, message: bytes) -> Output[Secured]:
        key, early_data = self._verify(self._noise.read_third(message))
        muxer = self._agree_on_muxer(early_data.stream_muxers)
        theirs, ours = self._noise.split()
        return Output((Secured(NoiseCipher(ours, theirs), key.peer_id, key, muxer, early_data),))

    def _verify(self, payload_bytes: bytes) -> tuple[PublicKey, EarlyData]:
        payload = decode_payload(payload_bytes)
        proof = payload.identity_key, payload.identity_signature, self._noise.remote_static
        key = _remembered_key(*proof) if len(payload_bytes) <= REMEMBERED_PAYLOAD_BYTES else _verified_key(*proof)
        if self._expected_peer is not None and key.peer_id != self._expected_peer:
            raise PeerIdMismatch(self._expected_peer, key.peer_id)
        return key, payload.early_data

    def _agree_on_muxer(self, remote: tuple[str, ...]) -> str | None:
        """Return the first muxer of the initiator's list that the responder has too; None when a side sent no list."""
        if not remote or not self._muxers:
            return None
        wanted, offered = (self._muxers, remote) if self._role is Role.INITIATOR else (remote, self._muxers)
        for muxer in wanted:
            if muxer in offered:
                return muxer
        shown = ", ".join(repr(muxer[:_SHOWN_CHARACTERS]) for muxer in remote[:_SHOWN_MUXERS])
        raise HandshakeFailed(f"no stream muxer in common: we have {', '.join(self._muxers)}, the peer {shown}")


def _verified_key(identity_key: bytes, signature: bytes, remote_static: bytes) -> PublicKey:
    """Return the peer's identity, once its signature over the static key of this very handshake holds."""
    try:
        key = PublicKey.unmarshal(identity_key)
    except (FormatError, SignatureInvalid) as error:
        raise HandshakeFailed(f"the identity key in the noise handshake is not usable: {error}") from error
    try:
        key.verify(SIGNATURE_PREFIX + remote_static, signature)
    except SignatureInvalid as error:
        raise HandshakeFailed(
            f"the identity signature in the noise handshake does not hold for its static key: {error}"
        ) from error
    return key


# A peer's static key and the signature over it live as long as its process, and whether they belong together never
# changes: a peer that comes back costs a table look-up in place of a third of the handshake. Failures are not kept.
_remembered_key = lru_cache(REMEMBERED_PEERS)(_verified_key)


def _frame(message: bytes) -> bytes:
    return len(message).to_bytes(LENGTH_BYTES, "big") + message
