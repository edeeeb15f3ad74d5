"""Frames that the yamux spec forbids end the connection, as in go; what it lets live, lives. Whoever dialled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

import pytest

from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import scene
from hostile.wire import ACK, DATA, FIN, GO_AWAY, PING, RST, SYN, WINDOW, WINDOW_UPDATE

Say = Callable[[Peer], bytes]


def theirs(peer: Peer) -> int:
    """An id that is not ours to open."""
    return 2 if peer.is_dialer else 1


def held(peer: Peer) -> int:
    """A stream that nobody reads."""
    return peer.use("/hold/1.0.0")


def closed(peer: Peer) -> int:
    """A stream that is over, both ways."""
    stream_id = peer.use("/echo/1.0.0")
    peer.send(wire.data(stream_id, b"", FIN))
    peer.until(stream_id, FIN)
    peer.flags[stream_id] = 0
    return stream_id


def used_again(peer: Peer) -> bytes:
    return wire.data(held(peer), b"again", SYN)


def past_the_window(peer: Peer) -> bytes:
    stream_id = held(peer)
    return wire.data(stream_id, bytes(WINDOW - 1000)) + wire.data(stream_id, bytes(1001))


def past_the_counter(peer: Peer) -> bytes:
    return wire.credit(held(peer), 0xFFFFFFFF - WINDOW + 1000)


VIOLATIONS: dict[str, Say] = {
    "version": lambda peer: wire.frame(DATA, SYN, peer.new_id(), 0, version=1),
    "type": lambda peer: wire.frame(4),
    "last type": lambda peer: wire.frame(255, SYN, peer.new_id()),
    "wrong parity": lambda peer: wire.data(theirs(peer), b"x", SYN),
    "stream 0": lambda peer: wire.data(0, b"x", SYN),
    "stream 0 by window update": lambda peer: wire.frame(WINDOW_UPDATE, SYN, 0, 0),
    "id in use": used_again,
    "window": past_the_window,
    "no body yet": lambda peer: wire.frame(DATA, 0, held(peer), WINDOW + 1),
    "longest length": lambda peer: wire.frame(DATA, 0, held(peer), 0xFFFFFFFF),
    "first frame": lambda peer: wire.frame(DATA, SYN, peer.new_id(), WINDOW + 1),
    "first frame, whole": lambda peer: wire.data(peer.new_id(), bytes(WINDOW + 1), SYN),
    "first and last frame": lambda peer: wire.frame(DATA, SYN | FIN | ACK, peer.new_id(), 0x7FFFFFFF),
    "credit": past_the_counter,
    "garbage": lambda peer: bytes(range(1, 256)) * 100,
}


@pytest.mark.spec("YMX-1", "YMX-2", "YMX-3", "YMX-13", "YMX-21", "YMX-24")
@pytest.mark.parametrize("listens", [False, True])
async def test_violations_end_the_connection_and_say_why(listens: bool) -> None:
    async with scene() as stage:
        for name, say in VIOLATIONS.items():
            assert await stage.attack(partial(violate, say=say), listens=listens) == 1, name
            stage.over.set()


def violate(peer: Peer, say: Say) -> int | None:
    """Send the frames; return the code of their GoAway."""
    with contextlib.suppress(Gone):
        peer.send(say(peer))
    return peer.until_gone()


LEGAL: dict[str, Say] = {
    "data on an unknown stream": lambda peer: wire.data(peer.new_id() + 1000, bytes(300_000)),
    "data on one they may open": lambda peer: wire.data(theirs(peer) + 1000, b"x"),
    "data on stream 0": lambda peer: wire.data(0, b"x" * 1000),
    "data on a stream that is over": lambda peer: wire.data(closed(peer), b"x" * 1000),
    "credit for an unknown stream": lambda peer: wire.credit(peer.new_id() + 1000, 0xFFFFFFFF),
    "FIN of an unknown stream": lambda peer: wire.frame(WINDOW_UPDATE, FIN, peer.new_id() + 1000),
    "RST of an unknown stream": lambda peer: wire.reset(peer.new_id() + 1000) + wire.data(9999, b"x", RST),
    "ACK of an unknown stream": lambda peer: wire.frame(WINDOW_UPDATE, ACK, peer.new_id() + 1000),
    "RST of a stream that is over": lambda peer: wire.reset(closed(peer)),
    "unasked pongs": lambda peer: wire.frame(PING, ACK, 0, 1) * 500 + wire.frame(PING, ACK, 0, 0xFFFFFFFF),
    "a ping with an id": lambda peer: wire.frame(PING, ACK, 77, 1),
    "a ping without flags": lambda peer: wire.frame(PING, 0, 0, 1),
    "RST with a code": lambda peer: wire.frame(WINDOW_UPDATE, RST, held(peer), 0xFFFFFFFF),
    "open and reset in one": lambda peer: wire.frame(WINDOW_UPDATE, SYN | RST, peer.new_id()),
    "open, data and reset in one": lambda peer: wire.data(peer.new_id(), wire.ask("/echo/1.0.0"), SYN | RST | FIN),
    "a second FIN": lambda peer: wire.frame(WINDOW_UPDATE, FIN, held(peer)) * 3,
    "credit in drops": lambda peer: wire.credit(held(peer), 1) * 1000,
    "no credit": lambda peer: wire.credit(held(peer), 0) * 1000,
    "empty data": lambda peer: wire.data(held(peer), b"") * 1000,
    "flags nobody knows": lambda peer: wire.frame(WINDOW_UPDATE, 0xFFF0, held(peer), 0),
    "an id that was over, opened anew": lambda peer: wire.data(closed(peer), wire.ask("/hold/1.0.0"), SYN),
}


@pytest.mark.spec("YMX-4", "YMX-20", "YMX-22", "YMX-26")
@pytest.mark.parametrize("listens", [False, True])
async def test_what_is_odd_but_legal_costs_nothing(listens: bool) -> None:
    def odd(peer: Peer) -> None:
        for name, say in LEGAL.items():
            peer.send(say(peer))
            peer.ping()
            assert peer.goodbye is None, name
        stream_id = peer.use("/echo/1.0.0", b"still")
        assert peer.read(stream_id, 5) == b"still"

    async with scene() as stage:
        await stage.attack(odd, listens=listens)


@pytest.mark.parametrize("listens", [False, True])
async def test_data_after_fin_costs_the_stream(listens: bool) -> None:
    def go_on(peer: Peer) -> None:
        stream_id = held(peer)
        peer.send(wire.data(stream_id, b"all", FIN), wire.data(stream_id, b"more"))
        assert peer.until(stream_id, RST) & RST
        peer.ping()

    async with scene() as stage:
        await stage.attack(go_on, listens=listens)


@pytest.mark.spec("NOI-24")
async def test_empty_noise_frames_are_nothing() -> None:
    def say_nothing(peer: Peer) -> None:
        stream_id = peer.use("/echo/1.0.0")
        for cut in range(1, 12):
            head = wire.data(stream_id, b"hello")
            for piece in (head[:cut], b"", b"", head[cut:]):
                peer.send_raw(peer.seal(piece))
            assert peer.read(stream_id, 5) == b"hello"
        peer.send_raw(b"".join(peer.seal(b"") for _ in range(20_000)))
        peer.ping()

    async with scene() as stage:
        await stage.attack(say_nothing)


@pytest.mark.spec("NOI-22", "NOI-6")
@pytest.mark.parametrize("listens", [False, True])
async def test_spoilt_noise_frames_end_the_connection(listens: bool) -> None:
    def spoil(peer: Peer, place: int) -> int | None:
        sealed = bytearray(peer.seal(wire.data(held(peer), b"not to be seen")))
        sealed[place] ^= 1
        peer.send_raw(bytes(sealed) + peer.seal(wire.frame(PING, SYN, 0, 7)))
        peer.until_gone()
        assert peer.pongs == []
        return peer.goodbye

    def cut_short(peer: Peer, length: int) -> int | None:
        peer.send_raw(length.to_bytes(2, "big") + bytes(length))
        return peer.until_gone()

    def repeat(peer: Peer) -> int | None:
        sealed = peer.seal(wire.frame(PING, ACK, 0, 7))
        peer.send_raw(sealed * 2)
        return peer.until_gone()

    async with scene() as stage:
        for place in (2, 20, -1):
            await stage.attack(partial(spoil, place=place), listens=listens)
            stage.over.set()
        for length in (0, 1, 15, 16, 65535):
            await stage.attack(partial(cut_short, length=length), listens=listens)
        await stage.attack(repeat, listens=listens)


@pytest.mark.spec("YMX-16")
@pytest.mark.parametrize("listens", [False, True])
async def test_after_a_goodbye_live_streams_finish(listens: bool) -> None:
    def leave(peer: Peer) -> None:
        live, refused = peer.use("/echo/1.0.0"), peer.new_id()
        peer.send(wire.frame(GO_AWAY), wire.data(refused, wire.ask("/echo/1.0.0"), SYN))
        peer.until(refused, RST)
        for word in (b"a", b"b" * 100_000):
            peer.send(wire.data(live, word))
            assert peer.read(live, len(word)) == word
        peer.send(wire.data(live, b"", FIN))
        peer.until(live, FIN)
        for stream_id, flags in list(peer.flags.items()):
            if not flags & (FIN | RST):
                peer.send(wire.reset(stream_id))
        peer.until_gone()

    async with scene() as stage:
        await stage.attack(leave, listens=listens)
