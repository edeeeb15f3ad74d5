"""Floods: what a peer makes us do, owe or keep is bounded, and the bystander goes on."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from aiolibp2p.swarm.connections.connection import ConnectionConfig
from hostile import wire
from hostile.peer import Frame, Gone, Peer
from hostile.scene import scene, short_limits
from hostile.wire import ACK, DATA, FIN, PING, RST, SYN, WINDOW_UPDATE

MANY = 20_000
MAX_STREAMS = 1000
SMALL_BUFFER_BYTES = 16 * 1024
ROLES = pytest.mark.parametrize("listens", [False, True])


def count_resets(peer: Peer) -> int:
    """Return how many streams of ours they have reset by now."""
    peer.ping()
    return sum(bool(flags & RST) for flags in peer.flags.values())


@pytest.mark.spec("YMX-18")
@ROLES
async def test_streams_by_the_thousand(listens: bool) -> None:
    def flood(peer: Peer) -> None:
        words = wire.ask("/hold/1.0.0")
        for _ in range(MANY // 500):
            peer.send(*(wire.data(peer.new_id(), words, SYN) for _ in range(500)))
            peer.ping()
        assert count_resets(peer) == MANY - MAX_STREAMS

    async with scene() as stage:
        await stage.attack(flood, listens=listens)


@pytest.mark.spec("YMX-18")
@ROLES
async def test_silent_streams_by_the_thousand(listens: bool) -> None:
    def flood(peer: Peer) -> None:
        for _ in range(MANY // 500):
            peer.send(*(wire.frame(WINDOW_UPDATE, SYN, peer.new_id()) for _ in range(500)))
            peer.ping()
        assert MANY - MAX_STREAMS <= count_resets(peer) <= MANY

    async with scene() as stage:
        await stage.attack(flood, listens=listens)


async def test_streams_opened_and_reset_by_the_thousand() -> None:
    def flood(peer: Peer) -> None:
        words = wire.ask("/echo/1.0.0") + b"some work"
        for _ in range(MANY // 500):
            stream_ids = [peer.new_id() for _ in range(500)]
            peer.send(*(wire.data(stream_id, words, SYN) + wire.reset(stream_id) for stream_id in stream_ids))
            peer.ping()
        stream_id = peer.use("/echo/1.0.0", b"still")
        assert peer.read(stream_id, 5) == b"still"

    async with scene() as stage:
        await stage.attack(flood)


async def test_streams_nobody_reads_the_answers_of() -> None:
    def flood(peer: Peer) -> None:
        words = wire.ask("/echo/1.0.0")
        with pytest.raises(Gone):
            while True:
                peer.send(*(wire.data(peer.new_id(), words, SYN | FIN) for _ in range(500)))

    async with scene() as stage:
        await stage.attack(flood, Deaf)


class Deaf(Peer):
    """Has little room for what it is told, so that the other side's buffers fill soon."""

    @classmethod
    def dial(cls, port: int, receive_buffer: int | None = SMALL_BUFFER_BYTES) -> Peer:
        """Dial over a socket with a small buffer."""
        return super().dial(port, receive_buffer)


async def test_pings_nobody_reads_the_answers_of() -> None:
    def flood(peer: Peer) -> None:
        with contextlib.suppress(Gone):
            for _ in range(100):
                peer.send(wire.frame(PING, SYN, 0, 7) * 500)

    def flood_without_end(peer: Peer) -> None:
        with pytest.raises(Gone):
            while True:
                peer.send(wire.frame(PING, SYN, 0, 7) * 500)

    async with scene() as stage:
        await stage.attack(flood)
        await stage.attack(flood_without_end, Deaf)


@ROLES
async def test_pings_by_the_thousand_are_answered_if_they_are_read(listens: bool) -> None:
    def flood(peer: Peer) -> None:
        for _ in range(100):
            peer.send(wire.frame(PING, SYN, 0, 7) * 500)
            while len(peer.pongs) < 500:
                peer.read_frame()
            assert peer.pongs == [7] * 500
            peer.pongs.clear()

    async with scene() as stage:
        await stage.attack(flood, listens=listens)


async def test_refused_protocols_by_the_thousand() -> None:
    def flood(peer: Peer) -> None:
        for _ in range(3000 // 100):
            stream_ids = [peer.new_id() for _ in range(100)]
            peer.send(*(wire.data(stream_id, wire.ask("/none/1.0.0"), SYN) for stream_id in stream_ids))
            for stream_id in stream_ids:
                assert peer.read(stream_id, len(wire.ask("na"))) == wire.ask("na")
            peer.send(*(wire.frame(WINDOW_UPDATE, FIN, stream_id) for stream_id in stream_ids))
            for stream_id in stream_ids:
                peer.until(stream_id, RST)

    async with scene() as stage:
        await stage.attack(flood)


async def test_refused_protocols_left_open_are_gone_by_the_deadline() -> None:
    def flood(peer: Peer) -> None:
        stream_ids = [peer.open("/none/1.0.0") for _ in range(3000)]
        for stream_id in stream_ids:
            peer.until(stream_id, RST)

    limits = short_limits(connection=ConnectionConfig(negotiation_timeout_s=1.0))
    async with scene(limits) as stage:
        await stage.attack(flood)


async def test_frames_without_a_purpose_by_the_thousand() -> None:
    def flood(peer: Peer) -> None:
        stream_id = peer.use("/hold/1.0.0")
        pointless = (
            wire.data(stream_id, b""),
            wire.credit(stream_id, 0),
            wire.credit(9999, 1),
            wire.frame(PING, ACK, 0, 9),
            wire.frame(DATA, ACK, stream_id),
        )
        for frame in pointless:
            peer.send(frame * MANY)
            peer.ping()

    async with scene() as stage:
        await stage.attack(flood)


async def test_sockets_that_open_and_reset_by_the_hundred() -> None:
    async with scene() as stage:
        await asyncio.to_thread(knock, stage.port)


def knock(port: int) -> None:
    """500 connections, each reset at once."""
    for _ in range(500):
        with Peer.dial(port) as peer:
            peer.hang_up_rudely()


async def test_our_streams_are_not_answered() -> None:
    """A listener that agrees to nothing: what we ask for ends in time, and a refusal says so."""
    opened: list[Frame] = []

    def stay_silent(peer: Peer) -> None:
        while len(opened) < 20:
            frame = peer.read_frame()
            if frame.flags & SYN and frame.kind == DATA:
                opened.append(frame)
        for frame in opened:
            peer.until(frame.stream_id, RST)

    limits = short_limits(connection=ConnectionConfig(negotiation_timeout_s=0.5))
    async with scene(limits) as stage:
        attack = asyncio.ensure_future(stage.attack(stay_silent, listens=True))
        stranger = await stage.next_peer()
        asked = [stage.host.new_stream(stranger, "/a/1.0.0", "/b/1.0.0") for _ in range(19)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all("no protocol was agreed upon within 0.5 s" in str(answer) for answer in answers)
        await attack


async def test_what_a_reset_leaves_unread_still_counts() -> None:
    """Closed, then reset: what came stays readable, but no other may take its room."""

    def flood(peer: Peer) -> None:
        words = wire.ask("/hold/1.0.0")
        for _ in range(600):
            stream_id = peer.new_id()
            peer.send(wire.data(stream_id, words + bytes(200_000), SYN | FIN), wire.reset(stream_id))
        peer.ping()

    async with scene() as stage:
        await stage.attack(flood)
