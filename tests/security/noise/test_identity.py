"""A peer that speaks Noise well and lies in its payload, or in its keys."""

from __future__ import annotations

import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import EarlyData, Secured
from aiolibp2p.abc.machine import ByteMachine, Output
from aiolibp2p.errors import HandshakeFailed
from aiolibp2p.peer import keys_pb2
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.noise.noise_pb2 import NoiseHandshakePayload
from aiolibp2p.security.noise.xx import KeyPair, XXHandshake
from support.offers import Offers

OURS, THEIRS, OTHER = (PrivateKey.generate("ed25519") for _ in range(3))
STATIC, EPHEMERAL = KeyPair(b"\x01" * 32), KeyPair(b"\x02" * 32)
PREFIX = b"noise-libp2p-static-key:"
KEY, SIGNATURE = THEIRS.public_key.marshal(), THEIRS.sign(PREFIX + STATIC.public)

# Points of small order on the curve or its twist (RFC 7748, section 6.1): every secret with them is zero.
LOW_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]


class Liar(KeyPair):
    """A key pair that shows a public key it has no private one for."""

    def __init__(self, public: bytes) -> None:
        super().__init__(b"\x03" * 32)
        self.public = public


def field(number: int, content: bytes) -> bytes:
    """A protobuf field of bytes, written by hand."""
    tag = number << 3 | 2
    head = bytes([tag]) if tag < 128 else bytes([tag & 0x7F | 0x80, tag >> 7])
    assert tag < 1 << 14
    assert len(content) < 128
    return head + bytes([len(content)]) + content


GOOD = field(1, KEY) + field(2, SIGNATURE)


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def ours(role: Role) -> ByteMachine[Secured]:
    return NoiseSecurity(OURS, lambda n: b"\x07" * n).start(role, muxers=["/yamux/1.0.0"])


def meet(role: Role, payload: bytes, stranger: XXHandshake | None = None) -> Output[Secured]:
    """Our machine, in `role`, meets a peer that sends `payload` in its message."""
    machine = ours(role)
    stranger = stranger or XXHandshake(STATIC, EPHEMERAL)
    opening = machine.start().to_send
    if role is Role.INITIATOR:
        stranger.read_first(opening[2:])
        return machine.receive_data(frame(stranger.write_second(payload)))
    stranger.read_second(machine.receive_data(frame(stranger.write_first())).to_send[2:])
    return machine.receive_data(frame(stranger.write_third(payload)))


both_roles = pytest.mark.parametrize("role", list(Role))


@both_roles
@pytest.mark.spec("NOI-8", "NOI-9", "NOI-10", "NOI-19")
def test_the_truth(role: Role) -> None:
    (secured,) = meet(role, GOOD).events
    assert secured.remote_peer == THEIRS.peer_id
    assert secured.muxer is None
    assert secured.early_data == EarlyData()


def statics(security: NoiseSecurity) -> bytes:
    """The static key that two handshakes of a host show."""
    seen = []
    for _ in range(2):
        stranger = XXHandshake(STATIC, EPHEMERAL)
        machine = security.start(Role.RESPONDER)
        stranger.read_second(machine.receive_data(frame(stranger.write_first())).to_send[2:])
        seen.append(stranger.remote_static)
    assert seen[0] == seen[1]
    return seen[0]


@pytest.mark.spec("NOI-7")
def test_the_static_key_is_made_from_entropy_and_not_from_the_identity() -> None:
    draws = [bytes([draw]) * 32 for draw in range(1, 7)]
    entropy = iter(draws)
    first, second = (statics(NoiseSecurity(OURS, lambda n: next(entropy))) for _ in range(2))
    assert (first, second) == (KeyPair(draws[0]).public, KeyPair(draws[3]).public)
    assert first not in OURS.public_key.marshal()


@pytest.mark.spec("NOI-14")
def test_early_data_changes_nothing_for_the_next_handshake() -> None:
    yamux, mplex = "/yamux/1.0.0", "/mplex/6.7.0"
    security = Offers(NoiseSecurity(OURS, lambda n: b"\x07" * n), [yamux, mplex])
    answers = []
    for wanted in (mplex, mplex, yamux):
        stranger = XXHandshake(STATIC, EPHEMERAL)
        machine = security.start(Role.RESPONDER)
        answers.append(stranger.read_second(machine.receive_data(frame(stranger.write_first())).to_send[2:]))
        told = GOOD + field(4, field(2, wanted.encode()))
        (secured,) = machine.receive_data(frame(stranger.write_third(told))).events
        assert (secured.muxer, secured.early_data) == (wanted, EarlyData((wanted,)))
    assert answers == [answers[0]] * 3


