"""The handshake between two of ours: what is said when, what is checked, cuts, tampering."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher, Secured
from aiolibp2p.abc.machine import Output
from aiolibp2p.errors import ConfigError, HandshakeFailed, PeerIdMismatch, ProtocolViolation, RemoteError
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.secio import MAX_HANDSHAKE_MESSAGE_BYTES, Offer, SecioHandshake, SecioSecurity
from aiolibp2p.security.secio.messages import (
    Proposal,
    SignedKey,
    decode_proposal,
    decode_signed_key,
    encode_proposal,
    encode_signed_key,
    frame,
)

ALICE, BOB, CAROL = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (1, 2, 3))
OURS = Offer()
BOBS = b"P-256", b"AES-128", b"SHA256"


def start(key: PrivateKey, expected: PrivateKey | None = None, offer: Offer = OURS, seed: int = 0) -> SecioHandshake:
    """A machine whose randomness is its key's and the seed's."""
    security = SecioSecurity(key, Random(f"{key.peer_id}{seed}").randbytes, offer)
    return security.start(Role.INITIATOR, expected and expected.peer_id)


def shake_hands(one: SecioHandshake, other: SecioHandshake) -> tuple[Secured, Secured]:
    """Both speak at once, and answer what came; each says three things."""
    first, second = one.start().to_send, other.start().to_send
    for _ in range(2):
        from_one, from_other = one.receive_data(second), other.receive_data(first)
        assert from_one.events == from_other.events == ()
        first, second = from_one.to_send, from_other.to_send
    from_one, from_other = one.receive_data(second), other.receive_data(first)
    assert from_one.to_send == from_other.to_send == b""
    return from_one.events[0], from_other.events[0]


def carry(sender: Cipher, receiver: Cipher, plaintext: bytes) -> bytes:
    delivered: list[bytes] = []
    sealed = sender.encrypt(plaintext)
    assert receiver.decrypt(memoryview(sealed), delivered.append) == len(sealed)
    return b"".join(delivered)


def test_two_peers_know_each_other_and_share_keys() -> None:
    at_alice, at_bob = shake_hands(start(ALICE, BOB), start(BOB))
    assert (at_alice.remote_peer, at_alice.remote_key) == (BOB.peer_id, BOB.public_key)
    assert (at_bob.remote_peer, at_bob.remote_key) == (ALICE.peer_id, ALICE.public_key)
    assert at_alice.muxer is None
    for text in (b"one", b"two", b""):
        assert carry(at_alice.cipher, at_bob.cipher, text) == text
        assert carry(at_bob.cipher, at_alice.cipher, text) == text


@pytest.mark.parametrize("kind", ["ed25519", "secp256k1", "ecdsa", "rsa"])
def test_every_kind_of_identity(kind: str) -> None:
    key = PrivateKey.generate(kind)
    at_one, at_other = shake_hands(start(key, key), start(key, key, seed=1))
    assert at_one.remote_peer == at_other.remote_peer == key.peer_id


@pytest.mark.spec("SEC-1")
def test_a_proposal_says_who_and_what() -> None:
    asked: list[int] = []

    def entropy(n: int) -> bytes:
        asked.append(n)
        return bytes(range(n))

    security = SecioSecurity(ALICE, entropy)
    opening = security.start(Role.INITIATOR).start().to_send
    assert asked == [16]
    assert opening == security.start(Role.RESPONDER).start().to_send == frame(opening[4:])
    said = decode_proposal(opening[4:])
    assert said == Proposal(
        bytes(range(16)), ALICE.public_key.marshal(), b"P-256,P-384,P-521", b"AES-256,AES-128", b"SHA256,SHA512"
    )


@pytest.mark.spec("SEC-3")
def test_another_peer_than_the_one_expected_hears_no_more() -> None:
    ours = start(ALICE, CAROL)
    ours.start()
    with pytest.raises(PeerIdMismatch) as caught:
        ours.receive_data(start(BOB).start().to_send)
    assert (caught.value.expected, caught.value.actual) == (CAROL.peer_id, BOB.peer_id)


@pytest.mark.spec("SEC-4")
def test_a_connection_that_leads_back_to_us() -> None:
    ours = start(ALICE)
    with pytest.raises(HandshakeFailed, match="leads back to us"):
        ours.receive_data(ours.start().to_send)


@pytest.mark.spec("SEC-5")
@pytest.mark.parametrize(
    ("offer", "what"),
    [
        (Offer(exchanges=("P-384",)), "exchange"),
        (Offer(ciphers=("AES-256",)), "cipher"),
        (Offer(hashes=("SHA512",)), "hash"),
    ],
)
def test_nothing_in_common(offer: Offer, what: str) -> None:
    ours = start(ALICE, offer=offer)
    ours.start()
    with pytest.raises(HandshakeFailed, match=f"no secio {what} in common"):
        ours.receive_data(start(BOB, offer=Offer(("P-256", "P-521"), ("AES-128",), ("SHA256",))).start().to_send)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "nonce in the secio proposal has 0 bytes"),
        (b"\x0a", "not a valid protobuf message"),
        (encode_proposal(Proposal(bytes(15), BOB.public_key.marshal(), *BOBS)), "has 15 bytes, not 16"),
        (encode_proposal(Proposal(bytes(17), BOB.public_key.marshal(), *BOBS)), "has 17 bytes, not 16"),
        (encode_proposal(Proposal(bytes(16), b"", *BOBS)), "no public key"),
        (encode_proposal(Proposal(bytes(16), b"\x08\x07\x12\x00", *BOBS)), "not usable: unknown key type 7"),
    ],
)
def test_proposals_of_nobody(message: bytes, reason: str) -> None:
    with pytest.raises(HandshakeFailed, match=reason):
        start(ALICE).receive_data(frame(message))


def answered(change: Callable[[SignedKey, bytes, bytes], SignedKey]) -> Output[Secured]:
    """Alice's answer to Bob's exchange, changed; `change` gets it, Bob's proposal and Alice's."""
    alice, bob = start(ALICE), start(BOB)
    alices, bobs = alice.start().to_send, bob.start().to_send
    alice.receive_data(bobs)
    exchange = decode_signed_key(bob.receive_data(alices).to_send[4:])
    return alice.receive_data(frame(encode_signed_key(change(exchange, bobs[4:], alices[4:]))))


@pytest.mark.spec("SEC-7")
def test_what_is_signed() -> None:
    def check(exchange: SignedKey, bobs: bytes, alices: bytes) -> SignedKey:
        BOB.public_key.verify(bobs + alices + exchange.point, exchange.signature)
        return exchange

    assert answered(check).to_send


@pytest.mark.spec("SEC-7", "SEC-8")
@pytest.mark.parametrize(
    "signed",
    [
        lambda bobs, alices, point: ALICE.sign(bobs + alices + point),
        lambda bobs, alices, point: BOB.sign(alices + bobs + point),
        lambda bobs, alices, point: BOB.sign(bobs + alices),
        lambda bobs, alices, point: BOB.sign(bobs[:-1] + alices + point),
        lambda bobs, alices, point: BOB.sign(bobs + alices + point)[:-1],
    ],
)
def test_signatures_that_do_not_hold(signed: Callable[[bytes, bytes, bytes], bytes]) -> None:
    with pytest.raises(HandshakeFailed, match="signature in the secio exchange does not hold"):
        answered(lambda exchange, bobs, alices: SignedKey(exchange.point, signed(bobs, alices, exchange.point)))


@pytest.mark.spec("SEC-9")
def test_a_signed_point_that_is_none() -> None:
    def off_the_curve(exchange: SignedKey, bobs: bytes, alices: bytes) -> SignedKey:
        point = exchange.point[:-1] + bytes([exchange.point[-1] ^ 1])
        return SignedKey(point, BOB.sign(bobs + alices + point))

    with pytest.raises(HandshakeFailed, match="not an uncompressed point of P-256"):
        answered(off_the_curve)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x0a", "not a valid protobuf message"),
        (encode_signed_key(SignedKey(b"", b"signature")), "no ephemeral key"),
        (encode_signed_key(SignedKey(b"\x04", b"")), "no signature"),
    ],
)
def test_exchanges_of_nothing(message: bytes, reason: str) -> None:
    ours = start(ALICE)
    ours.receive_data(start(BOB).start().to_send)
    with pytest.raises(HandshakeFailed, match=reason):
        ours.receive_data(frame(message))


def before_the_proof() -> tuple[SecioHandshake, bytes]:
    """Alice, waiting for her nonce, and the frame that Bob sends it in."""
    alice, bob = start(ALICE), start(BOB)
    first, second = alice.start().to_send, bob.start().to_send
    for _ in range(2):
        first, second = alice.receive_data(second).to_send, bob.receive_data(first).to_send
    return alice, second


@pytest.mark.spec("SEC-16")
def test_nothing_is_handed_out_before_the_nonce_came_back() -> None:
    alice, proof = before_the_proof()
    assert len(proof) == 4 + 16 + 32
    assert alice.receive_data(proof[:-1]) == Output()
    assert alice.receive_data(proof[-1:]).events[0].remote_peer == BOB.peer_id


@pytest.mark.spec("SEC-15", "SEC-16")
@given(st.integers(32, 52 * 8 - 1))
def test_a_first_frame_that_is_spoilt(bit: int) -> None:
    alice, proof = before_the_proof()
    spoilt = bytearray(proof)
    spoilt[bit // 8] ^= 1 << bit % 8
    with pytest.raises(HandshakeFailed, match="the peer's keys are not ours"):
        alice.receive_data(spoilt)
    with pytest.raises(HandshakeFailed, match="over"):
        alice.receive_data(proof)


def test_a_first_frame_shorter_than_its_hmac() -> None:
    alice, _ = before_the_proof()
    with pytest.raises(HandshakeFailed, match="shorter than its HMAC"):
        alice.receive_data(frame(bytes(31)))


@pytest.mark.spec("SEC-2")
@pytest.mark.parametrize("length", [MAX_HANDSHAKE_MESSAGE_BYTES + 1, 0x7FFFFF, 0x800000, 2**32 - 1])
@pytest.mark.parametrize("step", range(3))
def test_a_message_over_the_limit_is_refused_by_its_length(step: int, length: int) -> None:
    alice, bob = start(ALICE), start(BOB)
    first, second = alice.start().to_send, bob.start().to_send
    for _ in range(step):
        first, second = alice.receive_data(second).to_send, bob.receive_data(first).to_send
    with pytest.raises(ProtocolViolation, match=f"of {length} bytes, at most {MAX_HANDSHAKE_MESSAGE_BYTES}"):
        alice.receive_data(length.to_bytes(4, "big"))


def test_a_message_at_the_limit() -> None:
    said = start(BOB).start().to_send[4:]
    padding = MAX_HANDSHAKE_MESSAGE_BYTES - len(said) - 3
    padded = said + b"\x7a" + bytes([padding & 127 | 128, padding >> 7]) + bytes(padding)
    assert len(padded) == MAX_HANDSHAKE_MESSAGE_BYTES
    assert start(ALICE).receive_data(frame(padded)).to_send


def recorded() -> tuple[bytes, bytes]:
    """All that Bob says to Alice, and the first frame behind it."""
    alice, bob = start(ALICE), start(BOB)
    first, second = alice.start().to_send, bob.start().to_send
    said = second
    for _ in range(2):
        first, second = alice.receive_data(second).to_send, bob.receive_data(first).to_send
        said += second
    return said, bytes(bob.receive_data(first).events[0].cipher.encrypt(b"behind"))


SAID, BEHIND = recorded()


def run(machine: SecioHandshake, chunks: Sequence[bytes]) -> Output[Secured]:
    machine.start()
    events: tuple[Secured, ...] = ()
    to_send = trailing = b""
    for chunk in chunks:
        if events:
            trailing += chunk
            continue
        output = machine.receive_data(chunk)
        events, to_send, trailing = output.events, to_send + output.to_send, output.trailing
    return Output(events, to_send, trailing)


@settings(max_examples=30)
@given(st.lists(st.integers(0, len(SAID + BEHIND)), max_size=8))
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    wire = SAID + BEHIND
    whole = run(start(ALICE), [wire])
    output = run(start(ALICE), [wire[a:b] for a, b in itertools.pairwise([0, *sorted(cuts), len(wire)])])
    assert output.to_send == whole.to_send
    assert output.trailing == whole.trailing == BEHIND
    opened: list[bytes] = []
    output.events[0].cipher.decrypt(memoryview(output.trailing), opened.append)
    assert opened == [b"behind"]


def test_byte_by_byte() -> None:
    output = run(start(ALICE), [bytes([byte]) for byte in SAID + BEHIND])
    assert [event.remote_peer for event in output.events] == [BOB.peer_id]
    assert output.trailing == BEHIND


def test_views_are_taken_and_not_kept() -> None:
    ours = start(ALICE)
    buffer = bytearray(SAID)
    ours.receive_data(memoryview(buffer)[:50])
    tail = bytes(buffer[50:])
    buffer[:] = bytes(len(buffer))
    assert ours.receive_data(tail).events[0].remote_peer == BOB.peer_id


@pytest.mark.spec("SEC-7", "SEC-8")
@settings(max_examples=60)
@given(st.integers(0, len(SAID) * 8 - 1))
def test_a_flipped_bit_anywhere_ends_it(bit: int) -> None:
    spoilt = bytearray(SAID)
    spoilt[bit // 8] ^= 1 << bit % 8
    ours = start(ALICE)
    with pytest.raises((HandshakeFailed, ProtocolViolation)):
        run(ours, [bytes(spoilt)])
        ours.receive_eof()


@settings(max_examples=50)
@given(st.binary(max_size=400), st.booleans())
def test_garbage_raises_remote_errors_only(data: bytes, framed: bool) -> None:
    try:
        output = start(ALICE).receive_data(frame(data) if framed else data)
    except RemoteError:
        return
    assert output.events == ()


def test_the_end_of_input() -> None:
    alice, bob = start(ALICE), start(BOB)
    first, second = alice.start().to_send, bob.start().to_send
    for what in ("proposal", "exchange", "proof that its keys are ours"):
        with pytest.raises(HandshakeFailed, match=f"before its secio {what}"):
            alice.receive_eof()
        first, second = alice.receive_data(second).to_send, bob.receive_data(first).to_send
    alice.receive_eof()


def test_a_prologue_is_ours_to_avoid() -> None:
    with pytest.raises(ConfigError, match="prologue"):
        SecioSecurity(ALICE, Random(0).randbytes).start(Role.INITIATOR, None, b"bind this")
