"""A host that asks for simultaneous open, and whom it may meet: an honest peer that dialled too, and liars."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import pytest

from aiolibp2p import Limits
from aiolibp2p.errors import NegotiationFailed, ProtocolViolation, RemoteError, TimeoutExpired
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import scene, short_limits
from hostile.wire import NOISE

SIMULTANEOUS = "/libp2p/simultaneous-connect"
LOWEST, HIGHEST = 0, 2**64 - 1
AT_ONCE_S = 2.0
"""The seconds within which a refusal must come: well before the upgrade's deadline."""

OPENING = wire.ask(SIMULTANEOUS, NOISE)


def asking(timeout_s: float = 10.0) -> Limits:
    return short_limits(upgrade=UpgraderConfig(timeout_s=timeout_s, simultaneous_open=True))


class DialledToo(Peer):
    """Takes itself for the dialer, and draws the highest number; honest otherwise."""

    number = HIGHEST

    def negotiate(self) -> None:
        """Settle the role, then noise in that role; no header again."""
        self.expect(OPENING)
        self.send_raw(OPENING)
        assert self.number != self.their_number()
        self.send_raw(wire.text(f"select:{self.number}"))
        self.take_role(self.number == HIGHEST)
        if self.is_dialer:
            self.send_raw(wire.text("initiator"))
            self.expect(wire.text("responder"))
            self.send_raw(wire.text("/unknown/1.0.0"))
            self.expect(wire.text("na"))
            self.send_raw(wire.text(NOISE))
            self.expect(wire.text(NOISE))
        else:
            self.send_raw(wire.text("responder"))
            self.expect(wire.text("initiator") + wire.text(NOISE))
            self.send_raw(wire.text(NOISE))

    def their_number(self) -> int:
        """Return the number that the host draws."""
        length, _ = wire.read_varint(self.read_raw(1))
        message = self.read_raw(length).decode()
        assert message.startswith("select:")
        assert message.endswith("\n")
        return int(message[len("select:") : -1])


class LostTheDraw(DialledToo):
    """A peer that draws the lowest number."""

    number = LOWEST


def use_both_ways(peer: Peer) -> None:
    stream_id = peer.use("/echo/1.0.0", b"hello")
    assert peer.read(stream_id, 5) == b"hello"
    theirs = peer.await_stream()  # identify, at least
    assert theirs % 2 != stream_id % 2
    peer.ping()


@pytest.mark.spec("SIMO-2", "SIMO-3", "SIMO-4")
@pytest.mark.parametrize("kind", [DialledToo, LostTheDraw])
async def test_a_peer_that_dialled_too(kind: type[DialledToo]) -> None:
    """The peer shares no code with the host: the wire is as go had it."""
    async with scene(asking()) as stage:
        await stage.attack(use_both_ways, kind, listens=True)


@pytest.mark.spec("SIMO-1")
async def test_a_listener_that_knows_nothing_of_it() -> None:
    class Listening(Peer):
        def negotiate(self) -> None:
            self.expect(OPENING)
            self.send_raw(wire.ask("na", NOISE))

    async with scene(asking()) as stage:
        await stage.attack(use_both_ways, Listening, listens=True)


@pytest.mark.spec("SIMO-1", "SIMO-7")
async def test_a_host_that_is_dialled_with_it() -> None:
    """Whether it would ask itself or not: it is not the dialer here."""

    class Dialling(Peer):
        def negotiate(self) -> None:
            self.send_raw(OPENING)
            self.expect(wire.ask("na", NOISE))

    for limits in (short_limits(), asking()):
        async with scene(limits) as stage:
            await stage.attack(use_both_ways, Dialling)


@pytest.mark.spec("SIMO-7")
async def test_a_host_does_not_ask_unasked() -> None:
    def look(peer: Peer) -> None:
        peer.expect(wire.ask(NOISE))

    async with scene() as stage:
        await stage.dial(look)


def says(*words: bytes) -> Callable[[Peer], None]:
    """Return a listener that says these words whatever it hears, and listens to the end."""

    def answer(peer: Peer) -> None:
        with contextlib.suppress(Gone):
            for word in words:
                peer.send_raw(word)
            while True:
                peer.read_raw(1)

    return answer


