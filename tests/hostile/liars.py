"""Peers that lie about who they are, one lie each. Each works as dialer and as listener."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hostile import wire
from hostile.noise import LOW_ORDER
from hostile.peer import Peer
from hostile.wire import Identity


class NoPayload(Peer):
    """Says nothing about who it is."""

    def payload(self) -> bytes:
        return b""


class NoSignature(Peer):
    """Claims an identity, and no more."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, None)


class EmptySignature(Peer):
    """A peer whose payload has an empty field in place of the signature."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, b"")


class NoKey(Peer):
    """Signs, for nobody."""

    def payload(self) -> bytes:
        return wire.noise_payload(None, self.identity.sign(b"noise-libp2p-static-key:" + self.static()))


class Impostor(Peer):
    """Claims somebody else's identity, with a signature of its own."""

    def payload(self) -> bytes:
        return wire.noise_payload(Identity().public, self.identity.sign(b"noise-libp2p-static-key:" + self.static()))


class Replayer(Peer):
    """Has somebody's signature over another static key."""

    def payload(self) -> bytes:
        return self.identity.proves(X25519PrivateKey.generate().public_key().public_bytes_raw())


class NoPrefix(Peer):
    """Signs the static key alone."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, self.identity.sign(self.static()))


class GarbageSignature(Peer):
    """64 bytes that are no signature."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, bytes(range(64)))


class LongSignature(Peer):
    """10,000 bytes that are no signature."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, bytes(10_000))


class HugeRsa(Peer):
    """An RSA key of 16,384 bits: verifying with it would burn our time."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.rsa_public_key(16_384), bytes(2048))


class LargeRsa(Peer):
    """An RSA key a little over the limit."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.rsa_public_key(8200), bytes(1025))


class SmallRsa(Peer):
    """An RSA key that anybody can break."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.rsa_public_key(1024), bytes(128))


class UnknownKey(Peer):
    """A key of a type yet to be invented."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.public_key(200, bytes(32)), bytes(64))


class ShortKey(Peer):
    """An Ed25519 key one byte too short."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.public_key(wire.ED25519, bytes(31)), bytes(64))


class LooseKey(Peer):
    """The right key in another encoding: it would have another peer id."""

    def payload(self) -> bytes:
        key = self.identity.public + b"\x18\x01"
        return wire.noise_payload(key, self.identity.sign(b"noise-libp2p-static-key:" + self.static()))


class Garbage(Peer):
    """A peer whose payload is no protobuf."""

    def payload(self) -> bytes:
        return b"\xff" * 1000


class NoCommonMuxer(Peer):
    """Offers a muxer that nobody has, and its name is long."""

    def payload(self) -> bytes:
        return self.identity.proves(self.static(), ["/none/" + "x" * 9000])


class NamelessMuxer(Peer):
    """Names a muxer in bytes that are no text."""

    def payload(self) -> bytes:
        honest = self.identity.proves(self.static(), [])
        return honest + wire.bytes_field(4, wire.bytes_field(2, b"\xff\xfe"))


class TooLong(Peer):
    """A payload past 16 KiB."""

    def payload(self) -> bytes:
        return self.identity.proves(self.static()) + wire.bytes_field(99, bytes(17_000))


class LowStatic(Peer):
    """A static key of low order: the secret is zero, whoever computes it."""

    def static(self) -> bytes:
        return LOW_ORDER[0]


def low_ephemeral(point: bytes) -> type[Peer]:
    """A peer whose key for this handshake is a point of low order."""

    class LowEphemeral(Peer):
        def ephemeral(self) -> bytes:
            return point

    return LowEphemeral


UNUSABLE_KEYS: tuple[type[Peer], ...] = (HugeRsa, LargeRsa, SmallRsa, UnknownKey, ShortKey, LooseKey)
"""The peers that are refused for their key, before anything is computed with it."""

LIARS: tuple[type[Peer], ...] = (
    NoPayload,
    NoSignature,
    EmptySignature,
    NoKey,
    Impostor,
    Replayer,
    NoPrefix,
    GarbageSignature,
    LongSignature,
    HugeRsa,
    LargeRsa,
    SmallRsa,
    UnknownKey,
    ShortKey,
    LooseKey,
    Garbage,
    NoCommonMuxer,
    NamelessMuxer,
    TooLong,
    LowStatic,
    *map(low_ephemeral, LOW_ORDER),
)
