"""The upgrade: multistream, security, multistream, muxer, as one byte machine (connections/README.md). Pure.

It ends in one `Upgraded`. Whoever drives it sets one deadline for the whole; a peer that trickles bytes costs
the bounded buffers of the stage it is in.

    _negotiate_security --> _shake_hands --> _negotiate_muxer --> _pass_on
                                  |                                 ^
                                  +-- the handshake settled the ----+
                                      muxer, too

Each stage is a method that takes bytes. It ends in the middle of a chunk as often as at its end, because peers send the
first bytes of the next stage along with the last of this one; what lies behind the end goes on to the next stage within
the same call (`_continue`), and behind the last to the muxer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher, Secured, Security
from aiolibp2p.abc.machine import ByteMachine, ByteString, Output
from aiolibp2p.errors import HandshakeFailed, NegotiationFailed
from aiolibp2p.multistream import Agreed, AgreedInRole, Initiator, Responder, SimultaneousOpen
from aiolibp2p.peer.keys import KeyType, PublicKey
from aiolibp2p.peer.peer_id import PeerId


@dataclass(frozen=True)
class Upgraded:
    """The outcome of an upgrade: a raw connection became a secured one with a muxer."""

    secured: Secured
    security: str
    muxer: str
    early_muxer: bool
    """Whether the muxer was settled inside the handshake."""
    early_plaintext: bytes
    """Bytes that the peer sent behind the muxer negotiation, decrypted: the muxer's first input."""
    role: Role
    """Our role: as it was given, unless simultaneous open turned it round."""


@dataclass(frozen=True)
class UpgradePlan:
    """The offer of one side: securities and muxer ids in order of preference.

    `optimistic`: an initiator sends the first security's first message along with its proposal. A listener that
    refuses it makes `multistream.OptimisticRefused`, and the connection is lost for another try.
    """

    securities: Sequence[Security]
    muxers: Sequence[str]
    optimistic: bool = True
    key_types: Collection[KeyType] = tuple(KeyType)
    """The types of keys that peers may have: another is refused once the peer has proved to own it."""


