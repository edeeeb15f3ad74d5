"""The exchange of ids and keys: what is said, what is checked, and where it ends."""

from __future__ import annotations

import itertools

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Secured
from aiolibp2p.abc.machine import ByteMachine, Output
from aiolibp2p.errors import ConfigError, HandshakeFailed, PeerIdMismatch, ProtocolViolation, RemoteError
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.keys import PrivateKey, PublicKey
from aiolibp2p.security.plaintext import MAX_EXCHANGE_BYTES, PlaintextSecurity

ALICE, BOB, CAROL = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (1, 2, 3))


def machine(key: PrivateKey, role: Role = Role.INITIATOR) -> ByteMachine[Secured]:
    return PlaintextSecurity(key).start(role)


def field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint.encode(len(data)) + data


def exchange(*fields: tuple[int, bytes]) -> bytes:
    """A message made by hand."""
    message = b"".join(field(number, data) for number, data in fields)
    return varint.encode(len(message)) + message


def honest(key: PublicKey) -> bytes:
    return exchange((1, key.peer_id.to_bytes()), (2, key.marshal()))


def fed(data: bytes, expected: PrivateKey | None = None, role: Role = Role.INITIATOR) -> Output[Secured]:
    listener = PlaintextSecurity(ALICE).start(role, expected and expected.peer_id)
    listener.start()
    return listener.receive_data(data)


@pytest.mark.spec("PLT-1")
@pytest.mark.parametrize("role", list(Role))
def test_both_sides_speak_at_once_and_answer_nothing(role: Role) -> None:
    ours = PlaintextSecurity(ALICE).start(role)
    assert ours.start() == Output(to_send=honest(ALICE.public_key))
    output = ours.receive_data(honest(BOB.public_key))
    assert output.to_send == b""
    assert len(output.events) == 1


@pytest.mark.spec("PLT-2")
@pytest.mark.parametrize("kind", ["ed25519", "secp256k1", "ecdsa", "rsa"])
def test_the_message_holds_the_multihash_and_the_key_as_a_message(kind: str) -> None:
    key = PrivateKey.generate(kind)
    assert machine(key).start().to_send == honest(key.public_key)
    assert fed(honest(key.public_key)).events[0].remote_key == key.public_key


@pytest.mark.spec("PLT-2")
def test_the_keys_fields_come_in_any_order() -> None:
    marshalled = BOB.public_key.marshal()
    turned = marshalled[2:] + marshalled[:2]
    assert fed(exchange((2, turned), (1, BOB.peer_id.to_bytes()))).events[0].remote_peer == BOB.peer_id


def test_unknown_fields_are_skipped() -> None:
    identity = (1, BOB.peer_id.to_bytes()), (2, BOB.public_key.marshal())
    assert fed(exchange(*identity, (9, b"more"))).events[0].remote_peer == BOB.peer_id


@pytest.mark.spec("PLT-9")
def test_both_sides_learn_id_and_key() -> None:
    dialer, listener = machine(ALICE), machine(BOB, Role.RESPONDER)
    there = dialer.receive_data(listener.start().to_send).events[0]
    here = listener.receive_data(dialer.start().to_send).events[0]
    assert (there.remote_peer, there.remote_key) == (BOB.peer_id, BOB.public_key)
    assert (here.remote_peer, here.remote_key) == (ALICE.peer_id, ALICE.public_key)
    assert there.muxer is here.muxer is None


@pytest.mark.spec("PLT-3", "PLT-5")
@pytest.mark.parametrize("role", list(Role))
def test_an_id_that_is_not_the_keys(role: Role) -> None:
    forged = exchange((1, CAROL.peer_id.to_bytes()), (2, BOB.public_key.marshal()))
    ours = PlaintextSecurity(ALICE).start(role)
    ours.start()
    with pytest.raises(HandshakeFailed, match=f"claims to be of peer {CAROL.peer_id}, but its key is {BOB.peer_id}'s"):
        ours.receive_data(forged + b"first")
    with pytest.raises(HandshakeFailed, match="over"):
        ours.receive_data(honest(BOB.public_key))


@pytest.mark.spec("PLT-4", "PLT-5")
@pytest.mark.parametrize("role", list(Role))
def test_another_peer_than_the_one_expected(role: Role) -> None:
    assert fed(honest(BOB.public_key), BOB, role).events[0].remote_peer == BOB.peer_id
    with pytest.raises(PeerIdMismatch) as caught:
        fed(honest(BOB.public_key), CAROL, role)
    assert (caught.value.expected, caught.value.actual) == (CAROL.peer_id, BOB.peer_id)


