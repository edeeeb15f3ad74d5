"""Attacks on streams and their handlers: each costs its stream, or the attacker's own connection, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from aiolibp2p.errors import LimitExceeded, StreamReset
from aiolibp2p.muxers.yamux import YamuxConfig
from aiolibp2p.swarm.connections.connection import ConnectionConfig
from hostile import wire
from hostile.peer import PATIENCE_S, Gone, Peer
from hostile.scene import scene, short_limits
from hostile.wire import DATA, FIN, RST, SYN, WINDOW, WINDOW_UPDATE

MEGABYTE = 1_000_000
ROLES = pytest.mark.parametrize("listens", [False, True])


def rest_of_window(protocol_id: str) -> bytes:
    """Return how many bytes may still be sent on a stream after its proposal."""
    return bytes(WINDOW - len(wire.ask(protocol_id)))


@ROLES
async def test_a_handler_that_raises_costs_one_stream_and_one_line(listens: bool) -> None:
    def provoke(peer: Peer) -> None:
        other = peer.use("/echo/1.0.0", b"a")
        stream_id = peer.use("/raise/1.0.0", b"x")
        peer.until(stream_id, RST)
        peer.send(wire.data(other, b"b"))
        assert peer.read(other, 2) == b"ab"

    async with scene() as stage:
        stage.expected_errors = 1
        await stage.attack(provoke, listens=listens)


@pytest.mark.spec("YMX-9")
@ROLES
async def test_a_reset_in_the_midst_of_a_read(listens: bool) -> None:
    def reset(peer: Peer) -> None:
        for frame in (wire.frame(WINDOW_UPDATE, RST), wire.frame(DATA, RST), wire.data(0, b"last words", RST)):
            stream_id = peer.use("/read/1.0.0", b"some")
            peer.send(frame[:4], stream_id.to_bytes(4, "big"), frame[8:])
        peer.ping()

    async with scene() as stage:
        await stage.attack(reset, listens=listens)
        for _ in range(3):
            assert isinstance(await stage.ends.get(), StreamReset)


@pytest.mark.spec("YMX-13")
@ROLES
async def test_300_mb_to_a_stream_that_nobody_reads(listens: bool) -> None:
    def flood(peer: Peer) -> None:
        stream_id = peer.use("/hold/1.0.0")
        pieces = wire.data(stream_id, bytes(32_000)) * 4
        sent = 0
        try:
            while sent < 300 * MEGABYTE:
                peer.send(pieces)
                sent += len(pieces)
        except Gone:
            pass
        else:
            raise AssertionError("nobody minded")

    async with scene() as stage:
        await stage.attack(flood, listens=listens)


async def test_300_mb_to_streams_that_are_gone() -> None:
    def flood(peer: Peer) -> None:
        stream_id = peer.use("/hold/1.0.0")
        peer.send(wire.reset(stream_id))
        pieces = wire.data(stream_id, bytes(MEGABYTE))
        for _ in range(300 * MEGABYTE // len(pieces)):
            peer.send(pieces)
        peer.ping()

    async with scene() as stage:
        await stage.attack(flood)


async def test_every_window_filled_at_once_holds_no_more_than_the_limit() -> None:
    def fill(peer: Peer) -> None:
        stream_ids = [peer.use("/hold/1.0.0") for _ in range(200)]
        for stream_id in stream_ids:
            peer.send(wire.data(stream_id, rest_of_window("/hold/1.0.0")))
        peer.ping()
        assert sum(bool(peer.flags[stream_id] & RST) for stream_id in stream_ids) == 200 - 64

    async with scene() as stage:
        await stage.attack(fill)


async def test_windows_filled_in_crumbs_hold_no_more_than_that() -> None:
    def fill(peer: Peer) -> None:
        for _ in range(8):
            stream_id = peer.use("/hold/1.0.0")
            peer.send(wire.data(stream_id, b"ab") * (len(rest_of_window("/hold/1.0.0")) // 2))
            peer.ping()

    async with scene() as stage:
        await stage.attack(fill)


async def test_small_pieces_do_not_keep_large_frames_alive() -> None:
    def fill(peer: Peer) -> None:
        drained = wire.data(9999, bytes(56_000))
        for _ in range(16):
            stream_id = peer.use("/hold/1.0.0")
            for _ in range(WINDOW // 5000):
                peer.send_raw(peer.seal(wire.data(stream_id, bytes(5000)) + drained))
        peer.ping()

    async with scene() as stage:
        await stage.attack(fill)


@pytest.mark.spec("CONN-11")
@ROLES
async def test_a_peer_that_never_reads_makes_the_writer_wait(listens: bool) -> None:
    enough = threading.Event()

    def look_away(peer: Peer) -> None:
        for _ in range(5):
            stream_id = peer.open("/pour/1.0.0")
            peer.send(wire.credit(stream_id, 0x7FFFFFFF))
        assert enough.wait(PATIENCE_S)

    async with scene() as stage:
        attack = asyncio.ensure_future(stage.attack(look_away, listens=listens))
        poured = -1
        while not stage.poured or poured != stage.poured:
            poured = stage.poured
            await stage.bystander.carries_on(50)
        enough.set()
        await attack
        assert stage.poured < 20 * MEGABYTE


async def test_a_peer_that_gives_no_credit_makes_the_writer_wait() -> None:
    def take_a_window(peer: Peer) -> None:
        peer.gives_credit = False
        stream_id = peer.use("/pour/1.0.0")
        assert peer.read(stream_id, len(rest_of_window("/pour/1.0.0"))) == rest_of_window("/pour/1.0.0")
        peer.ping()
        assert not peer.inbox[stream_id]

    async with scene() as stage:
        await stage.attack(take_a_window)


@pytest.mark.spec("YMX-8", "CONN-10")
@ROLES
async def test_half_closes_in_every_order(listens: bool) -> None:
    def play(peer: Peer) -> None:
        ask = wire.ask("/echo/1.0.0")
        at_once = peer.new_id()
        peer.send(wire.data(at_once, ask + b"all", SYN | FIN))
        assert peer.read(peer.agreed(at_once, "/echo/1.0.0"), 3) == b"all"
        peer.until(at_once, FIN)
        apart = peer.new_id()
        peer.send(wire.frame(WINDOW_UPDATE, SYN, apart), wire.data(apart, ask), wire.frame(DATA, FIN, apart))
        peer.until(peer.agreed(apart, "/echo/1.0.0"), FIN)
        early = peer.new_id()
        peer.send(wire.frame(WINDOW_UPDATE, SYN | FIN, early))
        peer.until(early, RST)
        cut = peer.new_id()
        peer.send(wire.data(cut, ask[:25], SYN | FIN))
        peer.until(cut, RST)
        credit_after = peer.use("/echo/1.0.0")
        peer.send(wire.frame(WINDOW_UPDATE, FIN, credit_after), wire.credit(credit_after, 1000))
        peer.until(credit_after, FIN)
        kept_open = peer.use("/drop/1.0.0")
        peer.until(kept_open, FIN)
        peer.until(kept_open, RST)
        peer.ping()

    async with scene() as stage:
        await stage.attack(play, listens=listens)


async def test_the_write_side_of_the_socket_closed() -> None:
    async with scene() as stage:

        def shut(peer: Peer, last: tuple[bytes, ...]) -> None:
            stream_id = peer.use("/read/1.0.0", b"some")
            peer.send(*(part.replace(b"ID!!", stream_id.to_bytes(4, "big")) for part in last))
            peer.half_close()
            peer.until_gone()

        for last in ((), (b"\0\0\0\0ID!!\0\0\0\x64half",), (b"\0\0\0\0ID",)):
            await stage.attack(partial(shut, last=last))
            assert isinstance(await stage.ends.get(), StreamReset)


CUTS: dict[str, Callable[[Peer, bytes], None]] = {
    "noise length": lambda peer, whole: peer.send_raw(peer.seal(whole)[:1]),
    "noise frame": lambda peer, whole: peer.send_raw(peer.seal(whole)[:-1]),
    "yamux header": lambda peer, whole: peer.send(whole[:11]),
    "yamux body": lambda peer, whole: peer.send(whole[:-1]),
    "multistream": lambda peer, _: peer.send(wire.data(peer.new_id(), wire.ask("/echo/1.0.0")[:-3], SYN)),
}


@ROLES
@pytest.mark.parametrize("rude", [False, True])
async def test_an_end_within_a_frame(listens: bool, rude: bool) -> None:
    def cut(peer: Peer, send: Callable[[Peer, bytes], None]) -> None:
        stream_id = peer.use("/read/1.0.0", b"some")
        send(peer, wire.data(stream_id, bytes(1000)))
        if rude:
            peer.hang_up_rudely()

    async with scene() as stage:
        for send in CUTS.values():
            await stage.attack(partial(cut, send=send), listens=listens)
            assert isinstance(await stage.ends.get(), StreamReset)


@pytest.mark.spec("CONN-3", "CONN-24")
@ROLES
async def test_bad_negotiations_cost_their_stream(listens: bool) -> None:
    bad = (
        wire.text(wire.HELLO) + wire.varint(64 * 1024) + b"/" * 64 * 1024 + b"\n",
        wire.text("/multistream/2.0.0"),
        wire.text(wire.HELLO) + b"\x00",
        wire.text(wire.HELLO) + b"\x04/ech",
        wire.text(wire.HELLO) + b"\x03\xff\xfe\n",
        wire.text("/echo/1.0.0"),
        wire.ask(*["/none/1.0.0"] * 3000),
        b"\xff" * 100,
        b"GET / HTTP/1.1\r\n" + b"x" * 100,
    )

    def negotiate(peer: Peer) -> None:
        for words in bad:
            stream_id = peer.new_id()
            peer.send(wire.data(stream_id, words, SYN))
            peer.until(stream_id, RST)
        peer.ping()

    async with scene() as stage:
        await stage.attack(negotiate, listens=listens)


@pytest.mark.spec("CONN-28", "CONN-27")
async def test_streams_that_never_negotiate_are_gone_by_the_deadline() -> None:
    def open_silently(peer: Peer) -> None:
        stream_ids = [peer.new_id() for _ in range(20)]
        peer.send(*(wire.frame(WINDOW_UPDATE, SYN, stream_id) for stream_id in stream_ids[:10]))
        peer.send(*(wire.data(stream_id, b"\x13/multi", SYN) for stream_id in stream_ids[10:]))
        for stream_id in stream_ids:
            peer.until(stream_id, RST)

    limits = short_limits(connection=ConnectionConfig(negotiation_timeout_s=0.3))
    async with scene(limits) as stage:
        await stage.attack(open_silently)


async def test_a_read_to_the_end_that_never_ends() -> None:
    limits = short_limits(connection=ConnectionConfig(max_read_bytes=1_000_000))
    async with scene(limits) as stage:
        caught = asyncio.get_running_loop().create_future()

        @stage.host.handler("/all/1.0.0")
        async def read_all(stream: object) -> None:
            try:
                await stream.read()  # type: ignore[attr-defined]
            except LimitExceeded as error:
                caught.set_result(error)

        def never_end(peer: Peer) -> None:
            stream_id = peer.use("/all/1.0.0")
            while not peer.flags[stream_id] & (FIN | RST):
                peer.send(wire.data(stream_id, bytes(50_000)))
                peer.ping()

        await stage.attack(never_end)
        assert "max_read_bytes" in str(await caught)


async def test_a_handler_that_leaves_a_full_window_behind_resets_at_once() -> None:
    async with scene(short_limits(yamux=YamuxConfig(linger_s=60))) as stage:
        loop = asyncio.get_running_loop()

        def fill(peer: Peer) -> None:
            stream_id = peer.use("/hold/1.0.0")
            peer.send(wire.data(stream_id, rest_of_window("/hold/1.0.0")))
            peer.ping()
            loop.call_soon_threadsafe(stage.over.set)
            assert peer.until(stream_id, RST) & FIN

        await stage.attack(fill)


async def test_a_last_frame_that_fills_the_window_of_a_closed_stream_is_no_reason_to_reset() -> None:
    def finish(peer: Peer) -> None:
        stream_id = peer.use("/drop/1.0.0")
        peer.until(stream_id, FIN)
        peer.send(wire.data(stream_id, rest_of_window("/drop/1.0.0"), FIN))
        peer.ping()
        assert not peer.flags[stream_id] & RST

    async with scene(short_limits(yamux=YamuxConfig(linger_s=60))) as stage:
        await stage.attack(finish)
