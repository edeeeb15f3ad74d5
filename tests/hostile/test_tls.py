"""TLS attacked from within its connection: what a record by hand can say that OpenSSL never would."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest

from aiolibp2p.errors import ConnectionLost
from aiolibp2p.events import ConnectionClosed
from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import Scene, scene
from hostile.tls import ALERT, CLOSE_NOTIFY, DATA, HANDSHAKE, KEY_UPDATE, KEY_UPDATE_AND_YOU, TlsPeer
from hostile.wire import FIN, SYN

BOTH = pytest.mark.parametrize("listens", [False, True])
TLS_FIRST = ("tls", "noise")


def echo(peer: Peer, words: bytes) -> bytes:
    """What comes back of it."""
    stream_id = peer.use("/echo/1.0.0", words)
    return peer.read(stream_id, len(words))


@BOTH
@pytest.mark.parametrize("alpn", [("/yamux/1.0.0", "libp2p")])
async def test_an_honest_one(listens: bool, alpn: tuple[str, ...]) -> None:
    async with scene(security=TLS_FIRST) as stage:
        assert await stage.attack(lambda peer: echo(peer, b"hello"), TlsPeer, listens) == b"hello"


@BOTH
async def test_keys_changed_again_and_again(listens: bool) -> None:
    """Each time we are asked to change ours."""

    def attack(peer: TlsPeer) -> None:
        for _ in range(20):
            for _ in range(500):
                peer.send_raw(peer.ours.seal(HANDSHAKE, KEY_UPDATE_AND_YOU))
                peer.ours.update()
            assert echo(peer, bytes(100_000)) == bytes(100_000)
        print("updates", peer.key_updates)

    async with scene(security=TLS_FIRST) as stage:
        await stage.attack(attack, TlsPeer, listens)
