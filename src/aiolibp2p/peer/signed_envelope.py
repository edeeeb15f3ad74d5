"""Signed envelopes: a payload, its type, and a peer's signature over both (RFC 0002)."""

from __future__ import annotations

from dataclasses import dataclass

from aiolibp2p.errors import ConfigError, FormatError, LimitExceeded, SignatureInvalid
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.keys import PrivateKey, PublicKey

MAX_ENVELOPE_BYTES = 8192
"""The longest envelope that is read or made, in bytes: as much as go takes for a whole identify message with a record.
"""


@dataclass(frozen=True)
class SignedEnvelope:
    """An envelope as it came, or as `seal` made it; nothing in it is to be believed before `verify`.

    The domain says what the signature is for; it is never sent, both ends know it. Unknown payload types verify like
    any other.
    """

    public_key: PublicKey
    payload_type: bytes
    payload: bytes
    signature: bytes
    encoded: bytes
    """The whole envelope in bytes, to be passed on as it came."""

    @classmethod
    def seal(cls, private_key: PrivateKey, domain: str, payload_type: bytes, payload: bytes) -> SignedEnvelope:
        """Sign a payload. Raises ConfigError for an empty domain, LimitExceeded past MAX_ENVELOPE_BYTES."""
        from aiolibp2p.peer.signed_envelope_pb2 import SignedEnvelope as Message  # slow to load, so on first use

        signature = private_key.sign(signing_buffer(domain, payload_type, payload))
        message = Message(
            public_key=private_key.public_key.marshal(), payload_type=payload_type, payload=payload, signature=signature
        )
        encoded = message.SerializeToString(deterministic=True)
        if len(encoded) > MAX_ENVELOPE_BYTES:
            raise LimitExceeded(f"a signed envelope of {len(encoded)} bytes is over the limit of {MAX_ENVELOPE_BYTES}")
        return cls(private_key.public_key, payload_type, payload, signature, encoded)

    @classmethod
    def decode(cls, data: bytes) -> SignedEnvelope:
        """Read an envelope without verifying it; raises FormatError, also for one over MAX_ENVELOPE_BYTES."""
        from google.protobuf.message import DecodeError

        from aiolibp2p.peer.signed_envelope_pb2 import SignedEnvelope as Message  # slow to load, so on first use

        if len(data) > MAX_ENVELOPE_BYTES:
            raise FormatError(f"a signed envelope of {len(data)} bytes is over the limit of {MAX_ENVELOPE_BYTES}")
        encoded = bytes(data)
        message = Message()
        try:
            message.ParseFromString(encoded)
        except DecodeError:
            raise FormatError("not a signed envelope: the protobuf does not parse") from None
        key = PublicKey.unmarshal(message.public_key)
        return cls(key, message.payload_type, message.payload, message.signature, encoded)

    def encode(self) -> bytes:
        """The whole envelope, byte for byte as it came or was sealed."""
        return self.encoded

    def verify(self, domain: str) -> None:
        """Return when the key in the envelope signed it for `domain`.

        Raises SignatureInvalid otherwise, ConfigError for an empty domain. The caller has to check whose key it is.
        """
        try:
            self.public_key.verify(signing_buffer(domain, self.payload_type, self.payload), self.signature)
        except SignatureInvalid:
            raise SignatureInvalid(
                f"the envelope is not signed for {domain!r} by the key in it, of peer {self.public_key.peer_id}"
            ) from None


def signing_buffer(domain: str, payload_type: bytes, payload: bytes) -> bytes:
    """Return the bytes that a signature is over: domain, type and payload, each behind its length (varint).

    Raises ConfigError for an empty domain.
    """
    if not domain:
        raise ConfigError("a signed envelope needs a domain: it says what the signature is for")
    parts = (domain.encode(), payload_type, payload)
    return b"".join(varint.encode(len(part)) + part for part in parts)
