"""mplex attacked: it has no windows, so each limit is ours alone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from aiolibp2p.events import ConnectionClosed
from aiolibp2p.muxers.mplex import MplexConfig
from aiolibp2p.swarm.connections.connection import ConnectionConfig
from hostile import wire
from hostile.mplex import CLOSE, MESSAGE, NEW, RESET, MplexPeer, frame
from hostile.peer import Gone, Peer
from hostile.scene import Scene, scene, short_limits, until
from hostile.wire import FIN, RST, varint

BOTH = pytest.mark.parametrize("listens", [False, True])
MAX_STREAMS = 200
MIB = 1024 * 1024


@contextlib.asynccontextmanager
async def mplex_scene(mplex: MplexConfig | None = None) -> AsyncIterator[Scene]:
    """All of them, the bystander too, prefer mplex."""
    limits = short_limits(mplex=mplex, connection=ConnectionConfig(negotiation_timeout_s=1.0))
    async with scene(limits, muxers=("mplex", "yamux")) as stage:
        yield stage


async def ended(stage: Scene, attack: Callable[[MplexPeer], object], listens: bool = False) -> str:
    """How the connection of the attack ended, by the host's own account."""
    closed = stage.host.events(ConnectionClosed)
    await stage.attack(attack, MplexPeer, listens)
    return (await anext(closed)).reason


@BOTH
async def test_an_honest_one(listens: bool) -> None:
    def attack(peer: MplexPeer) -> None:
        stream_id = peer.use("/echo/1.0.0", b"hello")
        peer.send(peer.say(stream_id, CLOSE))
        peer.until(stream_id, FIN)
        assert peer.inbox[stream_id] == b"hello"

    async with mplex_scene() as stage:
        await stage.attack(attack, MplexPeer, listens)


async def test_what_a_reset_leaves_unread_still_counts() -> None:
    """Closed, then reset: what came stays readable, but no other may take its room."""

    def attack(peer: MplexPeer) -> None:
        words = wire.ask("/hold/1.0.0") + bytes(900_000)
        for _ in range(300):
            stream_id = peer.new_id()
            peer.send(peer.opening(stream_id), peer.say(stream_id, MESSAGE, words))
            peer.send(peer.say(stream_id, CLOSE), peer.say(stream_id, RESET))
        peer.ping()

    async with mplex_scene() as stage:
        await stage.attack(attack, MplexPeer)


@BOTH
async def test_streams_by_the_thousand(listens: bool) -> None:
    def flood(peer: MplexPeer) -> None:
        for _ in range(10):
            stream_ids = [peer.new_id() for _ in range(500)]
            peer.send(*(peer.opening(stream_id) for stream_id in stream_ids))
            peer.until(stream_ids[-1], RST)
        assert sum(bool(flags & RST) for flags in peer.flags.values()) >= 5000 - MAX_STREAMS

    async with mplex_scene() as stage:
        await stage.attack(flood, MplexPeer, listens)


async def test_silent_streams_are_gone_by_the_deadline() -> None:
    def flood(peer: MplexPeer) -> None:
        stream_ids = [peer.new_id() for _ in range(MAX_STREAMS)]
        peer.send(*(peer.opening(stream_id) for stream_id in stream_ids))
        for stream_id in stream_ids:
            peer.until(stream_id, RST)
        peer.ping()

    async with mplex_scene() as stage:
        await stage.attack(flood, MplexPeer)


async def test_streams_opened_and_reset_by_the_thousand() -> None:
    """Streams that are opened and reset by the thousand, all under one number, cost nothing."""

    def flood(peer: MplexPeer) -> None:
        once = frame(9, NEW, b"a name") + frame(9, MESSAGE + 1, wire.ask("/echo/1.0.0") + b"work") + frame(9, RESET + 1)
        for _ in range(10):
            peer.send(once * 500)
            peer.ping()

    async with mplex_scene() as stage:
        await stage.attack(flood, MplexPeer)


class Deaf(MplexPeer):
    """A peer with little room for what it is sent."""

    @classmethod
    def dial(cls, port: int, receive_buffer: int | None = 16 * 1024) -> Peer:
        """Dial over a socket with a small buffer."""
        return super().dial(port, receive_buffer)


async def test_resets_that_nobody_reads() -> None:
    def flood(peer: MplexPeer) -> None:
        with pytest.raises(Gone):
            while True:
                peer.send(*(frame(2**59 + peer.new_id(), NEW) for _ in range(2000)))

    async with mplex_scene() as stage:
        closed = stage.host.events(ConnectionClosed)
        await stage.attack(flood, Deaf)
        assert "does not read our answers" in (await anext(closed)).reason


@pytest.mark.spec("MPX-10", "MPX-13")
async def test_words_to_streams_that_are_not_there() -> None:
    def flood(peer: MplexPeer) -> None:
        for kind in range(1, 7):
            peer.send(frame(77, kind) * 5000, frame(2**60 - 1, kind, bytes(100)) * 100)
        peer.ping()
        assert not peer.flags[77 << 1]
        assert not peer.flags[77 << 1 | 1]

    async with mplex_scene() as stage:
        await stage.attack(flood, MplexPeer)