class Upgrade(ByteMachine[Upgraded]):
    """The upgrade of one raw connection, stage by stage.

    `role` is the caller's word, whoever dialled. With `random_u64` an initiator allows for a peer that takes itself for
    the initiator, too: simultaneous open (`multistream.SimultaneousOpen`), which leaves no room for optimism. `check`
    is called once the peer is proven, and may raise a Libp2pError to end the upgrade there.
    """

    def __init__(
        self,
        role: Role,
        plan: UpgradePlan,
        expected_peer: PeerId | None = None,
        random_u64: Callable[[], int] | None = None,
        check: Callable[[PeerId], None] | None = None,
    ) -> None:
        self._role = role
        self._plan = plan
        self._expected_peer = expected_peer
        self._random_u64 = random_u64
        self._check = check
        self._security = ""
        self._handshake: ByteMachine[Secured] | None = None
        self._secured: Secured | None = None
        self._negotiator: ByteMachine[Agreed]
        self._sealed = b""
        # Functions of the class, not bound methods: an upgrade that held those would refer to itself, and be freed by
        # the collector of cycles some time after its connection has failed, instead of at once.
        self._stage: Callable[[Upgrade, ByteString], Output[Upgraded]] = Upgrade._negotiate_security

    @property
    def has_security(self) -> bool:
        """Whether both sides agreed on a security, so that they understand each other."""
        return self._security != ""

    def start(self) -> Output[Upgraded]:
        """Return the initiator's proposal; a responder waits."""
        ids = [security.protocol_id for security in self._plan.securities]
        if self._role is Role.RESPONDER:
            self._negotiator = Responder(ids.__contains__)
            return Output()
        if self._random_u64 is not None:
            self._negotiator = SimultaneousOpen(ids, self._random_u64)
            return Output(to_send=self._negotiator.start().to_send)
        first = b""
        if self._plan.optimistic:
            # The handshake begins before anybody agreed to it: should the listener refuse this security, the handshake
            # has said its first word to nobody, and the connection is of no use any more (OptimisticRefused).
            self._handshake = self._start(self._plan.securities[0])
            first = self._handshake.start().to_send
        self._negotiator = Initiator(ids, first)
        return Output(to_send=self._negotiator.start().to_send)

    def _start(self, security: Security) -> ByteMachine[Secured]:
        return security.start(self._role, self._expected_peer, muxers=self._plan.muxers)

    def receive_data(self, data: ByteString) -> Output[Upgraded]:
        """Feed bytes to the stage that it is in. Raises NegotiationFailed, HandshakeFailed, ProtocolViolation."""
        return self._stage(self, data)

    def receive_eof(self) -> None:
        """Raise NegotiationFailed or HandshakeFailed unless the upgrade is done: the peer's end never completes it."""
        if self._stage is Upgrade._pass_on:
            return
        if self._handshake is not None and self._stage is Upgrade._shake_hands:
            self._handshake.receive_eof()
        what = "security" if self._secured is None else "the muxer"
        raise NegotiationFailed(f"the peer closed the connection while {what} was negotiated")

    def _negotiate_security(self, data: ByteString) -> Output[Upgraded]:
        output = self._negotiator.receive_data(data)
        if not output.events:
            return Output(to_send=output.to_send)
        agreed = output.events[0]
        if isinstance(agreed, AgreedInRole):
            self._role = agreed.role
        self._security = agreed.protocol_id
        self._stage = Upgrade._shake_hands
        sent = output.to_send
        if self._handshake is None:
            security = next(s for s in self._plan.securities if s.protocol_id == self._security)
            self._handshake = self._start(security)
            sent += self._handshake.start().to_send
        return self._continue(sent, output.trailing)

    def _shake_hands(self, data: ByteString) -> Output[Upgraded]:
        assert self._handshake is not None
        output = self._handshake.receive_data(data)
        if not output.events:
            return Output(to_send=output.to_send)
        secured = self._secured = output.events[0]
        require_key_type(secured.remote_key, self._plan.key_types)
        if self._check is not None:
            self._check(secured.remote_peer)
        if secured.muxer is not None:
            return self._done(secured, secured.muxer, output.to_send, b"", output.trailing)
        muxers = list(self._plan.muxers)
        self._stage = Upgrade._negotiate_muxer
        sent = output.to_send
        if self._role is Role.INITIATOR:
            self._negotiator = Initiator(muxers)
            sent += _seal(secured.cipher, self._negotiator.start().to_send)
        else:
            self._negotiator = Responder(muxers.__contains__)
        return self._continue(sent, output.trailing)

    def _negotiate_muxer(self, data: ByteString) -> Output[Upgraded]:
        assert self._secured is not None
        opened: list[bytes] = []
        sealed = memoryview(self._sealed + data)
        # The cipher takes whole frames only. An unfinished one waits here; once the muxer is agreed upon, what is left
        # is sealed input of the muxer, and leaves as `trailing`, beside the plaintext that the negotiator left over.
        self._sealed = bytes(sealed[self._secured.cipher.decrypt(sealed, opened.append) :])
        output: Output[Agreed] = self._negotiator.receive_data(b"".join(opened)) if opened else Output()
        sent = _seal(self._secured.cipher, output.to_send)
        if not output.events:
            return Output(to_send=sent)
        return self._done(self._secured, output.events[0].protocol_id, sent, output.trailing, self._sealed)

    def _continue(self, sent: bytes, trailing: bytes) -> Output[Upgraded]:
        """Feed the next stage what lay behind the last one's end."""
        if not trailing:
            return Output(to_send=sent)
        try:
            output = self._stage(self, trailing)
        except HandshakeFailed as error:
            # What the stage before this one had to say is lost with the exception. An alert makes no sense without it:
            # the peer still waits for the answer to its proposal, and would take the alert for that.
            if error.last_words:
                error.last_words = sent + error.last_words
            raise
        return Output(output.events, sent + output.to_send, output.trailing)

    def _done(self, secured: Secured, muxer: str, sent: bytes, plaintext: bytes, trailing: bytes) -> Output[Upgraded]:
        self._stage = Upgrade._pass_on
        early = secured.muxer is not None
        upgraded = Upgraded(secured, self._security, muxer, early, plaintext, self._role)
        return Output((upgraded,), sent, trailing)

    def _pass_on(self, data: ByteString) -> Output[Upgraded]:
        return Output(trailing=bytes(data))


def require_key_type(key: PublicKey, allowed: Collection[KeyType]) -> None:
    """Raise HandshakeFailed for a key of a type that this host does not take."""
    if key.kind not in allowed:
        name = key.kind.name.lower()
        raise HandshakeFailed(f"the peer has a key of type {name}, which key_types does not allow")


def _seal(cipher: Cipher, plaintext: bytes) -> bytes:
    return bytes(cipher.encrypt(plaintext)) if plaintext else b""
