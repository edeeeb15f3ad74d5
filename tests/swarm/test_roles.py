"""Roles of an upgrade: given by whoever dials, or settled by simultaneous open."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiolibp2p import Host, Limits
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.security import Security
from aiolibp2p.errors import NegotiationFailed, PeerIdMismatch, ProtocolViolation
from aiolibp2p.io.runtime import SystemRuntime
from aiolibp2p.multistream import HEADER, NA, encode_message
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.plaintext import PlaintextSecurity
from aiolibp2p.security.secio import SecioSecurity
from aiolibp2p.security.tls import TlsSecurity
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, Upgraded, UpgradePlan
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from support.offers import Offers

YAMUX = "/yamux/1.0.0"
SIMULTANEOUS = encode_message("/libp2p/simultaneous-connect")
NOISE = encode_message("/noise")
ALICE, BOB, CAROL = (PrivateKey.generate("ed25519") for _ in range(3))

MAKERS: dict[str, Callable[[PrivateKey, bool], Security]] = {
    "noise": lambda key, early: Offers(NoiseSecurity(key, os.urandom), [YAMUX] if early else []),
    "tls": lambda key, early: Offers(TlsSecurity(key, SystemRuntime().wall), [YAMUX] if early else []),
    "plaintext": lambda key, _: PlaintextSecurity(key),
    "secio": lambda key, _: SecioSecurity(key, os.urandom),
}


def upgrade(
    number: int | None,
    key: PrivateKey,
    expected: PrivateKey | None = None,
    securities: tuple[str, ...] = ("noise",),
    early: bool = True,
) -> Upgrade:
    """Return the upgrade of a dialer with this number, or of a plain listener."""
    plan = UpgradePlan([MAKERS[name](key, early) for name in securities], (YAMUX,))
    peer = expected and expected.peer_id
    if number is None:
        return Upgrade(Role.RESPONDER, plan, peer)
    return Upgrade(Role.INITIATOR, plan, peer, lambda: number)


def run(one: Upgrade, other: Upgrade, cuts: list[int] | None = None) -> tuple[Upgraded, Upgraded]:
    """Pass bytes in pieces of these sizes until both are done, then a word each way under both ciphers."""
    sizes = itertools.cycle(cuts or [1 << 20])
    ends = (one, other)
    queues = [bytearray(other.start().to_send), bytearray(one.start().to_send)]
    done: list[Upgraded | None] = [None, None]
    while None in done:
        assert queues[0] or queues[1], "both sides wait"
        at = 0 if queues[0] else 1
        size = next(sizes)
        piece = bytes(queues[at][:size])
        del queues[at][:size]
        output = ends[at].receive_data(piece)
        queues[1 - at] += output.to_send
        done[at] = next(iter(output.events), done[at])
    first, second = done
    assert first is not None
    assert second is not None
    return first, second


@pytest.mark.spec("SIMO-4")
@settings(max_examples=20)
@given(
    cuts=st.lists(st.integers(1, 400), min_size=1),
    security=st.sampled_from(["noise", "tls", "plaintext", "secio"]),
    early=st.booleans(),
    alice_wins=st.booleans(),
)
def test_two_dialers_end_in_one_role_each(cuts: list[int], security: str, early: bool, alice_wins: bool) -> None:
    numbers = (7, 3) if alice_wins else (3, 7)
    there, here = run(
        upgrade(numbers[0], ALICE, BOB, (security,), early), upgrade(numbers[1], BOB, ALICE, (security,), early), cuts
    )
    assert there.role is (Role.INITIATOR if alice_wins else Role.RESPONDER)
    assert here.role is (Role.RESPONDER if alice_wins else Role.INITIATOR)
    assert (there.secured.remote_peer, here.secured.remote_peer) == (BOB.peer_id, ALICE.peer_id)
    assert there.muxer == here.muxer == YAMUX
    assert there.security == here.security


@pytest.mark.spec("SIMO-2")
@pytest.mark.parametrize("alice_wins", [True, False])
def test_the_winners_preference_counts(alice_wins: bool) -> None:
    """The pipelined proposals are ignored: were they not, either could be taken for an answer to the other."""
    numbers = (7, 3) if alice_wins else (3, 7)
    there, here = run(
        upgrade(numbers[0], ALICE, securities=("noise", "tls")), upgrade(numbers[1], BOB, securities=("tls", "noise"))
    )
    assert there.security == here.security == ("/noise" if alice_wins else "/tls/1.0.0")


@pytest.mark.spec("SIMO-1")
@pytest.mark.parametrize("listener", [("noise",), ("tls",)])
def test_a_dialer_meets_a_listener_as_ever(listener: tuple[str, ...]) -> None:
    there, here = run(upgrade(7, ALICE, BOB, ("noise", "tls")), upgrade(None, BOB, None, listener))
    assert (there.role, here.role) == (Role.INITIATOR, Role.RESPONDER)
    assert there.security == here.security


@pytest.mark.spec("SIMO-1")
def test_nothing_of_the_handshake_rides_along() -> None:
    dialer, listener = upgrade(7, ALICE, BOB), upgrade(None, BOB)
    there = dialer.start().to_send
    assert there == HEADER + SIMULTANEOUS + NOISE
    listener.start()
    back = listener.receive_data(there).to_send
    assert back == HEADER + NA + NOISE
    assert len(dialer.receive_data(back).to_send) == 2 + 32  # noise's first message


@pytest.mark.spec("SIMO-7")
def test_nobody_proposes_it_unasked() -> None:
    plan = UpgradePlan([MAKERS["noise"](ALICE, True)], (YAMUX,))
    assert Upgrade(Role.INITIATOR, plan, BOB.peer_id).start().to_send.startswith(HEADER + NOISE)


@pytest.mark.spec("SIMO-5")
def test_the_same_number_ends_both() -> None:
    ends = upgrade(7, ALICE, BOB), upgrade(7, BOB, ALICE)
    opening = [end.start().to_send for end in ends]
    said = [end.receive_data(words).to_send for end, words in zip(ends, reversed(opening), strict=True)]
    for end, words in zip(ends, reversed(said), strict=True):
        with pytest.raises(NegotiationFailed, match="same number"):
            end.receive_data(words)


@pytest.mark.parametrize("alice_wins", [True, False])
def test_a_stranger_is_named_whatever_the_roles(alice_wins: bool) -> None:
    numbers = (7, 3) if alice_wins else (3, 7)
    with pytest.raises(PeerIdMismatch, match=str(CAROL.peer_id)):
        run(upgrade(numbers[0], ALICE, CAROL), upgrade(numbers[1], BOB, ALICE))


def test_two_dialers_of_which_one_does_not_know_it() -> None:
    plan = UpgradePlan([MAKERS["noise"](BOB, True)], (YAMUX,))
    plain = Upgrade(Role.INITIATOR, plan, ALICE.peer_id)
    ours = upgrade(7, ALICE, BOB)
    opening = ours.start().to_send, plain.start().to_send
    with pytest.raises(ProtocolViolation, match=r"simultaneous-connect, but the peer answered '/noise'"):
        ours.receive_data(opening[1])
    with pytest.raises(ProtocolViolation, match=r"proposed /noise, but the peer answered '/libp2p/simultaneous-con"):
        plain.receive_data(opening[0])


@pytest.mark.parametrize("security", list(MAKERS))
def test_a_dialer_that_is_told_to_respond(security: str) -> None:
    """Nothing in the machine knows who dialled: hole punching gives the roles by hand."""
    plan = UpgradePlan([MAKERS[security](ALICE, True)], (YAMUX,))
    initiator = Upgrade(Role.INITIATOR, UpgradePlan([MAKERS[security](BOB, True)], (YAMUX,)), ALICE.peer_id)
    there, here = run(Upgrade(Role.RESPONDER, plan, BOB.peer_id, lambda: 7), initiator)
    assert (there.role, here.role) == (Role.RESPONDER, Role.INITIATOR)


@pytest.mark.spec("SIMO-1")
@pytest.mark.parametrize("security", ["noise", "tls"])
async def test_a_host_that_asks_gets_on_with_one_that_does_not(security: str) -> None:
    limits = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(simultaneous_open=True)))
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"], security=[security]) as server, Host(limits=limits) as client:
        connection = await client.connect(server.addresses[0])
        assert connection.is_outbound
        assert connection.security == MAKERS[security](ALICE, True).protocol_id
        await server.ping(client.peer_id)
