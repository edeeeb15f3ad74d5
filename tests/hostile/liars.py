"""Peers that lie about who they are, one lie each. Each works as dialer and as listener."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from hostile import wire
from hostile.noise import LOW_ORDER
from hostile.peer import Peer
from hostile.wire import Identity


class NoPayload(Peer):
    """A peer without a payload, so without an identity."""

    def payload(self) -> bytes:
        return b""


class NoSignature(Peer):
    """A peer that claims an identity without a signature."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, None)


class EmptySignature(Peer):
    """A peer whose payload has an empty field in place of the signature."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, b"")


class NoKey(Peer):
    """A peer that signs without naming its key."""

    def payload(self) -> bytes:
        return wire.noise_payload(None, self.identity.sign(b"noise-libp2p-static-key:" + self.static()))


class Impostor(Peer):
    """A peer that claims somebody else's identity, with a signature of its own."""

    def payload(self) -> bytes:
        return wire.noise_payload(Identity().public, self.identity.sign(b"noise-libp2p-static-key:" + self.static()))


class Replayer(Peer):
    """A peer that has somebody's signature over another static key."""

    def payload(self) -> bytes:
        return self.identity.proves(X25519PrivateKey.generate().public_key().public_bytes_raw())


class NoPrefix(Peer):
    """A peer that signs the static key without the prefix."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, self.identity.sign(self.static()))


class GarbageSignature(Peer):
    """A peer whose signature is 64 bytes of garbage."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, bytes(range(64)))


class LongSignature(Peer):
    """A peer whose signature is 10,000 bytes of garbage."""

    def payload(self) -> bytes:
        return wire.noise_payload(self.identity.public, bytes(10_000))


class HugeRsa(Peer):
    """A peer with an RSA key of 16,384 bits: verifying with it would burn our time."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.rsa_public_key(16_384), bytes(2048))


class LargeRsa(Peer):
    """A peer with an RSA key a little over the limit."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.rsa_public_key(8200), bytes(1025))


class SmallRsa(Peer):
    """A peer with an RSA key that anybody can break."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.rsa_public_key(1024), bytes(128))


class UnknownKey(Peer):
    """A peer with a key of a type yet to be invented."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.public_key(200, bytes(32)), bytes(64))


class ShortKey(Peer):
    """A peer with an Ed25519 key one byte too short."""

    def payload(self) -> bytes:
        return wire.noise_payload(wire.public_key(wire.ED25519, bytes(31)), bytes(64))


class LooseKey(Peer):
    """A peer with the right key in another encoding: it would have another peer id."""

    def payload(self) -> bytes:
        key = self.identity.public + b"\x18\x01"
        return wire.noise_payload(key, self.identity.sign(b"noise-libp2p-static-key:" + self.static()))


class Garbage(Peer):
    """A peer whose payload is no protobuf."""

    def payload(self) -> bytes:
        return b"\xff" * 1000


class NoCommonMuxer(Peer):
    """A peer that offers a muxer that nobody has, and whose name is long."""

    def payload(self) -> bytes:
        return self.identity.proves(self.static(), ["/none/" + "x" * 9000])


class NamelessMuxer(Peer):
    """A peer that names a muxer in bytes that are no text."""

    def payload(self) -> bytes:
        honest = self.identity.proves(self.static(), [])
        return honest + wire.bytes_field(4, wire.bytes_field(2, b"\xff\xfe"))


class TooLong(Peer):
    """A peer with a payload past 16 KiB."""

    def payload(self) -> bytes:
        return self.identity.proves(self.static()) + wire.bytes_field(99, bytes(17_000))


class LowStatic(Peer):
    """A peer with a static key of low order, for which the secret is zero."""

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