def selects(text: str) -> tuple[bytes, bytes]:
    return OPENING, wire.text(f"select:{text}")


LIES: dict[str, tuple[bytes, ...]] = {
    "both are initiators": (*selects(str(LOWEST)), wire.text("initiator")),
    "both are responders": (*selects(str(HIGHEST)), wire.text("responder")),
    "no role at all": (*selects(str(HIGHEST)), wire.text(NOISE)),
    "a second number": (*selects(str(LOWEST)), wire.text("select:1")),
    "an empty number": selects(""),
    "a negative number": selects("-1"),
    "a number too large": selects(str(HIGHEST + 1)),
    "a long number": selects("9" * 1000),
    "a number of other digits": selects("\u0663"),
    "a number with zeros": selects("007"),
    "the extension's echo, then plaintext": (wire.ask(SIMULTANEOUS, "select:" + str(LOWEST), "/plaintext/2.0.0"),),
    "no answer to it": (wire.ask(NOISE),),
    "a role at once": (wire.ask("initiator"),),
    "too long": (OPENING, wire.varint(65536)),
    "no text": (OPENING, b"\x05\xff\xfe\xfd\xfc\n"),
    "too long after the roles": (*selects(str(HIGHEST)), wire.text("initiator"), wire.varint(65536)),
}


async def test_liars_are_shown_out_at_once() -> None:
    async with scene(asking()) as stage:
        for name, words in LIES.items():
            async with asyncio.timeout(AT_ONCE_S):
                failed = await stage.dial(says(*words))
            ((_, reason),) = failed.attempts
            assert isinstance(reason, ProtocolViolation), (name, reason)


@pytest.mark.spec("SIMO-6")
async def test_a_flood_before_the_number_and_proposals_without_end() -> None:
    async with scene(asking()) as stage:
        for words in (
            (OPENING, wire.text(NOISE) * 100),
            (*selects(str(HIGHEST)), wire.text("initiator"), wire.text(SIMULTANEOUS) * 100),
        ):
            async with asyncio.timeout(AT_ONCE_S):
                failed = await stage.dial(says(*words))
            ((_, reason),) = failed.attempts
            assert isinstance(reason, NegotiationFailed)
            assert "more than 64" in str(reason)


@pytest.mark.spec("SIMO-5")
async def test_a_mirror() -> None:
    """A mirror draws what we draw, and nothing else it says is wrong."""

    def mirror(peer: Peer) -> None:
        with contextlib.suppress(Gone):
            while True:
                peer.send_raw(peer.read_raw(1))

    async with scene(asking()) as stage:
        async with asyncio.timeout(AT_ONCE_S):
            failed = await stage.dial(mirror)
        ((_, reason),) = failed.attempts
        assert isinstance(reason, NegotiationFailed)
        assert "same number" in str(reason)


@pytest.mark.parametrize(
    "words",
    [
        (),
        (OPENING,),
        selects(str(LOWEST)),
        (*selects(str(HIGHEST)), wire.text("initiator")),
        (*selects(str(LOWEST)), wire.text("responder")),
    ],
)
async def test_silence_costs_no_more_than_the_deadline(words: tuple[bytes, ...]) -> None:
    async with scene(asking(timeout_s=0.3)) as stage:
        failed = await stage.dial(says(*words))
        ((_, reason),) = failed.attempts
        assert isinstance(reason, TimeoutExpired)


def end_early(peer: Peer, said: bytes) -> None:
    with contextlib.suppress(Gone):
        peer.send_raw(said)
        peer.half_close()
        while True:
            peer.read_raw(1)


async def test_an_end_at_any_place() -> None:
    said = b"".join((*selects(str(HIGHEST)), wire.text("initiator"), wire.text(NOISE)))

    async with scene(asking()) as stage:
        for place in range(0, len(said), 5):
            async with asyncio.timeout(AT_ONCE_S):
                failed = await stage.dial(partial(end_early, said=said[:place]))
            ((_, reason),) = failed.attempts
            assert isinstance(reason, RemoteError), (place, reason)
