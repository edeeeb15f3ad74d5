"""SECIO below the negotiations around it, in hosts, and in hosts that do not speak it."""

from __future__ import annotations

import asyncio
import socket
from random import Random

import pytest

from aiolibp2p import Host, Stream
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import DialFailed
from aiolibp2p.io.buffers import SharedBuffers
from aiolibp2p.multistream import HEADER, NA, encode_message
from aiolibp2p.muxers.yamux import frames
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.secio import SecioSecurity
from aiolibp2p.swarm.upgrade.upgrade import Upgrade, Upgraded, UpgradePlan
from muxers.yamux.pair import parse
from security.secio.second import Second

YAMUX, SECIO = "/yamux/1.0.0", "/secio/1.0.0"
LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
ALICE, BOB = (PrivateKey.generate("ed25519", lambda n, i=i: bytes([i]) * n) for i in (1, 2))


def upgrade(role: Role, key: PrivateKey, expected: PrivateKey | None = None, optimistic: bool = True) -> Upgrade:
    security = SecioSecurity(key, Random(role.value).randbytes)
    return Upgrade(role, UpgradePlan([security], (YAMUX,), optimistic), expected and expected.peer_id)


@pytest.mark.parametrize("optimistic", [True, False])
@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_a_whole_upgrade(cut: int, optimistic: bool) -> None:
    ends = upgrade(Role.INITIATOR, ALICE, BOB, optimistic), upgrade(Role.RESPONDER, BOB)
    queues = [bytearray(ends[1].start().to_send), bytearray(ends[0].start().to_send)]
    done: dict[int, Upgraded] = {}
    while len(done) < 2:
        at = 0 if queues[0] else 1
        piece = bytes(queues[at][:cut])
        del queues[at][:cut]
        output = ends[at].receive_data(piece)
        queues[1 - at] += output.to_send
        if output.events:
            done[at] = output.events[0]
    assert [done[at].secured.remote_peer for at in (0, 1)] == [BOB.peer_id, ALICE.peer_id]
    assert done[0].security == done[1].security == SECIO
    assert done[0].muxer == done[1].muxer == YAMUX


@pytest.mark.spec("SEC-17")
async def test_a_host_that_was_not_told_otherwise_refuses_it() -> None:
    async with Host(listen=LOOPBACK) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.addresses[0].port)
        writer.write(HEADER + encode_message(SECIO))
        assert await reader.readexactly(len(HEADER + NA)) == HEADER + NA
        writer.close()
        await writer.wait_closed()


@pytest.mark.spec("SEC-17")
def test_asking_for_it_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    Host()
    assert caplog.messages == []
    Host(security=["noise", "secio"])
    assert caplog.messages == ["this host speaks /secio/1.0.0: it is deprecated; noise replaces it"]


@pytest.mark.spec("SEC-17")
async def test_a_dialer_that_was_not_told_otherwise_does_not_ask_for_it() -> None:
    async with Host(listen=LOOPBACK, security=["secio"]) as server, Host() as client:
        with pytest.raises(DialFailed, match="does not support /noise"):
            await client.connect(server.addresses[0])


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def test_two_hosts_that_asked_for_it() -> None:
    async with Host(listen=LOOPBACK, security=["noise", "secio"]) as server, Host(security=["secio"]) as client:
        server.set_stream_handler("/echo/1.0.0", echo)
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        words = Random(1).randbytes(1 << 20)
        reading = asyncio.ensure_future(stream.read_exactly(len(words)))
        await stream.write(words)
        assert await reading == words
        assert stream.connection.security == SECIO


def ask_twice(port: int, words: bytes) -> list[bytes]:
    """The second implementation as a dialer: `words` on two streams in one frame; what the host's echo says on each."""
    with socket.create_connection(("127.0.0.1", port), timeout=20.0) as sock:
        peer = Second(sock, Random(7))
        greeting, agreed = HEADER + encode_message(SECIO), HEADER + encode_message(YAMUX)
        sock.sendall(greeting)
        assert peer.exactly(len(greeting)) == greeting
        peer.run()
        peer.send_sealed(agreed)
        opened = b""
        while len(opened) < len(agreed):
            opened += peer.receive_sealed()
        opened = opened.removeprefix(agreed)
        heads = [frames.HEADER.pack(0, frames.DATA, frames.SYN, at, len(words)) for at in (1, 3)]
        peer.send_sealed(b"".join(head + words for head in heads))
        while True:
            told = [on_stream(opened, at) for at in (1, 3)]
            if min(map(len, told)) == len(words):
                return told
            opened += peer.receive_sealed()


def on_stream(opened: bytes, stream_id: int) -> bytes:
    return b"".join([body for kind, _, at, _, body in parse(opened) if kind == frames.DATA and at == stream_id])


async def test_a_frame_longer_than_the_buffer_of_the_host() -> None:
    words = HEADER + encode_message("/echo/1.0.0") + Random(2).randbytes(200_000)
    assert 2 * len(words) > len(SharedBuffers().receive)
    async with Host(listen=LOOPBACK, security=["secio"]) as host:
        host.set_stream_handler("/echo/1.0.0", echo)
        assert await asyncio.to_thread(ask_twice, host.addresses[0].port, words) == [words, words]
