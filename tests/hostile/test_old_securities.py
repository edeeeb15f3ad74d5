"""SECIO and plaintext, on a host that was told to speak them: strangers and liars end at once there, too."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from aiolibp2p.errors import HandshakeFailed, ProtocolViolation
from hostile import wire
from hostile.peer import Peer
from hostile.scene import scene
from hostile.test_handshakes import nobody_comes_in, stray

AT_ONCE_S = 2.0
IDS = {"secio": "/secio/1.0.0", "plaintext": "/plaintext/2.0.0"}
STRANGERS = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "ones": b"\xff" * 5000,
    "a length past every limit": b"\x7f\xff\xff\xff" + bytes(70_000),
    "nothing at all": b"\x00\x00\x00\x00",
    "garbage of the right form": b"\x00\x00\x00\x40" + b"\xee" * 64,
}


def stop(peer: Peer, said: bytes) -> None:
    """Say the words, and no more."""
    peer.send_raw(said)
    peer.half_close()
    stray(peer, b"")


@pytest.mark.parametrize("security", IDS)
async def test_strangers(security: str) -> None:
    async with scene(security=(security, "noise")) as stage, nobody_comes_in(stage):
        for name, said in STRANGERS.items():
            hello = wire.ask(IDS[security]) + said
            async with asyncio.timeout(AT_ONCE_S):
                await stage.raw_attack(partial(stop, said=hello))
                failed = await stage.dial(partial(stop, said=hello))
            assert isinstance(failed.attempts[-1][1], HandshakeFailed | ProtocolViolation), (name, failed)