@pytest.mark.spec("MPX-7")
async def test_words_behind_a_close() -> None:
    def attack(peer: MplexPeer) -> None:
        for protocol_id in ("/hold/1.0.0", "/drop/1.0.0", "/pour/1.0.0"):
            stream_id = peer.use(protocol_id)
            peer.send(peer.say(stream_id, CLOSE), peer.say(stream_id, CLOSE), peer.say(stream_id, MESSAGE, b"more"))
            peer.send(peer.say(stream_id, MESSAGE, bytes(100_000)) * 30)
            if protocol_id != "/drop/1.0.0":
                peer.until(stream_id, RST)
            peer.send(peer.say(stream_id, RESET))
        peer.ping()

    async with mplex_scene() as stage:
        await stage.attack(attack, MplexPeer)


ENDS = {
    "a number twice": (frame(5, NEW) + frame(5, NEW), "open already"),
    "flag 7": (frame(5, 7), "flag 7"),
    "a message too long": (frame(5, NEW) + varint(5 << 3 | 2) + varint(MIB + 1), "at most 1048576 are allowed"),
    "a name too long": (varint(5 << 3) + varint(2**20 + 1), "at most 1048576 are allowed"),
    "a length without end": (varint(5 << 3 | 2) + b"\xff" * 20, "length of an mplex message is longer"),
    "a number without end": (b"\xff" * 20, "id of an mplex message is longer"),
    "a loose number": (b"\x88\x00\x00", "not in its shortest form"),
}


@pytest.mark.spec("MPX-5", "MPX-12")
@BOTH
async def test_what_ends_it(listens: bool) -> None:
    async with mplex_scene() as stage:
        for name, (said, reason) in ENDS.items():

            def attack(peer: MplexPeer, said: bytes = said) -> None:
                peer.ping()
                peer.send(said)
                peer.until_gone()

            assert reason in await ended(stage, attack, listens), name


async def test_a_long_message_in_crumbs() -> None:
    """A long message in crumbs, its header a byte at a time."""

    def trickle(peer: MplexPeer) -> None:
        stream_id = peer.use("/echo/1.0.0")
        said = peer.say(stream_id, MESSAGE, bytes(1000))
        for at in range(len(said)):
            peer.send(said[at : at + 1])
        assert peer.read(stream_id, 1000) == bytes(1000)
        peer.send(varint(stream_id >> 1 << 3 | 2) + varint(MIB))
        peer.send(bytes(1000))
        peer.half_close()
        peer.until_gone()

    async with mplex_scene() as stage:
        await stage.attack(trickle, MplexPeer)


SHORT_STALL = MplexConfig(stall_timeout_s=0.3, linger_s=0.3)


def fill(peer: MplexPeer, stream_id: int) -> None:
    """Send more than the stream may hold, so that the host stops reading."""
    peer.send(peer.say(stream_id, MESSAGE, bytes(MIB)), peer.say(stream_id, MESSAGE, bytes(200_000)))


@pytest.mark.spec("MPX-9")
async def test_unread_data_past_every_limit() -> None:
    """Each reader that reads nothing loses its stream in time; the connection goes on."""

    def flood(peer: MplexPeer) -> None:
        stream_ids = [peer.use("/hold/1.0.0") for _ in range(3)]
        for stream_id in stream_ids:
            fill(peer, stream_id)
        for stream_id in stream_ids:
            peer.until(stream_id, RST)
        many = [peer.use("/hold/1.0.0") for _ in range(40)]
        for stream_id in many:
            peer.send(peer.say(stream_id, MESSAGE, bytes(900_000)))
        peer.ping()
        assert sum(bool(peer.flags[stream_id] & RST) for stream_id in many) == 40 - 16 * MIB // 900_000

    async with mplex_scene(SHORT_STALL) as stage:
        await stage.attack(flood, MplexPeer)


@pytest.mark.parametrize("rude", [False, True])
async def test_a_peer_that_dies_while_it_is_not_read(rude: bool) -> None:
    """A peer's end is not heard while reading is paused; it is when the stall is over."""

    def die(peer: MplexPeer) -> None:
        fill(peer, peer.use("/hold/1.0.0"))
        fill(peer, peer.use("/hold/1.0.0"))
        if rude:
            peer.hang_up_rudely()

    async with mplex_scene(SHORT_STALL) as stage:
        await ended(stage, die)
        await until(lambda: stage.host.statistics().connections == 1)


async def test_a_connection_ended_by_us_while_it_is_not_read() -> None:
    """Nothing is left that would fire: the stall is longer than the scene waits."""
    filled = threading.Event()

    def attack(peer: MplexPeer) -> None:
        stream_id = peer.use("/hold/1.0.0")
        with contextlib.suppress(Gone):
            while True:
                fill(peer, stream_id)
                filled.set()

    async with mplex_scene(MplexConfig(stall_timeout_s=60)) as stage:
        attack_over = asyncio.ensure_future(stage.attack(attack, MplexPeer))
        stranger = await stage.next_peer()
        await asyncio.to_thread(filled.wait)
        await stage.bystander.carries_on(4)
        await stage.host.disconnect(stranger)
        await attack_over
