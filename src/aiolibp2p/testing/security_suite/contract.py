"""The part of a suite that its user fills in: how the security is made, and what it lacks."""

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
    """Return the same key for the same name and kind, for as long as the process lives."""
    return PrivateKey.generate(kind)


class SecurityUnderTest:
    """The base of the suite: override `security`, and the attributes that do not hold for yours."""

    encrypts: bool = True
    """Whether nobody on the way can read."""
    authenticates_frames: bool = True
    """Whether nobody on the way can change what is sent."""
    numbers_frames: bool = True
    """Whether nobody on the way can repeat, lose or reorder frames."""
    authenticates_peers: bool = True
    """Whether nobody can claim to be somebody else."""
    proves_last: bool = True
    """Whether the initiator knows who answers before the responder could know who asks."""
    early_muxer: bool = True
    """Whether the muxer is agreed on inside the handshake, when both sides were given some."""
    binds_prologue: bool = False
    """Whether sides that were given different prologues do not understand each other."""
    key_kinds: Sequence[str] = ("ed25519", "secp256k1", "ecdsa", "rsa")
    """The kinds of identities that the security can prove."""
    max_handshake_bytes: int = 128 * 1024
    """The most bytes of a peer that does not end its handshake, after which it must have been refused."""
    max_frame_bytes: int = 128 * 1024
    """The longest frame that a cipher may wait for, its overhead included, in bytes."""
    max_places: int = 160
    """The most places of a message at which a byte is changed, one after the other."""

    def security(self, key: PrivateKey) -> Security:
        """Return your security, for a host with this identity. Override it."""
        raise NotImplementedError("a subclass of SecuritySuite says how its security is made")

    def end(
        self,
        security: Security,
        role: Role,
        expected: PeerId | None = None,
        words: bytes = b"",
        muxers: Sequence[str] = (),
    ) -> SecuredEnd:
        """Return one side of a new connection, which offers these muxers."""
        return SecuredEnd(security.start(role, expected, muxers=muxers), words)

    def pair(
        self,
        initiator: Sequence[str] = (),
        responder: Sequence[str] = (),
        words: tuple[bytes, bytes] = (b"", b""),
    ) -> SecuredPair:
        """Return a pair in which Alice dials Bob, and expects him.

        The arguments are their muxers, and the first words that each sends when it can.
        """
        return SecuredPair(
            self.end(self.security(key("alice")), Role.INITIATOR, key("bob").peer_id, words[0], initiator),
            self.end(self.security(key("bob")), Role.RESPONDER, None, words[1], responder),
        )

    def connected(self) -> SecuredPair:
        """Return Alice and Bob, their handshake complete."""
        pair = self.pair().shake_hands()
        self.assert_complete(pair)
        return pair

    def held_back(self, number: int) -> tuple[SecuredPair, SecuredEnd, bytes]:
        """Run a handshake in which flight `number` never arrives; return the pair, its receiver and the flight."""
        pair = self.pair().shake_hands(lambda at, flight: () if at == number else (flight,))
        return (pair, *pair.flights[number])

    def handshake_flights(self) -> int:
        """Return how many flights a handshake takes."""
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
        """Assert that both ends know each other, and that what one seals the other opens."""
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
        """Assert that the end of input fails a handshake that is not over."""
        with pytest.raises(HandshakeFailed):
            end.machine.receive_eof()

    def assert_known(self, pair: SecuredPair) -> None:
        """Assert that each end that completed its handshake knows the right peer."""
        for end, peer in zip(pair.ends, (key("bob"), key("alice")), strict=True):
            if end.secured is not None:
                assert end.secured.remote_peer == peer.peer_id
                assert end.secured.remote_key == peer.public_key


class _ClaimedPart(PublicPart):
    """The public half of somebody else's key."""

    def __init__(self, victim: PublicKey) -> None:
        self._data = victim.marshal()[len(b"\x08\x01\x12\x20") :]

    def encode(self) -> bytes:
        return self._data

    def verify(self, message: bytes, signature: bytes) -> bool:
        return True  # an impostor does not care


class _ImpostorsPart(PrivatePart):
    """A key that signs in the name of another."""

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
    """Return a key that claims to be `victim`'s (Ed25519) and signs with another."""
    return PrivateKey(victim.kind, _ImpostorsPart(victim.public_key, key("mallory")))
