"""The libp2p handshake between two of ours: agreement, early data, cuts, tampering."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Cipher, EarlyData, Secured
from aiolibp2p.abc.machine import ByteMachine, Output
from aiolibp2p.errors import HandshakeFailed, PeerIdMismatch, ProtocolViolation, RemoteError
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import MAX_HANDSHAKE_MESSAGE_BYTES, NoiseSecurity
from support.offers import Offers

YAMUX, MPLEX = "/yamux/1.0.0", "/mplex/6.7.0"
ALICE, BOB = PrivateKey.generate("ed25519"), PrivateKey.generate("ed25519")


class Entropy:
    """Different bytes at every call, the same in every run."""

    def __init__(self, start: int) -> None:
        self._numbers = itertools.count(start)

    def __call__(self, n: int) -> bytes:
        return next(self._numbers).to_bytes(n, "big")


def noise(
    key: PrivateKey, muxers: Sequence[str] = (), certhashes: Sequence[bytes] = (), start: int = 1
) -> NoiseSecurity:
    return Offers(NoiseSecurity(key, Entropy(start), certhashes), muxers)


Pair = tuple[ByteMachine[Secured], ByteMachine[Secured]]


def pair(alice_muxers: Sequence[str] = (), bob_muxers: Sequence[str] = (), prologue: bytes = b"") -> Pair:
    initiator = noise(ALICE, alice_muxers).start(Role.INITIATOR, BOB.peer_id, prologue)
    return initiator, noise(BOB, bob_muxers, start=1000).start(Role.RESPONDER, None, prologue)


def shake_hands(initiator: ByteMachine[Secured], responder: ByteMachine[Secured]) -> tuple[Secured, Secured]:
    assert responder.start() == Output()
    second = responder.receive_data(initiator.start().to_send)
    assert second.events == ()
    third = initiator.receive_data(second.to_send)
    last = responder.receive_data(third.to_send)
    assert last.to_send == b""
    return third.events[0], last.events[0]


def carry(sender: Cipher, receiver: Cipher, plaintext: bytes) -> bytes:
    out = memoryview(bytearray(len(plaintext) + sender.overhead))
    size = sender.encrypt_into(plaintext, out)
    delivered: list[bytes] = []
    assert receiver.decrypt(out[:size], delivered.append) == size
    return b"".join(delivered)


def run(machine: ByteMachine[Secured], chunks: Sequence[bytes]) -> Output[Secured]:
    events: tuple[Secured, ...] = ()
    to_send = trailing = b""
    for chunk in chunks:
        if events:
            trailing += chunk
            continue
        output = machine.receive_data(chunk)
        events, to_send, trailing = output.events, to_send + output.to_send, output.trailing
    return Output(events, to_send, trailing)


@pytest.mark.spec("NOI-3", "NOI-8", "NOI-9")
def test_two_peers_know_each_other_and_share_keys() -> None:
    at_alice, at_bob = shake_hands(*pair())
    assert (at_alice.remote_peer, at_alice.remote_key) == (BOB.peer_id, BOB.public_key)
    assert (at_bob.remote_peer, at_bob.remote_key) == (ALICE.peer_id, ALICE.public_key)
    for text in (b"one", b"two", b""):
        assert carry(at_alice.cipher, at_bob.cipher, text) == text
        assert carry(at_bob.cipher, at_alice.cipher, text) == text


@pytest.mark.parametrize("kind", ["ed25519", "secp256k1", "ecdsa", "rsa"])
def test_every_kind_of_identity(kind: str) -> None:
    key = PrivateKey.generate(kind)
    initiator = noise(key).start(Role.INITIATOR, key.peer_id)
    at_initiator, at_responder = shake_hands(initiator, noise(key, start=1000).start(Role.RESPONDER, key.peer_id))
    assert at_initiator.remote_peer == at_responder.remote_peer == key.peer_id


@pytest.mark.spec("NOI-12", "INMUX-5")
def test_message_1_is_an_ephemeral_key_and_nothing_else() -> None:
    initiator, _ = pair([YAMUX])
    opening = initiator.start().to_send
    assert opening[:2] == b"\x00\x20"
    assert len(opening) == 34


@pytest.mark.spec("NOI-12")
def test_a_payload_in_message_1_is_refused() -> None:
    _, responder = pair()
    with pytest.raises(ProtocolViolation, match="message 1 has a payload"):
        responder.receive_data(b"\x00\x21" + bytes(range(33)))


@pytest.mark.spec("NOI-26", "INMUX-10")
def test_nothing_is_handed_out_before_the_last_message_is_verified() -> None:
    initiator, responder = pair([YAMUX], [YAMUX])
    second = responder.receive_data(initiator.start().to_send)
    third = initiator.receive_data(second.to_send)
    assert second.events == ()
    assert responder.receive_data(third.to_send[:-1]) == Output()
    assert responder.receive_data(third.to_send[-1:]).events[0].muxer == YAMUX


@pytest.mark.spec("NOI-7")
def test_static_keys_last_and_ephemeral_keys_do_not() -> None:
    security, other = noise(ALICE), noise(ALICE, start=500)
    openings = {security.start(Role.INITIATOR).start().to_send for _ in range(5)}
    assert len(openings) == 5
    assert security.start(Role.RESPONDER).start() == Output()
    shake_hands(security.start(Role.INITIATOR), noise(BOB, start=1000).start(Role.RESPONDER, ALICE.peer_id))
    shake_hands(other.start(Role.INITIATOR), noise(BOB, start=1000).start(Role.RESPONDER, ALICE.peer_id))


class TestExpectedPeer:
    @pytest.mark.spec("NOI-11")
    def test_the_initiator_proves_nothing_to_a_stranger(self) -> None:
        mallory = PrivateKey.generate("ed25519")
        initiator = noise(ALICE).start(Role.INITIATOR, BOB.peer_id)
        responder = noise(mallory, start=1000).start(Role.RESPONDER)
        second = responder.receive_data(initiator.start().to_send)
        with pytest.raises(PeerIdMismatch) as caught:
            initiator.receive_data(second.to_send)
        assert str(BOB.peer_id) in str(caught.value)
        assert str(mallory.peer_id) in str(caught.value)

    def test_a_responder_may_expect_somebody_too(self) -> None:
        initiator = noise(ALICE).start(Role.INITIATOR)
        responder = noise(BOB, start=1000).start(Role.RESPONDER, BOB.peer_id)
        with pytest.raises(PeerIdMismatch):
            shake_hands(initiator, responder)


class TestEarlyData:
    @pytest.mark.spec("INMUX-6")
    def test_the_example_of_the_spec(self) -> None:
        at_alice, at_bob = shake_hands(*pair([YAMUX, MPLEX], [MPLEX, YAMUX]))
        assert at_alice.muxer == at_bob.muxer == YAMUX

    @pytest.mark.spec("INMUX-6", "INMUX-7")
    @given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
    def test_the_initiators_first_that_both_have(self, alice: list[str], bob: list[str]) -> None:
        machines = pair(alice, bob)
        common = [muxer for muxer in alice if muxer in bob]
        if alice and bob and not common:
            with pytest.raises(HandshakeFailed, match="no stream muxer in common"):
                shake_hands(*machines)
            return
        at_alice, at_bob = shake_hands(*machines)
        assert at_alice.muxer == at_bob.muxer == (common[0] if common else None)

    @pytest.mark.spec("INMUX-8")
    def test_nothing_in_common_fails_before_message_3(self) -> None:
        initiator, responder = pair([YAMUX], [MPLEX])
        with pytest.raises(HandshakeFailed, match=f"we have {YAMUX}, the peer '{MPLEX}'"):
            initiator.receive_data(responder.receive_data(initiator.start().to_send).to_send)

    @pytest.mark.spec("INMUX-9")
    @pytest.mark.parametrize(("alice", "bob"), [([YAMUX], []), ([], [YAMUX]), ([], [])])
    def test_a_peer_without_a_list(self, alice: list[str], bob: list[str]) -> None:
        at_alice, at_bob = shake_hands(*pair(alice, bob))
        assert at_alice.muxer is None
        assert at_bob.muxer is None

    @pytest.mark.spec("NOI-13", "NOI-15", "NOI-16", "INMUX-5")
    def test_it_comes_out_as_it_went_in(self) -> None:
        certhashes = (b"\x12\x20" + bytes(32), b"\x00\x01x", b"")
        initiator = noise(ALICE, [MPLEX, YAMUX]).start(Role.INITIATOR)
        responder = noise(BOB, [YAMUX], certhashes, start=1000).start(Role.RESPONDER)
        at_alice, at_bob = shake_hands(initiator, responder)
        assert at_alice.early_data == EarlyData((YAMUX,), certhashes)
        assert at_bob.early_data == EarlyData((MPLEX, YAMUX), ())


class TestCuts:
    @pytest.mark.spec("NOI-4")
    def test_byte_by_byte(self) -> None:
        initiator, responder = pair([YAMUX], [YAMUX])
        first = initiator.start().to_send
        second = run(responder, [bytes([byte]) for byte in first]).to_send
        third = run(initiator, [bytes([byte]) for byte in second])
        last = run(responder, [bytes([byte]) for byte in third.to_send])
        assert carry(third.events[0].cipher, last.events[0].cipher, b"hello") == b"hello"

    @settings(max_examples=25)
    @given(st.binary(max_size=100), st.data())
    def test_bytes_behind_the_last_message_are_trailing(self, trailing: bytes, data: st.DataObject) -> None:
        initiator, responder = pair()
        first = initiator.start().to_send
        third = initiator.receive_data(responder.receive_data(first).to_send)
        whole = third.to_send + trailing
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
        output = run(responder, [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)])
        assert len(output.events) == 1
        assert output.trailing == trailing

    def test_views_are_taken_and_not_kept(self) -> None:
        initiator, responder = pair()
        buffer = bytearray(initiator.start().to_send)
        responder.receive_data(memoryview(buffer)[:20])
        tail = bytes(buffer[20:])
        buffer[:] = bytes(len(buffer))
        second = responder.receive_data(tail).to_send
        assert initiator.receive_data(second).events[0].remote_peer == BOB.peer_id


class TestPrologue:
    @pytest.mark.spec("NOI-21")
    def test_the_same_on_both_sides(self) -> None:
        shake_hands(*pair(prologue=b"libp2p-webrtc-noise:" + bytes(68)))

    @pytest.mark.spec("NOI-21")
    def test_none_is_the_empty_one(self) -> None:
        _, responder = pair(prologue=b"")
        shake_hands(noise(ALICE).start(Role.INITIATOR, BOB.peer_id), responder)

    @pytest.mark.spec("NOI-21")
    @pytest.mark.parametrize(("ours", "theirs"), [(b"a", b"b"), (b"", b"b"), (b"a", b"")])
    def test_different_ones(self, ours: bytes, theirs: bytes) -> None:
        initiator = noise(ALICE).start(Role.INITIATOR, BOB.peer_id, ours)
        responder = noise(BOB, start=1000).start(Role.RESPONDER, None, theirs)
        with pytest.raises(HandshakeFailed, match="static key in noise message 2 does not authenticate"):
            shake_hands(initiator, responder)


class TestHostileBytes:
    @pytest.mark.spec("NOI-22")
    @pytest.mark.parametrize("number", [1, 2, 3])
    @settings(max_examples=40)
    @given(st.data())
    def test_a_flipped_bit_anywhere_ends_it(self, number: int, data: st.DataObject) -> None:
        def passed(frame: bytes, its_number: int) -> bytes:
            if its_number != number:
                return frame
            bit = data.draw(st.integers(0, len(frame) * 8 - 1))
            changed = bytearray(frame)
            changed[bit // 8] ^= 1 << bit % 8
            return bytes(changed)

        with pytest.raises((HandshakeFailed, ProtocolViolation)):
            self._exchange(passed)

    @staticmethod
    def _exchange(passed: Callable[[bytes, int], bytes]) -> None:
        """A handshake over a wire that may change a message; each side closes when it got nothing it can use."""
        initiator, responder = pair([YAMUX], [YAMUX])
        second = responder.receive_data(passed(initiator.start().to_send, 1))
        if not second.to_send:
            responder.receive_eof()
        third = initiator.receive_data(passed(second.to_send, 2))
        if not third.events:
            initiator.receive_eof()
        last = responder.receive_data(passed(third.to_send, 3))
        assert last.events == ()
        responder.receive_eof()

    @pytest.mark.spec("NOI-23")
    @pytest.mark.parametrize("role", list(Role))
    def test_a_message_over_the_limit_is_refused_by_its_length(self, role: Role) -> None:
        machine = noise(ALICE).start(role)
        machine.start()
        length = MAX_HANDSHAKE_MESSAGE_BYTES + 1
        with pytest.raises(ProtocolViolation, match=f"{length} bytes, at most {MAX_HANDSHAKE_MESSAGE_BYTES}"):
            machine.receive_data(length.to_bytes(2, "big"))

    @pytest.mark.parametrize(("role", "least"), [(Role.RESPONDER, 32), (Role.INITIATOR, 96)])
    @pytest.mark.parametrize("missing", [1, 20, None])
    def test_a_message_too_short_for_its_keys(self, role: Role, least: int, missing: int | None) -> None:
        machine = noise(ALICE).start(role)
        machine.start()
        length = 0 if missing is None else least - missing
        with pytest.raises(ProtocolViolation, match=f"has {length} bytes, at least {least}"):
            machine.receive_data(length.to_bytes(2, "big") + bytes(length))

    def test_message_3_too_short_for_its_keys(self) -> None:
        initiator, responder = pair()
        responder.receive_data(initiator.start().to_send)
        with pytest.raises(ProtocolViolation, match="message 3 has 63 bytes, at least 64"):
            responder.receive_data(b"\x00\x3f" + bytes(63))

    def test_a_failed_machine_stays_dead(self) -> None:
        initiator, responder = pair()
        second = responder.receive_data(initiator.start().to_send).to_send
        with pytest.raises(HandshakeFailed):
            initiator.receive_data(second[:-1] + bytes([second[-1] ^ 1]))
        with pytest.raises(HandshakeFailed, match="over"):
            initiator.receive_data(second)

    @settings(max_examples=50)
    @given(st.sampled_from(list(Role)), st.binary(max_size=400), st.booleans())
    def test_garbage_raises_remote_errors_only(self, role: Role, data: bytes, framed: bool) -> None:
        machine = noise(ALICE).start(role)
        machine.start()
        whole = len(data).to_bytes(2, "big") + data if framed else data
        try:
            output = machine.receive_data(whole)
        except RemoteError:
            return
        assert output.events == ()


class TestEndOfInput:
    def test_before_any_message(self) -> None:
        for machine, number in zip(pair(), (2, 1), strict=True):
            machine.start()
            with pytest.raises(HandshakeFailed, match=f"before its noise message {number}"):
                machine.receive_eof()

    def test_instead_of_message_3(self) -> None:
        initiator, responder = pair()
        responder.receive_data(initiator.start().to_send)
        with pytest.raises(HandshakeFailed, match="message 3; it may have refused our identity"):
            responder.receive_eof()

    def test_after_the_end(self) -> None:
        initiator, responder = pair()
        shake_hands(initiator, responder)
        initiator.receive_eof()
        responder.receive_eof()
