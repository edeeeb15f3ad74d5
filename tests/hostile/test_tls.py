"""TLS attacked from within its connection: what a record by hand can say that OpenSSL never would."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from aiolibp2p.events import ConnectionClosed
from hostile import wire
from hostile.peer import Gone, Peer
from hostile.scene import Scene, scene
from hostile.tls import ALERT, CLOSE_NOTIFY, DATA, HANDSHAKE, KEY_UPDATE, KEY_UPDATE_AND_YOU, TlsPeer, fragment
from hostile.wire import SYN

BOTH = pytest.mark.parametrize("listens", [False, True])
CHANGES_AT_ONCE = 30
USER_CANCELED = b"\x01\x5a"
CLIENT_HELLO, CERTIFICATE_REQUEST, HELLO_REQUEST = (b"\x01\0\x00\x04", b"\x0d\0\0\x03\0\0\0", b"\0\0\0\0")


def echo(peer: Peer, words: bytes) -> bytes:
    """Return the bytes that the echo sends back."""
    stream_id = peer.use("/echo/1.0.0", words)
    return peer.read(stream_id, len(words))


@contextlib.asynccontextmanager
async def tls_scene() -> AsyncIterator[Scene]:
    """All of them, the bystander too, speak TLS."""
    async with scene(security=("tls",)) as stage:
        yield stage


async def ended(stage: Scene, attack: Callable[[TlsPeer], object], listens: bool) -> str:
    """How the connection of the attack ended, by the host's own account."""
    closed = stage.host.events(ConnectionClosed)
    await stage.attack(attack, TlsPeer, listens)
    return (await anext(closed)).reason


@pytest.mark.spec("TLS-1", "TLS-26")
@BOTH
async def test_an_honest_one(listens: bool) -> None:
    def attack(peer: TlsPeer) -> None:
        assert echo(peer, b"hello") == b"hello"
        peer.send_raw(peer.ours.seal(ALERT, CLOSE_NOTIFY))
        peer.until_gone()
        assert peer.alert == CLOSE_NOTIFY

    async with tls_scene() as stage:
        assert await ended(stage, attack, listens) == "the peer closed the connection"


def change_keys(peer: TlsPeer, times: int, message: bytes) -> None:
    """Change keys a number of times, in one go."""
    changes = b""
    for _ in range(times):
        changes += peer.ours.seal(HANDSHAKE, message)
        peer.ours.update()
    peer.send_raw(changes)


@BOTH
async def test_keys_changed_many_times_and_ours_with_them(listens: bool) -> None:
    def attack(peer: TlsPeer) -> None:
        words = bytes(100_000)
        for number in range(1, 6):
            change_keys(peer, CHANGES_AT_ONCE, KEY_UPDATE_AND_YOU)
            assert echo(peer, words) == words
            assert peer.key_updates == number * CHANGES_AT_ONCE
        change_keys(peer, 2000, KEY_UPDATE)
        assert echo(peer, words) == words

    async with tls_scene() as stage:
        await stage.attack(attack, TlsPeer, listens)


@BOTH
async def test_new_keys_asked_for_and_never_a_word(listens: bool) -> None:
    """New keys that are asked for without a word of ours end the connection: each answer would stay with us."""

    def attack(peer: TlsPeer) -> None:
        with pytest.raises(Gone):
            while True:
                change_keys(peer, 100, KEY_UPDATE_AND_YOU)

    async with tls_scene() as stage:
        assert "asks for new TLS keys again and again" in await ended(stage, attack, listens)


def say(peer: TlsPeer, data: bytes, kind: int | None = None) -> None:
    """Send the bytes, in a record of that kind or in the clear, then what is no longer heard; wait until they hang
    up.
    """
    peer.ping()
    with contextlib.suppress(Gone):
        peer.send_raw(data if kind is None else peer.ours.seal(kind, data))
        peer.send_raw(peer.seal(wire.data(peer.new_id(), wire.ask("/raise/1.0.0") + b"!", SYN)))
    peer.until_gone()


