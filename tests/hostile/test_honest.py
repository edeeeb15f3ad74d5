"""The independent peer, behaving: what the attacks prove rests on it speaking the protocols as the specs have them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hostile import wire
from hostile.peer import Listener, Peer
from hostile.scene import scene
from hostile.wire import ACK, FIN, Identity


def test_it_owes_nothing_to_the_package() -> None:
    for name in ("peer", "noise", "tls", "mplex", "wire"):
        source = (Path(__file__).parent / f"{name}.py").read_text()
        assert [line for line in source.splitlines() if "import" in line and "aiolibp2p" in line] == []


def hear_an_echo(peer: Peer) -> bytes:
    stream_id = peer.use("/echo/1.0.0", b"hello")
    peer.send(wire.data(stream_id, b" you", FIN))
    flags = peer.until(stream_id, FIN)
    assert flags & ACK
    return bytes(peer.inbox[stream_id])


@pytest.mark.parametrize("listens", [False, True])
async def test_it_opens_a_stream_whoever_dialled(listens: bool) -> None:
    async with scene() as stage:
        assert await stage.attack(hear_an_echo, listens=listens) == b"hello you"


@pytest.mark.spec("CONN-9", "YMX-3")
@pytest.mark.parametrize("listens", [False, True])
async def test_it_serves_a_stream_whoever_dialled(listens: bool) -> None:
    def serve(peer: Peer) -> None:
        stream_id = peer.serve("/shout/1.0.0")
        assert stream_id & 1 == listens
        peer.send(wire.data(stream_id, peer.read(stream_id, 5).upper()))
        peer.until(stream_id, FIN)
        peer.send(wire.data(stream_id, b"", FIN))
        peer.ping()

    async with scene() as stage:
        attack = asyncio.ensure_future(stage.attack(serve, listens=listens))
        stranger = await stage.next_peer()
        stream = await stage.host.new_stream(stranger, "/shout/1.0.0")
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"HELLO"
        await stream.close()
        await attack


def come_and_say_who(listener: Listener) -> str:
    with listener.accept() as peer:
        peer.shake_hands()
        peer.ping()
        return str(peer.identity)


@pytest.mark.spec("PID-1", "PID-2")
async def test_its_id_is_the_one_we_compute() -> None:
    async with scene() as stage:
        with Listener() as listener:
            answering = asyncio.ensure_future(asyncio.to_thread(come_and_say_who, listener))
            connection = await stage.host.connect(listener.address)
            assert str(connection.remote_peer) == await answering
    assert str(Identity()).startswith("12D3KooW")
