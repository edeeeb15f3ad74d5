"""Targets: keys, key files, envelopes, records."""

from __future__ import annotations

import tempfile
from pathlib import Path

from aiolibp2p.errors import ConfigError, FormatError, InvalidMultiaddr, SignatureInvalid
from aiolibp2p.peer import PrivateKey, PublicKey, SignedEnvelope, open_peer_record
from aiolibp2p.peer.peer_record import DOMAIN, PAYLOAD_TYPE, seal_peer_record
from fuzz.engine import Target

KEY_TOKENS = (*(bytes((8, kind, 0x12)) for kind in range(5)), b"\x30\x82", b"\x02\x01\x00", b"\x06\x07")
SIGNER = PrivateKey.generate("ed25519", lambda n: bytes([1]) * n)


def read_public_key(data: bytes) -> object:
    key = PublicKey.unmarshal(data)
    assert key.marshal() == data
    assert PublicKey.of(key.peer_id) in (key, None)
    try:
        key.verify(b"message", data[-72:])
    except SignatureInvalid:
        return key.kind
    raise AssertionError("a signature that nobody made holds")


def read_private_key(data: bytes) -> object:
    key = PrivateKey.unmarshal(data)
    again = PrivateKey.unmarshal(key.marshal())
    assert (again, again.marshal()) == (key, key.marshal())
    assert PublicKey.unmarshal(key.public_key.marshal()) == key.public_key
    key.public_key.verify(b"message", key.sign(b"message"))
    return key.kind


def read_key_file(data: bytes) -> object:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        key = PrivateKey.load(file.name)
        key.save(file.name, overwrite=True)
        assert PrivateKey.load(file.name) == key
        Path(file.name).touch()  # `save` put another file in its place; the end of the block removes that
    return key.kind


def read_envelope(data: bytes) -> object:
    envelope = SignedEnvelope.decode(data)
    assert envelope.encode() == data
    envelope.verify(DOMAIN)
    return envelope.payload_type


def read_peer_record(data: bytes) -> object:
    record = open_peer_record(data, None)
    addresses = record.addresses
    if record.peer_id == SIGNER.peer_id:
        sealed = seal_peer_record(SIGNER, record.seq, addresses)
        assert open_peer_record(sealed, SIGNER.peer_id) == record
    return len(addresses)


def read_signed_payload(data: bytes) -> object:
    """A record whose signature holds, whatever it says: what a peer can make us parse."""
    try:
        record = open_peer_record(SignedEnvelope.seal(SIGNER, DOMAIN, PAYLOAD_TYPE, data), SIGNER.peer_id)
    except InvalidMultiaddr as error:
        raise AssertionError("an address that does not parse costs the whole record") from error
    assert record.peer_id == SIGNER.peer_id
    assert all(address and address.p2p_bytes != SIGNER.peer_id.to_bytes() for address in record.addresses)
    assert open_peer_record(seal_peer_record(SIGNER, record.seq, record.addresses), SIGNER.peer_id) == record
    return len(record.addresses)


RECORD_TOKENS = (b"\x0a\x26", SIGNER.peer_id.to_bytes(), b"\x10\x01", b"\x1a\x0c\x0a\x0a", b"\xa5\x03\x26", b"\x06")
PARSED = (FormatError, SignatureInvalid)

TARGETS = (
    Target("public_key", read_public_key, (FormatError,), KEY_TOKENS, executions=1500),
    Target("private_key", read_private_key, (FormatError,), KEY_TOKENS, executions=300, max_bytes=9000, max_s=5.0),
    Target("key_file", read_key_file, (FormatError, ConfigError), KEY_TOKENS, executions=200, max_s=5.0),
    Target("signed_envelope", read_envelope, PARSED, (b"\x0a\x24", b"\x12\x02\x03\x01", b"\x2a\x40"), max_bytes=9000),
    Target("peer_record", read_peer_record, PARSED, RECORD_TOKENS),
    Target("signed_payload", read_signed_payload, PARSED, RECORD_TOKENS, max_bytes=7900),
)
