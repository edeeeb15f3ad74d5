"""What a suite asks of its user: how the security is made, and what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Security
from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer.key_kind import PrivatePart, PublicPart
from aiolibp2p.peer.keys import PrivateKey, PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.testing.security_suite.pair import SecuredEnd, SecuredPair


@cache
def key(name: str, kind: str = "ed25519") -> PrivateKey:
    """The same key for the same name and kind, for as long as the process lives."""
    return PrivateKey.generate(kind)


class SecurityUnderTest:
    """Override `security`, and the attributes that do not hold for yours."""

    encrypts: bool = True
    """Nobody on the way can read."""
    authenticates_frames: bool = True
    """Nobody on the way can change what is sent."""
    numbers_frames: bool = True
    """Nor repeat, lose or reorder frames of it."""
    authenticates_peers: bool = True
    """Nobody can claim to be somebody else."""
    proves_last: bool = True
    """The initiator knows who answers before the responder could know who asks."""
    early_muxer: bool = True
    """The muxer is agreed on inside the handshake, when both sides were given some."""
    binds_prologue: bool = False
    """Sides that were given different prologues do not understand each other."""
    key_kinds: Sequence[str] = ("ed25519", "secp256k1", "ecdsa", "rsa")
    """The kinds of identities it can prove."""
    max_handshake_bytes: int = 128 * 1024
    """A peer that sent so much without ending the handshake must have been refused."""
    max_frame_bytes: int = 128 * 1024
    """The longest frame that a cipher may wait for, its overhead included."""
    max_places: int = 160
    """So many bytes of a message are changed, at most, one after the other; the first and the last are among them."""

    def security(self, key: PrivateKey, muxers: Sequence[str] = ()) -> Security:
        """Yours, for a host with this identity and these muxers. Override it."""
        raise NotImplementedError("a subclass of SecuritySuite says how its security is made")

    def end(self, security: Security, role: Role, expected: PeerId | None = None, words: bytes = b"") -> SecuredEnd:
        """One side of a new connection."""
        return SecuredEnd(security.start(role, expected), words)

    def pair(
        self,
        initiator: Sequence[str] = (),
        responder: Sequence[str] = (),
        words: tuple[bytes, bytes] = (b"", b""),
    ) -> SecuredPair:
        """Alice dials Bob, and expects him; their muxers, and the first words that each sends when it can."""
        return SecuredPair(
            self.end(self.security(key("alice"), initiator), Role.INITIATOR, key("bob").peer_id, words[0]),
            self.end(self.security(key("bob"), responder), Role.RESPONDER, None, words[1]),
        )

    def connected(self) -> SecuredPair:
        """Alice and Bob, their handshake complete."""
        pair = self.pair().shake_hands()
        self.assert_complete(pair)
        return pair

    def held_back(self, number: int) -> tuple[SecuredPair, SecuredEnd, bytes]:
        """A handshake in which flight `number` never arrived: the pair, its receiver, the flight."""
        pair = self.pair().shake_hands(lambda at, flight: () if at == number else (flight,))
        return (pair, *pair.flights[number])

    def handshake_flights(self) -> int:
        """How many flights a handshake takes."""
        pair = self.pair()
        last = 0

        def passed(number: int, flight: bytes) -> Sequence[bytes]:
            nonlocal last
            if not all(end.secured for end in pair.ends):
                last = number
            return (flight,)

        pair.shake_hands(passed)
        return last + 1

    def assert_complete(self, pair: SecuredPair) -> None:
        """Both ends know each other, and what one seals the other opens."""
        for end in pair.ends:
            assert end.error is None
            assert end.secured is not None
        self.assert_known(pair)
        for sender, receiver in pair.both_ways:
            before = len(receiver.received)
            receiver.receive(sender.seal(b"are you there?"))
            assert receiver.error is None
            assert receiver.received[before:] == b"are you there?"

    def assert_refuses_end(self, end: SecuredEnd) -> None:
        """Its handshake is not over, so the end of input is its failure."""
        with pytest.raises(HandshakeFailed):
            end.machine.receive_eof()

    def assert_known(self, pair: SecuredPair) -> None:
        """Whoever completed its handshake knows the right peer."""
        for end, peer in zip(pair.ends, (key("bob"), key("alice")), strict=True):
            if end.secured is not None:
                assert end.secured.remote_peer == peer.peer_id
                assert end.secured.remote_key == peer.public_key


class _ClaimedPart(PublicPart):
    """A public key that is somebody else's."""

    def __init__(self, victim: PublicKey) -> None:
        self._data = victim.marshal()[len(b"\x08\x01\x12\x20") :]

    def encode(self) -> bytes:
        return self._data

    def verify(self, message: bytes, signature: bytes) -> bool:
        return True  # an impostor does not care


class _ImpostorsPart(PrivatePart):
    """Signs with a key of its own in the name of another."""

    def __init__(self, victim: PublicKey, own: PrivateKey) -> None:
        self._claimed = _ClaimedPart(victim)
        self._own = own

    def encode(self) -> bytes:
        return bytes(64)

    def sign(self, message: bytes) -> bytes:
        return self._own.sign(message)

    def public(self) -> _ClaimedPart:
        return self._claimed


def impostor(victim: PrivateKey) -> PrivateKey:
    """Claims the public key of `victim` (Ed25519) and signs with another."""
    return PrivateKey(victim.kind, _ImpostorsPart(victim.public_key, key("mallory")))
