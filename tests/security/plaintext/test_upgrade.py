"""Plaintext below the negotiations around it, and hosts that do not speak it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aiolibp2p import Host
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import DialFailed, HandshakeFailed, RemoteError
from aiolibp2p.multistream import HEADER, NA, encode_message
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.plaintext import PlaintextSecurity
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, UpgradePlan

YAMUX = "/yamux/1.0.0"
ALICE, BOB, CAROL = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (1, 2, 3))


def upgrade(role: Role, key: PrivateKey, expected: PrivateKey | None = None, optimistic: bool = True) -> Upgrade:
    plan = UpgradePlan([PlaintextSecurity(key)], (YAMUX,), optimistic)
    return Upgrade(role, plan, expected and expected.peer_id)


def ours(key: PrivateKey) -> bytes:
    return PlaintextSecurity(key).start(Role.INITIATOR).start().to_send


@pytest.mark.spec("PLT-1")
def test_each_sides_exchange_leaves_with_its_half_of_the_negotiation() -> None:
    dialer, listener = upgrade(Role.INITIATOR, ALICE, BOB), upgrade(Role.RESPONDER, BOB)
    plaintext = HEADER + encode_message("/plaintext/2.0.0")
    there = dialer.start().to_send
    assert there == plaintext + ours(ALICE)
    listener.start()
    back = listener.receive_data(there).to_send
    assert back == plaintext + ours(BOB)
    assert dialer.receive_data(back).to_send == HEADER + encode_message(YAMUX)


@pytest.mark.spec("PLT-6")
@pytest.mark.parametrize("optimistic", [True, False])
@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_a_whole_upgrade_and_the_bytes_behind_it(cut: int, optimistic: bool) -> None:
    ends = upgrade(Role.INITIATOR, ALICE, BOB, optimistic), upgrade(Role.RESPONDER, BOB)
    queues = [bytearray(ends[1].start().to_send), bytearray(ends[0].start().to_send)]
    done = {}
    while len(done) < 2:
        at = 0 if queues[0] else 1
        piece = bytes(queues[at][:cut])
        del queues[at][:cut]
        output = ends[at].receive_data(piece)
        queues[1 - at] += output.to_send
        if output.events:
            done[at] = output.events[0]
    assert [done[at].secured.remote_peer for at in (0, 1)] == [BOB.peer_id, ALICE.peer_id]
    assert done[0].muxer == done[1].muxer == YAMUX
    assert not done[0].early_muxer


@pytest.mark.spec("PLT-6")
def test_what_came_in_one_piece_with_the_handshake_reaches_the_muxer() -> None:
    listener = upgrade(Role.RESPONDER, BOB)
    listener.start()
    plaintext = HEADER + encode_message("/plaintext/2.0.0") + ours(ALICE)
    output = listener.receive_data(plaintext + HEADER + encode_message(YAMUX) + b"first bytes")
    assert output.events[0].early_plaintext + output.trailing == b"first bytes"


@pytest.mark.spec("PLT-8")
def test_its_predecessor_is_not_offered() -> None:
    listener = upgrade(Role.RESPONDER, BOB)
    listener.start()
    answer = listener.receive_data(HEADER + encode_message("/plaintext/1.0.0") + encode_message("/plaintext/2.0.0"))
    assert answer.to_send == HEADER + NA + encode_message("/plaintext/2.0.0") + ours(BOB)


@pytest.mark.spec("PLT-4", "PLT-5")
def test_a_wrong_peer_hears_nothing_after_it_is_known() -> None:
    dialer, listener = upgrade(Role.INITIATOR, ALICE, CAROL), upgrade(Role.RESPONDER, BOB)
    listener.start()
    back = listener.receive_data(dialer.start().to_send).to_send
    with pytest.raises(HandshakeFailed, match="expected peer"):
        dialer.receive_data(back)
    with pytest.raises(RemoteError):
        dialer.receive_data(HEADER + encode_message(YAMUX))


@pytest.mark.spec("PLT-7", "PLT-8", "PLT-10")
async def test_a_host_that_was_not_told_otherwise_refuses_both_versions() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.addresses[0].port)
        writer.write(HEADER + encode_message("/plaintext/2.0.0") + encode_message("/plaintext/1.0.0"))
        assert await reader.readexactly(len(HEADER + NA + NA)) == HEADER + NA + NA
        writer.close()
        await writer.wait_closed()


@pytest.mark.spec("PLT-9")
async def test_two_hosts_that_asked_for_it() -> None:
    keys = [PrivateKey.generate("ecdsa") for _ in range(2)]  # their ids do not hold them
    listening, silent = (
        Host(key=key, listen=addresses, security=["plaintext"])
        for key, addresses in zip(keys, (["/ip4/127.0.0.1/tcp/0"], []), strict=True)
    )
    async with listening as server, silent as client:
        await client.ping(server.addresses[0])
        (connection,) = client.connections()
        assert (connection.security, connection.remote_peer) == ("/plaintext/2.0.0", server.peer_id)
        assert (await client.identify(server.peer_id)).public_key == keys[0].public_key
        assert client.peerstore.key(server.peer_id) == keys[0].public_key


@pytest.mark.spec("PLT-7")
def test_asking_for_it_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    Host()
    assert caplog.record_tuples == []
    Host(security=["noise", "plaintext"])
    assert caplog.record_tuples == [
        (
            "aiolibp2p",
            logging.WARNING,
            "this host speaks /plaintext/2.0.0: it protects nothing and proves nobody; for tests alone",
        )
    ]


@pytest.mark.spec("PLT-10")
async def test_a_dialer_that_was_not_told_otherwise_does_not_ask_for_it() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"], security=["plaintext"]) as server, Host() as client:
        with pytest.raises(DialFailed, match="does not support /noise"):
            await client.connect(server.addresses[0])