@pytest.mark.spec("NOI-14")
def test_early_data_that_was_recorded_is_of_no_use_in_another_handshake() -> None:
    draws = iter([bytes([draw]) * 32 for draw in range(1, 9)])
    security = NoiseSecurity(OURS, lambda n: next(draws))
    stranger = XXHandshake(STATIC, EPHEMERAL)
    machine = security.start(Role.RESPONDER)
    stranger.read_second(machine.receive_data(frame(stranger.write_first())).to_send[2:])
    recorded = frame(stranger.write_third(GOOD))
    assert machine.receive_data(recorded).events[0].remote_peer == THEIRS.peer_id
    again = security.start(Role.RESPONDER)
    again.receive_data(frame(XXHandshake(STATIC, EPHEMERAL).write_first()))
    with pytest.raises(HandshakeFailed, match="does not authenticate"):
        again.receive_data(recorded)


@both_roles
@pytest.mark.spec("NOI-14")
def test_data_of_an_application_is_nobodys(role: Role) -> None:
    """All that is taken from a payload, or put into one, is libp2p's own: there is no place for anything else."""
    (secured,) = meet(role, GOOD + field(3, b"application data") + field(4, field(9, b"more"))).events
    assert secured.early_data == EarlyData()
    assert [one.name for one in dataclasses.fields(EarlyData)] == ["stream_muxers", "webtransport_certhashes"]


@both_roles
@pytest.mark.spec("NOI-8", "NOI-9", "NOI-13", "NOI-14", "NOI-19")
def test_what_we_send_is_a_bare_payload(role: Role) -> None:
    stranger = XXHandshake(STATIC, EPHEMERAL)
    machine = ours(role)
    opening = machine.start().to_send
    if role is Role.INITIATOR:
        stranger.read_first(opening[2:])
        sent = stranger.read_third(machine.receive_data(frame(stranger.write_second(GOOD))).to_send[2:])
    else:
        sent = stranger.read_second(machine.receive_data(frame(stranger.write_first())).to_send[2:])
    signature = OURS.sign(PREFIX + stranger.remote_static)
    extensions = field(4, field(2, b"/yamux/1.0.0"))
    assert sent == field(1, OURS.public_key.marshal()) + field(2, signature) + extensions


@both_roles
@pytest.mark.spec("NOI-17", "XC-4", "XC-5")
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(field(2, SIGNATURE) + field(1, KEY), id="another order"),
        pytest.param(GOOD + field(3, b"application data"), id="the field that was data once"),
        pytest.param(field(1025, b"experiment") + GOOD + field(5, b"?"), id="unknown fields"),
        pytest.param(GOOD + field(4, field(3, b"?") + field(1999, b"?")), id="unknown extensions"),
    ],
)
def test_harmless_differences(role: Role, payload: bytes) -> None:
    assert meet(role, payload).events[0].remote_peer == THEIRS.peer_id


