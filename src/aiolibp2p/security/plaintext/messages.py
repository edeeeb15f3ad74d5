"""The one message of plaintext (spec section "Messages"): an id, and the key it should have been made from."""

from __future__ import annotations

from aiolibp2p.errors import FormatError, HandshakeFailed
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.keys import PublicKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.wire.framing import parse_prefix

MAX_EXCHANGE_BYTES = 4096
"""The longest message taken, in bytes, its length excluded. An RSA-8192 identity needs 1,106."""


def encode_exchange(key: PublicKey) -> bytes:
    """Return the message of the owner of `key`, behind its length as a varint."""
    from aiolibp2p.security.plaintext.plaintext_pb2 import Exchange  # slow to load, so on first use

    message = Exchange(id=key.peer_id.to_bytes())
    message.public_key.ParseFromString(key.marshal())
    encoded = message.SerializeToString()
    return varint.encode(len(encoded)) + encoded


def split_exchange(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the message at the start of `data`, and what lies behind it; None when it is not whole yet.

    Raises ProtocolViolation for a length that is none, and for one over `MAX_EXCHANGE_BYTES`.
    """
    bounds = parse_prefix(data, MAX_EXCHANGE_BYTES)
    if bounds is None or len(data) < bounds[1]:
        return None
    return data[bounds[0] : bounds[1]], data[bounds[1] :]


def decode_exchange(data: bytes) -> PublicKey:
    """Return the sender's key, once the id beside it was made from it; unknown fields are skipped.

    Raises HandshakeFailed when the message does not parse, lacks one of the two, or they do not belong together.
    """
    from google.protobuf.message import DecodeError

    from aiolibp2p.security.plaintext.plaintext_pb2 import Exchange  # slow to load, so on first use

    message = Exchange()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise HandshakeFailed("the plaintext exchange is not a valid protobuf message") from None
    if not message.HasField("public_key"):
        raise HandshakeFailed("the plaintext exchange has no public key")
    if not message.id:
        raise HandshakeFailed("the plaintext exchange has no peer id")
    if not message.IsInitialized():  # parsing does not ask for required fields, and skips kinds it does not know
        raise HandshakeFailed("the public key in the plaintext exchange lacks its data, or is of no kind we know")
    try:
        key = PublicKey.unmarshal(message.public_key.SerializeToString())
        claimed = PeerId(message.id)
    except FormatError as error:
        raise HandshakeFailed(f"the identity in the plaintext exchange is not usable: {error}") from error
    if claimed != key.peer_id:
        raise HandshakeFailed(f"the plaintext exchange claims to be of peer {claimed}, but its key is {key.peer_id}'s")
    return key
