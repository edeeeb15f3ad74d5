"""The upgrade machine, both roles, cut anywhere."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p.abc.security import Role
from aiolibp2p.errors import NegotiationFailed, PeerIdMismatch, ProtocolNotSupported, RemoteError
from aiolibp2p.multistream import OptimisticRefused
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.swarm.upgrade import Upgrade, Upgraded, UpgradePlan

YAMUX = "/yamux/1.0.0"
ALICE, BOB, CAROL = (PrivateKey.generate("ed25519") for _ in range(3))


def plan(
    key: PrivateKey, muxers: tuple[str, ...] = (YAMUX,), early: bool = True, optimistic: bool = True
) -> UpgradePlan:
    security = NoiseSecurity(key, os.urandom, muxers if early else ())
    return UpgradePlan([security], muxers, optimistic)


def run(dialer: Upgrade, listener: Upgrade, cut: int = 1 << 20) -> tuple[Upgraded, Upgraded]:
    """Pass bytes in pieces of `cut` until both are done."""
    ends = (dialer, listener)
    queues = [bytearray(listener.start().to_send), bytearray(dialer.start().to_send)]
    done: list[Upgraded | None] = [None, None]
    while None in done:
        assert queues[0] or queues[1], "both sides wait"
        index = 0 if queues[0] else 1
        piece = bytes(queues[index][:cut])
        del queues[index][:cut]
        output = ends[index].receive_data(piece)
        queues[1 - index] += output.to_send
        done[index] = next(iter(output.events), done[index])
    first, second = done
    assert first is not None
    assert second is not None
    return first, second


@pytest.mark.spec("CONN-7", "CONN-16", "INMUX-4", "NOI-11")
@pytest.mark.parametrize("cut", [1, 7, 1000, 1 << 20])
def test_both_sides_agree_however_the_bytes_are_cut(cut: int) -> None:
    dialer = Upgrade(Role.INITIATOR, plan(ALICE), BOB.peer_id)
    there, here = run(dialer, Upgrade(Role.RESPONDER, plan(BOB)), cut)
    assert there.secured.remote_peer == BOB.peer_id
    assert here.secured.remote_peer == ALICE.peer_id
    assert there.muxer == here.muxer == YAMUX
    assert there.early_muxer
    assert here.early_muxer


@settings(max_examples=15)
@given(cut=st.integers(1, 300))
def test_a_muxer_is_negotiated_inside_when_the_handshake_settled_none(cut: int) -> None:
    there, here = run(
        Upgrade(Role.INITIATOR, plan(ALICE, early=False), BOB.peer_id), Upgrade(Role.RESPONDER, plan(BOB)), cut
    )
    assert there.muxer == here.muxer == YAMUX
    assert not there.early_muxer


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