def changed(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@both_roles
@pytest.mark.spec("NOI-10", "NOI-15", "NOI-23")
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", "no noise handshake payload", id="nothing"),
        pytest.param(field(2, SIGNATURE), "no identity key", id="no key"),
        pytest.param(field(1, b"") + field(2, SIGNATURE), "no identity key", id="an empty key"),
        pytest.param(field(1, KEY), "no identity signature", id="no signature"),
        pytest.param(field(1, KEY) + field(2, b""), "no identity signature", id="an empty signature"),
        pytest.param(b"\x0a\xff", "not a valid protobuf", id="not protobuf"),
        pytest.param(frame(GOOD), "not a valid protobuf|no identity key", id="an inner length"),
        pytest.param(field(1, b"\x08\x01\x12\x00") + field(2, SIGNATURE), "key .* not usable", id="a broken key"),
        pytest.param(field(1, KEY[:-1]) + field(2, SIGNATURE), "key .* not usable", id="a short key"),
        pytest.param(field(1, KEY) + field(2, changed(SIGNATURE)), "does not hold", id="a changed signature"),
        pytest.param(field(1, KEY) + field(2, b"x"), "does not hold", id="a short signature"),
        pytest.param(
            field(1, OTHER.public_key.marshal()) + field(2, SIGNATURE), "does not hold", id="another's identity"
        ),
        pytest.param(
            field(1, KEY) + field(2, THEIRS.sign(PREFIX + EPHEMERAL.public)), "does not hold", id="another static key"
        ),
        pytest.param(field(1, KEY) + field(2, THEIRS.sign(STATIC.public)), "does not hold", id="no prefix"),
        pytest.param(GOOD + field(4, field(2, b"\xff")), "not UTF-8", id="a muxer that is not text"),
        pytest.param(GOOD + field(4, field(2, b"/mplex/6.7.0")), "no stream muxer in common", id="other muxers"),
    ],
)
def test_lies(role: Role, payload: bytes, reason: str) -> None:
    with pytest.raises(HandshakeFailed, match=reason):
        meet(role, payload)


@both_roles
@pytest.mark.parametrize("bits", [1024, 8193])
def test_an_rsa_key_too_small_or_too_large_is_refused_before_its_signature(role: Role, bits: int) -> None:
    modulus = rsa.RSAPublicNumbers(65537, (1 << bits - 1) + 1).public_key()
    der = modulus.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    identity = keys_pb2.PublicKey(type=0, data=der).SerializeToString()
    payload = NoiseHandshakePayload(identity_key=identity, identity_sig=bytes(bits // 8)).SerializeToString()
    with pytest.raises(HandshakeFailed, match=f"key .* not usable: .*{bits} bits"):
        meet(role, payload)


@pytest.mark.spec("NOI-25")
@pytest.mark.parametrize("point", LOW_ORDER)
def test_an_ephemeral_key_of_low_order(point: bytes) -> None:
    with pytest.raises(HandshakeFailed, match="ephemeral key is a point of low order"):
        ours(Role.RESPONDER).receive_data(frame(point))
    initiator = ours(Role.INITIATOR)
    initiator.start()
    with pytest.raises(HandshakeFailed, match="ephemeral key is a point of low order"):
        initiator.receive_data(frame(point + bytes(64)))


@both_roles
@pytest.mark.spec("NOI-25")
@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_static_key_of_low_order(role: Role, point: bytes) -> None:
    payload = field(1, KEY) + field(2, THEIRS.sign(PREFIX + point))
    with pytest.raises(HandshakeFailed, match="static key is a point of low order"):
        meet(role, payload, XXHandshake(Liar(point), EPHEMERAL))


@pytest.mark.spec("NOI-10")
def test_a_recorded_proof_is_of_no_use_to_another() -> None:
    """A peer that replays an identity's key, signature and static key lacks the static private key."""
    with pytest.raises(HandshakeFailed, match="payload of noise message 2 does not authenticate"):
        meet(Role.INITIATOR, GOOD, XXHandshake(Liar(STATIC.public), EPHEMERAL))
    with pytest.raises(HandshakeFailed, match="payload of noise message 3 does not authenticate"):
        meet(Role.RESPONDER, GOOD, XXHandshake(Liar(STATIC.public), EPHEMERAL))


@both_roles
@pytest.mark.spec("NOI-10", "NOI-15")
def test_who_was_believed_once_is_not_believed_everything(role: Role) -> None:
    """A proof that held is remembered; another one of the same peer is not taken for it, however often it comes."""
    for _ in range(2):
        assert meet(role, GOOD).events[0].remote_peer == THEIRS.peer_id
        for lie in (
            field(1, KEY) + field(2, changed(SIGNATURE)),
            field(1, OTHER.public_key.marshal()) + field(2, SIGNATURE),
            field(1, KEY) + field(2, THEIRS.sign(PREFIX + EPHEMERAL.public)),
        ):
            with pytest.raises(HandshakeFailed, match="does not hold"):
                meet(role, lie)
        with pytest.raises(HandshakeFailed, match="does not hold"):
            meet(role, GOOD, XXHandshake(EPHEMERAL, STATIC))
