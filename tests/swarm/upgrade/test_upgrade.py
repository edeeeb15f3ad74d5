"""The upgrade machine, both roles, cut anywhere."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import (
    HandshakeFailed,
    NegotiationFailed,
    PeerIdMismatch,
    ProtocolNotSupported,
    RemoteError,
)
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, Upgraded, UpgradePlan
from support.offers import Offers

YAMUX = "/yamux/1.0.0"
ALICE, BOB, CAROL = (PrivateKey.generate("ed25519") for _ in range(3))


def plan(
    key: PrivateKey, muxers: tuple[str, ...] = (YAMUX,), early: bool = True, optimistic: bool = True
) -> UpgradePlan:
    security = Offers(NoiseSecurity(key, os.urandom), muxers if early else ())
    return UpgradePlan([security], muxers, optimistic)


def run(dialer: Upgrade, listener: Upgrade, cuts: list[int] | int = 1 << 20) -> tuple[Upgraded, Upgraded]:
    """Pass bytes in pieces of these sizes, by turns, until both are done."""
    sizes = itertools.cycle([cuts] if isinstance(cuts, int) else cuts)
    ends = (dialer, listener)
    queues = [bytearray(listener.start().to_send), bytearray(dialer.start().to_send)]
    done: list[Upgraded | None] = [None, None]
    while None in done:
        assert queues[0] or queues[1], "both sides wait"
        index = 0 if queues[0] else 1
        cut = next(sizes)
        piece = bytes(queues[index][:cut])
        del queues[index][:cut]
        output = ends[index].receive_data(piece)
        queues[1 - index] += output.to_send
        done[index] = next(iter(output.events), done[index])
    first, second = done
    assert first is not None
    assert second is not None
    return first, second


@pytest.mark.spec("CONN-7", "INMUX-11", "NOI-11")
@pytest.mark.parametrize("cut", [1, 7, 1000, 1 << 20])
def test_both_sides_agree_however_the_bytes_are_cut(cut: int) -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE), BOB.peer_id)
    there, here = run(dialer, Upgrade(Role.RESPONDER, plan(BOB)), cut)
    assert there.secured.remote_peer == BOB.peer_id
    assert here.secured.remote_peer == ALICE.peer_id
    assert there.muxer == here.muxer == YAMUX
    assert there.early_muxer
    assert here.early_muxer
    assert there.security == here.security == "/noise"


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(1, 400), min_size=1), optimistic=st.booleans(), early=st.booleans())
def test_random_cuts_change_nothing(cuts: list[int], optimistic: bool, early: bool) -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE, early=early, optimistic=optimistic), BOB.peer_id)
    there, here = run(dialer, Upgrade(Role.RESPONDER, plan(BOB, early=early)), cuts)
    assert there.muxer == here.muxer == YAMUX
    assert there.early_muxer is here.early_muxer is early
    sealed = memoryview(bytes(there.secured.cipher.encrypt(b"hello")))
    opened: list[bytes] = []
    here.secured.cipher.decrypt(sealed, opened.append)
    assert opened == [b"hello"]


@pytest.mark.spec("INMUX-9", "INMUX-11")
@settings(max_examples=15)
@given(cut=st.integers(1, 300))
def test_a_muxer_is_negotiated_inside_when_the_handshake_settled_none(cut: int) -> None:
    there, here = run(
        Upgrade(Role.INITIATOR, plan(ALICE, early=False), BOB.peer_id), Upgrade(Role.RESPONDER, plan(BOB)), cut
    )
    assert there.muxer == here.muxer == YAMUX
    assert not there.early_muxer
    assert not here.early_muxer


class Impostor:
    """Claims to be Bob, and cannot sign as Bob."""

    public_key = BOB.public_key
    sign = ALICE.sign


@pytest.mark.spec("INMUX-10")
def test_the_muxers_of_an_unproven_identity_start_nothing() -> None:
    security = NoiseSecurity(Impostor(), os.urandom)  # type: ignore[arg-type]
    forged = UpgradePlan([security], (YAMUX,))
    with pytest.raises(HandshakeFailed, match="identity signature"):
        run(Upgrade(Role.INITIATOR, plan(ALICE)), Upgrade(Role.RESPONDER, forged))
    dialer, listener = Upgrade(Role.INITIATOR, forged), Upgrade(Role.RESPONDER, plan(ALICE))
    listener.start()
    last = dialer.receive_data(listener.receive_data(dialer.start().to_send).to_send).to_send
    with pytest.raises(HandshakeFailed, match="identity signature"):
        listener.receive_data(last)


def test_the_dialer_is_done_after_one_round_trip() -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE), BOB.peer_id)
    listener = Upgrade(Role.RESPONDER, plan(BOB))
    listener.start()
    answer = listener.receive_data(dialer.start().to_send)
    assert dialer.receive_data(answer.to_send).events


@pytest.mark.spec("NOI-11")
def test_a_stranger_is_named_and_gets_nothing() -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE), CAROL.peer_id)
    listener = Upgrade(Role.RESPONDER, plan(BOB))
    listener.start()
    answer = listener.receive_data(dialer.start().to_send)
    with pytest.raises(PeerIdMismatch) as caught:
        dialer.receive_data(answer.to_send)
    assert str(CAROL.peer_id) in str(caught.value)
    assert str(BOB.peer_id) in str(caught.value)


def test_an_optimistic_refusal_says_so() -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE), BOB.peer_id)
    dialer.start()
    with pytest.raises(OptimisticRefused):
        dialer.receive_data(b"\x13/multistream/1.0.0\n\x03na\n")


@pytest.mark.spec("CONN-8")
def test_a_refusal_ends_it() -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE, optimistic=False), BOB.peer_id)
    dialer.start()
    with pytest.raises(ProtocolNotSupported):
        dialer.receive_data(b"\x13/multistream/1.0.0\n\x03na\n")


def test_the_peers_end_is_a_failure() -> None:
    listener = Upgrade(Role.RESPONDER, plan(BOB))
    listener.start()
    with pytest.raises(NegotiationFailed):
        listener.receive_eof()


@given(garbage=st.binary(min_size=30, max_size=400))
def test_garbage_is_the_peers_fault(garbage: bytes) -> None:
    listener = Upgrade(Role.RESPONDER, plan(BOB))
    listener.start()
    with contextlib.suppress(RemoteError):
        assert not listener.receive_data(garbage).events


@pytest.mark.spec("CONN-8")
@given(at=st.integers(0, 31), early=st.booleans())
def test_a_damaged_handshake_ends_it(at: int, early: bool) -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE, early=early), BOB.peer_id)
    listener = Upgrade(Role.RESPONDER, plan(BOB, early=early))
    listener.start()
    answer = bytearray(listener.receive_data(dialer.start().to_send).to_send)
    answer[len(answer) - 32 + at] ^= 1
    with pytest.raises(HandshakeFailed):
        dialer.receive_data(answer)


@pytest.mark.spec("CONN-7")
def test_the_muxer_is_named_only_inside_the_cipher() -> None:
    dialer, listener = (
        Upgrade(Role.INITIATOR, plan(ALICE, early=False), BOB.peer_id),
        Upgrade(Role.RESPONDER, plan(BOB, early=False)),
    )
    listener.start()
    wire = [dialer.start().to_send]
    for turn in range(5):
        wire.append((listener, dialer)[turn % 2].receive_data(wire[-1]).to_send)
    assert b"/noise" in b"".join(wire)
    assert YAMUX.encode() not in b"".join(wire)


@pytest.mark.parametrize("early", [True, False])
def test_what_lies_behind_the_upgrade_is_handed_on(early: bool) -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE, early=early), BOB.peer_id)
    listener = Upgrade(Role.RESPONDER, plan(BOB, early=early))
    listener.start()
    to_send = dialer.start().to_send
    while not (output := dialer.receive_data(listener.receive_data(to_send).to_send)).events:
        to_send = output.to_send
    (there,) = output.events
    if not early:
        assert output.to_send == b""
        return
    sealed = bytes(there.secured.cipher.encrypt(b"first frame"))
    answer = listener.receive_data(output.to_send + sealed + b"cut")
    (here,) = answer.events
    opened: list[bytes] = []
    assert here.early_plaintext == b""
    assert here.secured.cipher.decrypt(memoryview(answer.trailing), opened.append) == len(sealed)
    assert opened == [b"first frame"]
    assert answer.trailing.endswith(b"cut")


@pytest.mark.parametrize("early", [True, False])
def test_the_peers_end_is_none_once_it_is_done(early: bool) -> None:
    ends = Upgrade(Role.INITIATOR, plan(ALICE, early=early)), Upgrade(Role.RESPONDER, plan(BOB, early=early))
    run(*ends)
    for end in ends:
        end.receive_eof()


def test_the_peers_end_is_a_failure_at_every_stage() -> None:
    stages = set()
    for rounds in range(3):
        dialer = Upgrade(Role.INITIATOR, plan(ALICE, early=False, optimistic=False), BOB.peer_id)
        listener = Upgrade(Role.RESPONDER, plan(BOB, early=False))
        listener.start()
        to_send = dialer.start().to_send
        for _ in range(rounds):
            to_send = dialer.receive_data(listener.receive_data(to_send).to_send).to_send
        with pytest.raises(RemoteError) as caught:
            dialer.receive_eof()
        stages.add(str(caught.value))
    assert len(stages) == 3


def test_no_common_muxer_ends_it() -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE, ("/mplex/6.7.0",), early=False), BOB.peer_id)
    with pytest.raises(ProtocolNotSupported, match="mplex"):
        run(dialer, Upgrade(Role.RESPONDER, plan(BOB)))


@pytest.mark.spec("CONN-8")
def test_an_endless_header_is_cut_short() -> None:
    listener = Upgrade(Role.RESPONDER, plan(BOB))
    listener.start()
    with pytest.raises(RemoteError):
        collections.deque((listener.receive_data(b"\xff") for _ in range(10)), maxlen=0)
