"""Private networks attacked by those who have no key: all they can say is noise."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator

import pytest

from aiolibp2p import PreSharedKey
from aiolibp2p.errors import HandshakeFailed, TimeoutExpired
from aiolibp2p.resource_manager import ResourceLimits
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import Scene, scene, short_limits, until
from hostile.wire import NOISE

KEY = PreSharedKey(bytes(range(32)))
NONCE_BYTES = 24
STORMS = {"nothing": b"", "zeros": bytes(100), "in the clear": wire.ask(NOISE), "garbage": os.urandom(70_000)}
"""What follows the nonce."""
NOT_A_MEMBER = "not in this private network, or has another key"


@contextlib.asynccontextmanager
async def private_scene(timeout_s: float = 0.5, max_half_open: int = 30) -> AsyncIterator[Scene]:
    """The host and the bystander have the key."""
    limits = short_limits(upgrade=UpgraderConfig(timeout_s=timeout_s), resources=ResourceLimits(max_half_open))
    async with scene(limits, psk=KEY) as stage:
        yield stage


def storm(port: int, words: bytes, times: int) -> None:
    """Open a number of connections that say a nonce of their own and this, and stay."""
    with contextlib.ExitStack() as stack:
        for _ in range(times):
            peer = stack.enter_context(Peer.dial(port))
            with contextlib.suppress(Gone):
                peer.send_raw(os.urandom(NONCE_BYTES) + words)


@pytest.mark.spec("PNT-4")
@pytest.mark.parametrize("name", STORMS)
async def test_storms_without_the_key(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Half-open ones stay few, and nothing is said of them but at debug level."""
    async with private_scene() as stage:
        with caplog.at_level(logging.DEBUG):
            attack = asyncio.ensure_future(asyncio.to_thread(storm, stage.port, STORMS[name], 400))
            most = 0
            while not attack.done():
                most = max(most, stage.host.statistics().half_open)
                await asyncio.sleep(0)
            await attack
        assert most <= 30
        await until(lambda: stage.host.statistics().half_open == 0)
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_half_a_nonce_and_a_nonce_in_crumbs() -> None:
    """Silent until the nonce is whole: such a one goes before those that have said a word."""

    def dial(n: int, port: int) -> list[Peer]:
        return [Peer.dial(port) for _ in range(n)]

    async with private_scene(timeout_s=1.0, max_half_open=10) as stage:
        with contextlib.ExitStack() as stack:
            early = [stack.enter_context(peer) for peer in dial(10, stage.port)]
            for peer in early:
                peer.send_raw(b"?")
                peer.send_raw(b"?" * 11)
            await until(lambda: stage.host.statistics().half_open == 10)
            late = [stack.enter_context(peer) for peer in dial(10, stage.port)]
            assert all(await asyncio.to_thread(lambda: [peer.hangs_up_within(0.8) for peer in early]))
            for peer in late:
                peer.send_raw(os.urandom(NONCE_BYTES))
            assert all(await asyncio.to_thread(lambda: [peer.hangs_up_within(3.0) for peer in late]))


@pytest.mark.spec("PNT-4", "PNT-5")
async def test_listeners_without_the_key() -> None:
    """Cut, silent, in the clear, garbage, or a mirror: the dialer is told what it is, or at least that it was late."""

    def half_a_nonce(peer: Peer) -> None:
        peer.send_raw(os.urandom(NONCE_BYTES // 2))
        peer.half_close()
        hear(peer)

    def in_the_clear(peer: Peer) -> None:
        peer.send_raw(wire.ask(NOISE))
        hear(peer)

    def garbage(peer: Peer) -> None:
        peer.send_raw(os.urandom(100_000))
        hear(peer)

    def mirror(peer: Peer) -> None:
        while True:
            peer.send_raw(peer.read_raw(1))

    def silent(peer: Peer) -> None:
        hear(peer)

    async with private_scene() as stage:
        for answer in (half_a_nonce, in_the_clear, garbage, mirror, silent):
            failed = await stage.dial(answer)
            assert all(isinstance(reason, HandshakeFailed | TimeoutExpired) for _, reason in failed.attempts)
            assert NOT_A_MEMBER in str(failed)
            assert bytes(range(32)).hex() not in str(failed)
            assert KEY.fingerprint not in repr(failed)


def hear(peer: Peer) -> None:
    """Read until the host hangs up."""
    with contextlib.suppress(Gone):
        while True:
            peer.read_raw(1)
