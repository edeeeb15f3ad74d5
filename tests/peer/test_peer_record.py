"""Signed peer records: what they prove, and what makes one worthless."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiolibp2p.errors import ConfigError, FormatError, LimitExceeded, SignatureInvalid
from aiolibp2p.multiformats import Multiaddr
from aiolibp2p.peer import PeerId, PrivateKey, SignedEnvelope, open_peer_record, peer_record_pb2, seal_peer_record
from aiolibp2p.peer.peer_record import (
    DOMAIN,
    LEGACY_DOMAIN,
    LEGACY_PAYLOAD_TYPE,
    MAX_RECORD_ADDRESSES,
    MAX_SEQ,
    PAYLOAD_TYPE,
    next_seq,
)

VECTORS = Path(__file__).parents[1] / "vectors"
SEALED = json.loads((VECTORS / "envelopes.json").read_text())["peer_records"]
SPEC_KEY = PrivateKey.unmarshal(
    bytes.fromhex(
        next(
            vector["private_key"]
            for vector in json.loads((VECTORS / "keys.json").read_text())["keys"]
            if vector["kind"] == "ed25519"
        )
    )
)
KEY = PrivateKey.generate(entropy=bytes)
ADDRESSES = [Multiaddr("/ip4/192.0.2.1/tcp/4001"), Multiaddr("/ip6/2001:db8::1/udp/4001/quic-v1")]


def record_bytes(peer: bytes, seq: int = 1, addresses: list[bytes] | None = None) -> bytes:
    message = peer_record_pb2.PeerRecord(peer_id=peer, seq=seq)
    for address in addresses or []:
        message.addresses.add(multiaddr=address)
    return message.SerializeToString()


def sealed_by(key: PrivateKey, payload: bytes) -> SignedEnvelope:
    return SignedEnvelope.seal(key, DOMAIN, PAYLOAD_TYPE, payload)


@pytest.mark.spec("REC-7")
@pytest.mark.parametrize("legacy", [False, True])
def test_vector(legacy):
    vector = SEALED["sealed"][legacy]
    addresses = [Multiaddr(address) for address in SEALED["addresses"]]
    envelope = seal_peer_record(SPEC_KEY, SEALED["seq"], addresses, legacy)
    assert envelope.payload_type.hex() == vector["payload_type"]
    assert envelope.payload.hex() == vector["payload"]
    assert envelope.signature.hex() == vector["signature"]
    assert envelope.encode().hex() == vector["envelope"]
    record = open_peer_record(bytes.fromhex(vector["envelope"]), PeerId.parse(SEALED["peer_id"]))
    assert (record.peer_id, record.seq) == (SPEC_KEY.peer_id, SEALED["seq"])
    assert [str(address) for address in record.addresses] == SEALED["addresses"]


@pytest.mark.spec("ADDR-4")
def test_addresses_are_in_binary_and_text_is_none():
    payload = peer_record_pb2.PeerRecord.FromString(seal_peer_record(KEY, 1, ADDRESSES).payload)
    assert [entry.multiaddr for entry in payload.addresses] == [address.to_bytes() for address in ADDRESSES]
    text = record_bytes(KEY.peer_id.to_bytes(), addresses=[str(address).encode() for address in ADDRESSES])
    assert open_peer_record(sealed_by(KEY, text).encode(), KEY.peer_id).addresses == ()


@pytest.mark.spec("REC-7")
def test_domain_in_use_unless_asked():
    assert DOMAIN == "libp2p-peer-record"
    assert seal_peer_record(KEY, 1, []).payload_type == b"\x03\x01"
    assert seal_peer_record(KEY, 1, [], legacy=True).payload_type == b"/libp2p/routing-state-record"
    seal_peer_record(KEY, 1, []).verify("libp2p-peer-record")
    seal_peer_record(KEY, 1, [], legacy=True).verify("libp2p-routing-state")


@pytest.mark.spec("REC-4", "REC-12")
def test_record_of_every_kind_of_key(key):
    envelope = seal_peer_record(key, 7, ADDRESSES)
    assert envelope.public_key == key.public_key
    for given_as in (envelope, envelope.encode()):
        record = open_peer_record(given_as, key.peer_id)
        assert (record.peer_id, record.seq, list(record.addresses)) == (key.peer_id, 7, ADDRESSES)
    assert open_peer_record(envelope, None) == record


@pytest.mark.spec("REC-7")
@pytest.mark.parametrize(
    ("domain", "payload_type"), [(LEGACY_DOMAIN, PAYLOAD_TYPE), (DOMAIN, LEGACY_PAYLOAD_TYPE), ("other", PAYLOAD_TYPE)]
)
def test_domain_and_type_go_together(domain, payload_type):
    envelope = SignedEnvelope.seal(KEY, domain, payload_type, record_bytes(KEY.peer_id.to_bytes()))
    with pytest.raises(SignatureInvalid, match="not signed for"):
        open_peer_record(envelope, KEY.peer_id)


@pytest.mark.parametrize("payload_type", [b"", b"\x03", b"\x81\x06", b"\x03\x02", b"\x03\x01\x00"])
def test_another_payload_type(payload_type):
    envelope = SignedEnvelope.seal(KEY, DOMAIN, payload_type, record_bytes(KEY.peer_id.to_bytes()))
    with pytest.raises(FormatError, match="holds no peer record"):
        open_peer_record(envelope, KEY.peer_id)


@pytest.mark.spec("REC-5")
def test_nothing_is_parsed_before_the_signature_holds():
    """A payload that cannot be parsed is blamed only once its signature is proven good."""
    good = sealed_by(KEY, b"\xff")
    forged = SignedEnvelope(good.public_key, good.payload_type, good.payload, bytes(64), b"")
    with pytest.raises(SignatureInvalid):
        open_peer_record(forged, KEY.peer_id)
    with pytest.raises(FormatError, match="does not parse"):
        open_peer_record(good, KEY.peer_id)


@pytest.mark.spec("REC-6")
def test_record_about_another_peer(ours, theirs):
    envelope = sealed_by(theirs, record_bytes(ours.peer_id.to_bytes(), 9, [b"\x04\x7f\0\0\1\x06\x0f\xa1"]))
    for expected in (ours.peer_id, theirs.peer_id, None):
        with pytest.raises(SignatureInvalid) as raised:
            open_peer_record(envelope, expected)
        assert str(ours.peer_id) in str(raised.value)
        assert str(theirs.peer_id) in str(raised.value)


@pytest.mark.spec("REC-6")
def test_record_of_a_peer_not_expected(ours, theirs):
    with pytest.raises(SignatureInvalid, match="not by"):
        open_peer_record(seal_peer_record(theirs, 1, ADDRESSES), ours.peer_id)


@pytest.mark.spec("REC-6")
@pytest.mark.parametrize("peer", [b"", b"x", b"\x12\x20"])
def test_record_of_no_peer(peer):
    with pytest.raises(FormatError):
        open_peer_record(sealed_by(KEY, record_bytes(peer)), KEY.peer_id)


@pytest.mark.spec("REC-14")
def test_peer_ids_at_the_end_of_addresses(ours, theirs):
    address, circuit = "/ip4/192.0.2.1/tcp/4001", f"/ip4/192.0.2.2/tcp/4001/p2p/{theirs.peer_id}/p2p-circuit"
    given = [
        address,
        f"{address}/p2p/{ours.peer_id}",
        f"/ip4/192.0.2.3/tcp/1/p2p/{theirs.peer_id}",
        f"/ip4/192.0.2.3/tcp/1/p2p/{theirs.peer_id}/p2p/{ours.peer_id}",
        circuit,
        f"{circuit}/p2p/{ours.peer_id}",
        f"{circuit}/p2p/{theirs.peer_id}",
        f"/p2p/{ours.peer_id}",
        f"/ip4/192.0.2.4/tcp/2/p2p/{ours.peer_id}",
    ]
    raw = [Multiaddr(text).to_bytes() for text in given]
    record = open_peer_record(sealed_by(ours, record_bytes(ours.peer_id.to_bytes(), 1, raw)), ours.peer_id)
    assert [str(found) for found in record.addresses] == [address, circuit, "/ip4/192.0.2.4/tcp/2"]


@pytest.mark.spec("REC-14")
def test_addresses_that_do_not_parse_are_left_out():
    raw = [b"", b"\xff", b"\x04\x7f\0", ADDRESSES[0].to_bytes(), b"\x06\x0f\xa1\xff", ADDRESSES[1].to_bytes()]
    record = open_peer_record(sealed_by(KEY, record_bytes(KEY.peer_id.to_bytes(), 1, raw)), KEY.peer_id)
    assert list(record.addresses) == ADDRESSES


@pytest.mark.spec("XC-4", "XC-5")
def test_fields_nobody_knows_and_another_order_do_not_matter():
    payload = record_bytes(KEY.peer_id.to_bytes(), 7, [ADDRESSES[0].to_bytes()])
    info = ADDRESSES[1].to_bytes()
    inner = b"\x7a\x01?" + b"\x0a" + bytes([len(info)]) + info
    more = b"\x1a" + bytes([len(inner)]) + inner
    record = open_peer_record(sealed_by(KEY, b"\x7a\x03new" + more + payload), KEY.peer_id)
    assert (record.seq, list(record.addresses)) == (7, [ADDRESSES[1], ADDRESSES[0]])


@given(st.lists(st.binary(max_size=20) | st.sampled_from([address.to_bytes() for address in ADDRESSES]), max_size=10))
def test_addresses_at_random(raw):
    record = open_peer_record(sealed_by(KEY, record_bytes(KEY.peer_id.to_bytes(), 1, raw)), KEY.peer_id)
    assert all(address.to_bytes() in raw for address in record.addresses)
    assert all((address in record.addresses) == (address.to_bytes() in raw) for address in ADDRESSES)


@given(st.binary(max_size=100))
def test_payload_at_random(payload):
    with pytest.raises((FormatError, SignatureInvalid)):
        open_peer_record(sealed_by(KEY, payload), KEY.peer_id)


@given(st.binary(max_size=100))
def test_envelope_at_random(data):
    with pytest.raises(FormatError):
        open_peer_record(data, None)


def test_too_many_addresses():
    many = [Multiaddr(f"/ip4/192.0.2.1/tcp/{port}") for port in range(1, MAX_RECORD_ADDRESSES + 2)]
    raw = [address.to_bytes() for address in many]
    record = open_peer_record(sealed_by(KEY, record_bytes(KEY.peer_id.to_bytes(), 1, raw)), KEY.peer_id)
    assert list(record.addresses) == many[:MAX_RECORD_ADDRESSES]
    assert len(open_peer_record(seal_peer_record(KEY, 1, many[:-1]), None).addresses) == MAX_RECORD_ADDRESSES
    with pytest.raises(LimitExceeded, match="129 addresses"):
        seal_peer_record(KEY, 1, many)


@pytest.mark.spec("REC-12", "REC-14")
def test_own_id_is_left_out_when_sealed(ours, theirs):
    own = [Multiaddr(f"{address}/p2p/{ours.peer_id}") for address in ADDRESSES]
    assert list(open_peer_record(seal_peer_record(ours, 1, [*ADDRESSES, *own]), None).addresses) == ADDRESSES
    for wrong in (f"/ip4/192.0.2.1/tcp/1/p2p/{theirs.peer_id}", f"/p2p/{ours.peer_id}"):
        with pytest.raises(ConfigError, match="another peer, or nowhere"):
            seal_peer_record(ours, 1, [Multiaddr(wrong)])


@pytest.mark.spec("REC-2")
@pytest.mark.parametrize("seq", [0, 1, 2**63, MAX_SEQ])
def test_any_seq_is_just_a_number(seq):
    assert open_peer_record(seal_peer_record(KEY, seq, []), None).seq == seq


@pytest.mark.parametrize("seq", [-1, MAX_SEQ + 1])
def test_seq_out_of_range(seq):
    with pytest.raises(ConfigError, match="sequence number"):
        seal_peer_record(KEY, seq, [])


@pytest.mark.spec("REC-1")
@given(st.integers(0, 2**63), st.lists(st.floats(0, 4e9), min_size=1, max_size=10))
def test_seq_always_grows(previous, clock):
    for wall_s in clock:
        seq = next_seq(previous, wall_s)
        assert previous < seq <= MAX_SEQ
        previous = seq


@pytest.mark.spec("REC-1")
def test_seq_grows_over_a_restart():
    before = next_seq(0, 1_800_000_000.0)
    assert next_seq(0, 1_800_000_001.0) > before == 1_800_000_000 * 10**9


@pytest.mark.spec("REC-9")
def test_bytes_are_kept_for_passing_on():
    data = seal_peer_record(KEY, 1, ADDRESSES).encode() + b"\x9a\x06\x01?"
    envelope = SignedEnvelope.decode(data)
    open_peer_record(envelope, KEY.peer_id)
    assert envelope.encode() == data


def test_one_key_one_id_for_records(ours):
    """An id that hashes a key which ids hold whole is nobody's."""
    hashed = PeerId(b"\x12\x20" + hashlib.sha256(ours.public_key.marshal()).digest())
    with pytest.raises(SignatureInvalid):
        open_peer_record(sealed_by(ours, record_bytes(hashed.to_bytes())), None)
