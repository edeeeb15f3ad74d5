"""Handshakes that lie, and strangers on the port: they cost their socket, at once, and the dialer learns why."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import pytest
from cryptography.exceptions import InvalidTag

from aiolibp2p.errors import (
    HandshakeFailed,
    Libp2pError,
    PeerIdMismatch,
    ProtocolNotSupported,
    ProtocolViolation,
    RemoteError,
    TimeoutExpired,
)
from aiolibp2p.events import ConnectionOpened
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from hostile import wire
from hostile.liars import LIARS, UNUSABLE_KEYS
from hostile.peer import Gone, Peer
from hostile.scene import Scene, scene, short_limits, until
from hostile.wire import NOISE, Identity

AT_ONCE_S = 2.0
"""The seconds within which a refusal must come: well before the upgrade's deadline."""

HANDSHAKE_BYTES = 240
"""A little less than either side says before streams flow."""

IN_VAIN = (Gone, AssertionError, InvalidTag)
"""What a handshake that was tampered with may end in, at the hostile end."""


def shake_hands_in_vain(peer: Peer) -> None:
    with contextlib.suppress(Gone):
        peer.shake_hands()
        peer.until_gone()
    assert not peer.flags, "it was given a stream"


def say_who(peer: Peer) -> str:
    peer.ping()
    return str(peer.identity)


@contextlib.asynccontextmanager
async def nobody_comes_in(stage: Scene, honest_kind: type[Peer] = Peer) -> AsyncIterator[None]:
    """Assert that nobody gets a connection inside this block: the next who does is an honest peer afterwards."""
    opened = stage.host.events(ConnectionOpened)
    yield
    honest = await stage.attack(say_who, honest_kind)
    assert str((await anext(opened)).peer) == honest


@pytest.mark.spec("NOI-10", "NOI-15", "NOI-23", "NOI-25", "NOI-26", "KEY-14")
async def test_a_dialer_that_lies_gets_no_connection() -> None:
    async with scene() as stage, nobody_comes_in(stage):
        for kind in LIARS:
            async with asyncio.timeout(AT_ONCE_S):
                await stage.raw_attack(shake_hands_in_vain, kind)


@pytest.mark.spec("NOI-10", "NOI-15", "NOI-23", "NOI-25", "KEY-14")
async def test_a_listener_that_lies_is_found_out() -> None:
    async with scene() as stage, nobody_comes_in(stage):
        for kind in LIARS:
            async with asyncio.timeout(AT_ONCE_S):
                failed = await stage.dial(shake_hands_in_vain, kind)
            ((_, reason),) = failed.attempts
            assert isinstance(reason, HandshakeFailed | ProtocolViolation), (kind, reason)
            assert ("is not usable" in str(reason)) == (kind in UNUSABLE_KEYS), (kind, reason)


@pytest.mark.spec("NOI-11")
async def test_the_wrong_peer_is_named_beside_the_right_one() -> None:
    wanted, answered = Identity(), Identity()

    class Other(Peer):
        def payload(self) -> bytes:
            return answered.proves(self.static())

    async with scene() as stage:
        failed = await stage.dial(shake_hands_in_vain, Other, str(wanted))
        ((_, reason),) = failed.attempts
        assert isinstance(reason, PeerIdMismatch)
        assert str(wanted) in str(failed)
        assert str(answered) in str(failed)


class Tampering(Peer):
    """A peer that spoils its own bytes at one place, or stops there."""

    place = 0
    cuts = False
    rude = False
    _said = 0

    def send_raw(self, data: bytes) -> None:
        """Send the bytes that the class says."""
        at = self.place - self._said
        self._said += len(data)
        if not 0 <= at < len(data):
            super().send_raw(data)
        elif self.cuts:
            super().send_raw(data[:at])
            raise Gone("cut")
        else:
            super().send_raw(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])


def tampering(**how: object) -> type[Tampering]:
    """Return a peer that tampers with this byte."""
    return type("Tampering", (Tampering,), how)


def shake_hands_and_leave(peer: Peer) -> None:
    with contextlib.suppress(*IN_VAIN):
        peer.shake_hands()
        peer.until_gone()
    if getattr(peer, "rude", False):
        peer.hang_up_rudely()


@pytest.mark.spec("CONN-27", "NOI-22")
@pytest.mark.parametrize("how", [{"cuts": True}, {"cuts": True, "rude": True}, {}])
async def test_a_handshake_that_is_cut_or_spoilt_anywhere(how: dict[str, bool]) -> None:
    kinds = [tampering(place=place, **how) for place in range(0, HANDSHAKE_BYTES, 11)]
    limits = short_limits(upgrade=UpgraderConfig(timeout_s=0.5))
    async with scene(limits) as stage, nobody_comes_in(stage):
        for start in range(0, len(kinds), 4):
            attacks = [stage.raw_attack(shake_hands_and_leave, kind) for kind in kinds[start : start + 4]]
            await asyncio.gather(*attacks)
        for kind in kinds:
            failed = await stage.dial(shake_hands_and_leave, kind)
            assert all(isinstance(reason, RemoteError | TimeoutExpired) for _, reason in failed.attempts)