ID, KEY = BOB.peer_id.to_bytes(), BOB.public_key.marshal()


@pytest.mark.spec("PLT-5")
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (exchange((1, ID)), "no public key"),
        (exchange((2, KEY)), "no peer id"),
        (exchange((1, b""), (2, KEY)), "no peer id"),
        (b"\x00", "no public key"),
        (b"\x01\x0a", "not a valid protobuf message"),
        (exchange((1, ID), (2, b"")), "lacks its data"),
        (exchange((1, ID), (2, KEY[2:])), "lacks its data"),
        (exchange((1, ID), (2, b"\x08\x09" + KEY[2:])), "lacks its data"),
        (exchange((1, ID), (2, KEY[:3] + b"\x1f" + KEY[4:-1])), "not usable"),
        (exchange((1, ID), (2, KEY + b"\x18\x01")), "not usable"),
        (exchange((1, b"nonsense"), (2, KEY)), "not usable: a peer id is"),
    ],
)
def test_messages_that_say_nobody(data: bytes, reason: str) -> None:
    with pytest.raises(HandshakeFailed, match=reason):
        fed(data)


def test_a_message_over_the_limit_is_refused_by_its_length() -> None:
    long = exchange((1, ID), (2, KEY), (3, bytes(MAX_EXCHANGE_BYTES - len(exchange((1, ID), (2, KEY))) - 2)))
    assert long[:2] == varint.encode(MAX_EXCHANGE_BYTES)
    assert fed(long).events
    with pytest.raises(ProtocolViolation, match=f"{MAX_EXCHANGE_BYTES + 1} bytes is over the limit"):
        fed(varint.encode(MAX_EXCHANGE_BYTES + 1))


def test_a_length_that_is_none() -> None:
    with pytest.raises(ProtocolViolation, match="not a message"):
        fed(b"\x80\x00")


def test_the_largest_identity_fits() -> None:
    numbers = rsa.RSAPublicNumbers(65537, 2**8191 + 1)  # to generate such a key takes seconds
    der = numbers.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = PublicKey.unmarshal(b"\x08\x00" + field(2, der))
    assert len(honest(key)) == 2 + 1106
    assert fed(honest(key)).events[0].remote_peer == key.peer_id


@pytest.mark.spec("PLT-6")
@settings(max_examples=30)
@given(st.binary(max_size=50), st.lists(st.integers(0, 150), max_size=6))
def test_bytes_behind_the_message_are_kept_however_it_is_cut(behind: bytes, cuts: list[int]) -> None:
    wire = honest(BOB.public_key) + behind
    ours = machine(ALICE)
    ours.start()
    got: list[Secured] = []
    rest = b""
    for start, stop in itertools.pairwise([0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]):
        if got:
            rest += wire[start:stop]
            continue
        output = ours.receive_data(memoryview(wire)[start:stop])
        got += output.events
        rest += output.trailing
    assert [one.remote_peer for one in got] == [BOB.peer_id]
    assert rest == behind


def test_byte_by_byte() -> None:
    ours = machine(ALICE)
    ours.start()
    events = [event for byte in honest(BOB.public_key) for event in ours.receive_data(bytes([byte])).events]
    assert [event.remote_peer for event in events] == [BOB.peer_id]


def test_views_are_taken_and_not_kept() -> None:
    ours = machine(ALICE)
    ours.start()
    buffer = bytearray(honest(BOB.public_key))
    tail = bytes(buffer[20:])
    ours.receive_data(memoryview(buffer)[:20])
    buffer[:] = bytes(len(buffer))
    assert ours.receive_data(tail).events[0].remote_peer == BOB.peer_id


@settings(max_examples=100)
@given(st.binary(max_size=200), st.booleans())
def test_garbage_raises_remote_errors_only(data: bytes, framed: bool) -> None:
    try:
        output = fed(varint.encode(len(data)) + data if framed else data)
    except RemoteError:
        return
    assert output.events == ()


def test_the_end_of_input() -> None:
    ours = machine(ALICE)
    ours.start()
    ours.receive_data(honest(BOB.public_key)[:-1])
    with pytest.raises(HandshakeFailed, match="before its plaintext exchange was whole"):
        ours.receive_eof()
    ours.receive_data(honest(BOB.public_key)[-1:])
    ours.receive_eof()


def test_a_prologue_is_ours_to_avoid() -> None:
    with pytest.raises(ConfigError, match="prologue"):
        PlaintextSecurity(ALICE).start(Role.INITIATOR, None, b"bind this")
