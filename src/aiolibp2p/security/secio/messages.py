"""The two messages of the SECIO handshake (spec section "Data Structures") and the length before each."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.errors import HandshakeFailed

LENGTH_BYTES = 4
"""The length field before each message and each frame, in bytes; big endian."""

NONCE_BYTES = 16
"""The length of a proposal's nonce (`rand`), in bytes."""

MAX_HANDSHAKE_MESSAGE_BYTES = 16 * 1024
"""The longest handshake message taken, in bytes. A proposal with an RSA-8192 identity needs some 1.2 KiB."""


@dataclass(frozen=True)
class Proposal:
    """An identity and the algorithms it can use. Nothing in it is verified yet."""

    nonce: bytes
    public_key: bytes
    """The identity as a serialized `PublicKey`."""
    exchanges: bytes
    """Names of curves, separated by commas, most wanted first; `ciphers` and `hashes` are written alike."""
    ciphers: bytes
    hashes: bytes


@dataclass(frozen=True)
class SignedKey:
    """An ephemeral key, as an uncompressed point, and its owner's signature. Not verified yet."""

    point: bytes
    signature: bytes


def frame(message: bytes) -> bytes:
    """Return a message behind its length."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def encode_proposal(proposal: Proposal) -> bytes:
    """Return the serialized `Propose`."""
    from aiolibp2p.security.secio.secio_pb2 import Propose  # slow to load, so on first use

    return Propose(
        rand=proposal.nonce,
        public_key=proposal.public_key,
        exchanges=proposal.exchanges,
        ciphers=proposal.ciphers,
        hashes=proposal.hashes,
    ).SerializeToString()


def decode_proposal(data: bytes) -> Proposal:
    """Parse a proposal; unknown fields are skipped.

    Raises HandshakeFailed when it does not parse, has no key, or a nonce that is not 16 bytes long.
    """
    from google.protobuf.message import DecodeError

    from aiolibp2p.security.secio.secio_pb2 import Propose  # slow to load, so on first use

    message = Propose()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise HandshakeFailed("the secio proposal is not a valid protobuf message") from None
    if len(message.rand) != NONCE_BYTES:
        raise HandshakeFailed(f"the nonce in the secio proposal has {len(message.rand)} bytes, not {NONCE_BYTES}")
    if not message.public_key:
        raise HandshakeFailed("the secio proposal has no public key")
    return Proposal(message.rand, message.public_key, message.exchanges, message.ciphers, message.hashes)


def encode_signed_key(signed: SignedKey) -> bytes:
    """Return the serialized `Exchange`."""
    from aiolibp2p.security.secio.secio_pb2 import Exchange  # slow to load, so on first use

    return Exchange(ephemeral_key=signed.point, signature=signed.signature).SerializeToString()


def decode_signed_key(data: bytes) -> SignedKey:
    """Parse an exchange; unknown fields are skipped.

    Raises HandshakeFailed when it does not parse, or has no key or no signature.
    """
    from google.protobuf.message import DecodeError

    from aiolibp2p.security.secio.secio_pb2 import Exchange  # slow to load, so on first use

    message = Exchange()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise HandshakeFailed("the secio exchange is not a valid protobuf message") from None
    if not message.ephemeral_key:
        raise HandshakeFailed("the secio exchange has no ephemeral key")
    if not message.signature:
        raise HandshakeFailed("the secio exchange has no signature")
    return SignedKey(message.ephemeral_key, message.signature)