STRANGERS = {
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a browser of some kind\r\nAccept: */*\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(100),
    "zeros": bytes(5000),
    "ones": b"\xff" * 5000,
    "no newline": b"\x13/multistream/1.0.0 ",
    "long": wire.varint(64 * 1024) + b"/" * 64 * 1024,
    "no text": b"\x05\xff\xfe\xfd\xfc\n",
    "loose length": b"\x93\x00/multistream/1.0.0\n",
    "other version": wire.text("/multistream/2.0.0"),
    "many proposals": wire.ask(*["/tls/1.0.0"] * 100),
    "noise of one byte": wire.ask(NOISE) + b"\x00\x01x",
    "noise of no byte": wire.ask(NOISE) + b"\x00\x00",
    "noise too long": wire.ask(NOISE) + b"\xff\xff" + bytes(65535),
    "noise with a payload": wire.ask(NOISE) + b"\x00\x24" + bytes(range(1, 33)) + b"user",
    "yamux in the clear": wire.ask("/yamux/1.0.0") + wire.frame(wire.PING, wire.SYN) * 100,
}


@pytest.mark.spec("CONN-3", "CONN-8", "CONN-24", "NOI-12")
async def test_strangers_are_shown_out_at_once() -> None:
    async with scene() as stage, nobody_comes_in(stage):
        for hello in STRANGERS.values():
            async with asyncio.timeout(AT_ONCE_S):
                await stage.raw_attack(partial(stray, hello=hello))


def stray(peer: Peer, hello: bytes) -> None:
    """Say the words, and wait until they hang up."""
    with contextlib.suppress(Gone):
        peer.send_raw(hello)
        if hello == STRANGERS["yamux in the clear"]:
            peer.expect(wire.ask("na"))
            peer.send_raw(b"\0")
        while True:
            peer.read_raw(1)


@pytest.mark.spec("CONN-3", "CONN-24")
async def test_a_stranger_that_listens_is_named_as_such() -> None:
    async with scene() as stage:
        for name, hello in STRANGERS.items():
            if name in ("many proposals", "yamux in the clear", "noise with a payload"):
                continue
            async with asyncio.timeout(AT_ONCE_S):
                failed = await stage.dial(partial(stray, hello=hello))
            ((_, reason),) = failed.attempts
            assert isinstance(reason, ProtocolViolation), (name, reason)


async def test_a_listener_that_refuses_everything() -> None:
    async with scene() as stage:
        failed = await stage.dial(partial(stray, hello=wire.ask("na") + wire.text("na") * 1000))
        ((_, reason),) = failed.attempts
        assert isinstance(reason, ProtocolNotSupported)
        failed = await stage.dial(lambda peer: peer.hang_up_rudely())
        assert all(isinstance(reason, Libp2pError) for _, reason in failed.attempts)


def trickle(peer: Peer) -> int:
    """Send an honest handshake one byte at a time; return how many were taken before they hung up."""
    hello = wire.ask(NOISE) + b"\x00\x20" + peer.noise.first(peer.ephemeral())
    for sent in range(len(hello)):
        with contextlib.suppress(Gone):
            peer.send_raw(hello[sent : sent + 1])
        if peer.hangs_up_within(0.05):
            return sent
    return len(hello)


async def test_a_trickle_ends_with_the_deadline() -> None:
    async with scene(short_limits(upgrade=UpgraderConfig(timeout_s=0.3))) as stage:
        assert 0 < await stage.raw_attack(trickle) < 30
        failed = await stage.dial(trickle)
        ((_, reason),) = failed.attempts
        assert isinstance(reason, TimeoutExpired)
        assert "not set up within 0.3 s" in str(reason)


async def test_a_hundred_silent_sockets_are_gone_by_the_deadline() -> None:
    async with scene(short_limits(upgrade=UpgraderConfig(timeout_s=1.0))) as stage:
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer.dial(stage.port)) for _ in range(100)]
            await until(lambda: stage.host.statistics().half_open == 100)
            assert await stage.attack(lambda peer: peer.use("/hold/1.0.0")) == 1
            gone = await asyncio.to_thread(lambda: [peer.hangs_up_within(3.0) for peer in peers])
            assert all(gone)
            assert stage.host.statistics().half_open == 0
            stage.over.set()