SAID: dict[str, tuple[int, bytes, str]] = {
    "close_notify": (ALERT, CLOSE_NOTIFY, "the peer closed the connection"),
    "bad_certificate": (ALERT, b"\x02\x2a", "bad certificate"),
    "internal_error": (ALERT, b"\x02\x50", "internal error"),
    "an unknown alert": (ALERT, b"\x02\xee", "does not open"),
    "half an alert": (ALERT, b"\x02", "does not open"),
    "two alerts": (ALERT, b"\x02\x50\x02\x50", "does not open"),
    "a client hello": (HANDSHAKE, CLIENT_HELLO + bytes(4), "does not open"),
    "a request to renegotiate": (HANDSHAKE, HELLO_REQUEST, "does not open"),
    "a request for a certificate": (HANDSHAKE, CERTIFICATE_REQUEST, "does not open"),
    "a second finished": (HANDSHAKE, b"\x14\0\0\x20" + bytes(32), "does not open"),
    "a key update that is none": (HANDSHAKE, b"\x18\0\0\x01\x02", "does not open"),
    "a key update and more": (HANDSHAKE, KEY_UPDATE + KEY_UPDATE, "does not open"),
    "a message without end": (HANDSHAKE, b"\x04\xff\xff\xff" + bytes(16000), "does not open"),
    "a change of cipher": (20, b"\x01", "does not open"),
    "an unknown type": (99, b"?", "does not open"),
    "no type": (0, b"\0", "does not open"),
    "a record too long": (DATA, bytes(16 * 1024 + 1), "does not open"),
}


@pytest.mark.spec("TLS-24", "TLS-26")
@BOTH
async def test_what_ends_it(listens: bool) -> None:
    async with tls_scene() as stage:
        for name, (kind, body, reason) in SAID.items():
            told = await ended(stage, partial(say, data=body, kind=kind), listens)
            assert reason in told, name


IN_THE_CLEAR = {
    "a record past every limit": b"\x17\x03\x03\xff\xff",
    "http": b"GET / HTTP/1.1\r\n\r\n" + bytes(100),
    "an alert": b"\x15\x03\x03\x00\x02\x01\x00",
    "a handshake": fragment(CLIENT_HELLO + bytes(4), 100),
    "an empty record": b"\x17\x03\x03\x00\x00",
    "a record that does not open": b"\x17\x03\x03\x00\x20" + bytes(32),
}


@BOTH
async def test_what_is_not_sealed(listens: bool) -> None:
    async with tls_scene() as stage:
        for name, data in IN_THE_CLEAR.items():
            told = await ended(stage, partial(say, data=data), listens)
            assert "TLS record" in told, name


@pytest.mark.spec("TLS-26")
@BOTH
async def test_a_cut_is_told_from_an_end(listens: bool) -> None:
    def cut(peer: TlsPeer, last: int) -> None:
        assert echo(peer, b"hello") == b"hello"
        peer.send_raw(peer.seal(bytes(100))[:last])
        peer.half_close()
        peer.until_gone()

    async with tls_scene() as stage:
        for last in (0, 50):
            assert "without TLS's close_notify" in await ended(stage, partial(cut, last=last), listens)


async def test_records_without_a_purpose() -> None:
    def some(peer: TlsPeer) -> None:
        for padding in (0, 1000):
            peer.send_raw(b"".join(peer.ours.seal(DATA, b"", padding) for _ in range(30)))
            peer.send_raw(peer.ours.seal(ALERT, USER_CANCELED))
            assert echo(peer, b"hello") == b"hello"

    def flood(peer: TlsPeer) -> None:
        with pytest.raises(Gone):
            while True:
                peer.send_raw(b"".join(peer.ours.seal(DATA, b"") for _ in range(100)))

    async with tls_scene() as stage:
        assert "cut" in await ended(stage, some, listens=False)
        assert "does not open" in await ended(stage, flood, listens=False)


async def test_tickets_by_the_thousand() -> None:
    """Thousands of tickets from a listener are dropped: nobody will show them to it."""

    def flood(peer: TlsPeer) -> None:
        body = struct.pack(">IIB1sH", 600, 7, 1, b"n", 8000) + bytes(8000) + b"\0\0"
        ticket = b"\x04" + len(body).to_bytes(3, "big") + body
        for _ in range(1000):
            peer.send_raw(peer.ours.seal(HANDSHAKE, ticket))
        assert echo(peer, b"hello") == b"hello"

    async with tls_scene() as stage:
        await stage.attack(flood, TlsPeer, listens=True)


async def test_records_of_one_byte() -> None:
    def trickle(peer: TlsPeer) -> None:
        said = wire.data(peer.new_id(), wire.ask("/echo/1.0.0") + b"hello" * 100, SYN)
        peer.send_raw(b"".join(peer.ours.seal(DATA, said[at : at + 1], at % 200) for at in range(len(said))))
        assert peer.read(peer.agreed(1, "/echo/1.0.0"), 500) == b"hello" * 100

    async with tls_scene() as stage:
        await stage.attack(trickle, TlsPeer)
