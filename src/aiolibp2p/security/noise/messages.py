"""The libp2p payload inside Noise handshake messages 2 and 3 (spec section "The libp2p Handshake Payload")."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.abc.layers.security import EarlyData
from aiolibp2p.errors import HandshakeFailed

SIGNATURE_PREFIX = b"noise-libp2p-static-key:"
"""The bytes that an identity signs in front of the 32 bytes of its X25519 static key."""


@dataclass(frozen=True)
class HandshakePayload:
    """The libp2p part of a handshake message: an identity and its early data. Nothing in it is verified yet."""

    identity_key: bytes
    """The identity as a serialized `PublicKey`."""
    identity_signature: bytes
    early_data: EarlyData


def encode_payload(payload: HandshakePayload) -> bytes:
    """Return the serialized `NoiseHandshakePayload`; without extensions when there is no early data."""
    from aiolibp2p.security.noise.noise_pb2 import NoiseHandshakePayload  # slow to load, so on first use

    message = NoiseHandshakePayload(identity_key=payload.identity_key, identity_sig=payload.identity_signature)
    early_data = payload.early_data
    if early_data.stream_muxers or early_data.webtransport_certhashes:
        message.extensions.stream_muxers.extend(muxer.encode() for muxer in early_data.stream_muxers)
        message.extensions.webtransport_certhashes.extend(early_data.webtransport_certhashes)
    return message.SerializeToString()


def decode_payload(data: bytes) -> HandshakePayload:
    """Parse a payload; unknown fields are skipped.

    Raises HandshakeFailed when it does not parse, has no key or no signature, or names a muxer that is not UTF-8.
    """
    if not data:
        raise HandshakeFailed("the peer sent no noise handshake payload, so no identity")
    from google.protobuf.message import DecodeError

    from aiolibp2p.security.noise.noise_pb2 import NoiseHandshakePayload  # slow to load, so on first use

    message = NoiseHandshakePayload()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise HandshakeFailed("the noise handshake payload is not a valid protobuf message") from None
    if not message.identity_key:
        raise HandshakeFailed("the noise handshake payload has no identity key")
    if not message.identity_sig:
        raise HandshakeFailed("the noise handshake payload has no identity signature")
    try:
        muxers = tuple([muxer.decode() for muxer in message.extensions.stream_muxers])
    except UnicodeDecodeError:
        raise HandshakeFailed("the noise handshake payload names a stream muxer that is not UTF-8") from None
    certhashes = tuple(message.extensions.webtransport_certhashes)
    return HandshakePayload(message.identity_key, message.identity_sig, EarlyData(muxers, certhashes))
