"""Identify told lies, floods and nonsense: what is known of others stays true, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import pytest

from aiolibp2p import PeerId
from aiolibp2p.errors import ProtocolViolation
from hostile import wire
from hostile.peer import Peer
from hostile.scene import Scene, scene
from hostile.wire import ACK, FIN, RST, Identity, bytes_field

ID, PUSH = "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"
KEY, ADDRESS, PROTOCOL, AGENT, RECORD = 1, 2, 3, 6, 8

AT_ONCE_S = 3.0
"""The seconds within which an answer must come: well before identify's own deadline."""

TRAP = wire.tcp_address("192.0.2.66", 666)
"""An address that nobody but the attacker wants others to dial."""


def part(*fields: tuple[int, bytes]) -> bytes:
    """An identify message behind its length."""
    message = b"".join(bytes_field(number, value) for number, value in fields)
    return wire.varint(len(message)) + message


def answer_every_question(peer: Peer, words: bytes, times: int) -> None:
    """Serve identify a number of times, always with these words."""
    for _ in range(times):
        stream_id = peer.serve(ID)
        peer.send(wire.data(stream_id, words, FIN | ACK))
        peer.until(stream_id, FIN | RST)
    peer.ping()


def peer_id(identity: Identity) -> PeerId:
    return PeerId.parse(str(identity))


class Known(Peer):
    """A peer whose identity the test knows beforehand."""

    who = Identity()

    def payload(self) -> bytes:
        return self.who.proves(self.static())


@contextlib.asynccontextmanager
async def answering(stage: Scene, words: bytes) -> AsyncIterator[PeerId]:
    """A connected peer that answers identify with these words, when the host asks by itself, and once more."""
    attack = asyncio.ensure_future(stage.attack(partial(answer_every_question, words=words, times=2), Known, True))
    yield await stage.next_peer()
    await attack


VICTIM = Identity()

KEYS = {
    "the victim's": VICTIM.public,
    "garbage": b"garbage",
    "huge": wire.rsa_public_key(16_384),
    "not canonical": Known.who.public + b"\x18\x01",
}


@pytest.mark.spec("ID-9")
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
async def test_an_answer_with_a_key_that_is_not_the_peers_is_dropped_whole(key: bytes) -> None:
    words = part((KEY, key), (AGENT, b"liar/1"), (ADDRESS, TRAP), (PROTOCOL, b"/trap/1.0.0"))
    async with scene() as stage, answering(stage, words) as liar:
        with pytest.raises(ProtocolViolation, match="key that peer"):
            await stage.host.identify(liar)
        store = stage.host.peerstore
        assert store.protocols(liar) is None
        assert store.metadata(liar) is None
        assert TRAP not in [address.to_bytes() for address in store.addresses(liar)]
        assert store.addresses(peer_id(VICTIM)) == []


RECORDS = {
    "of the victim, signed by the liar": Known.who.record([TRAP], VICTIM.peer_id, seq=2**60),
    "of the victim, signed by the victim": VICTIM.record([TRAP]),
    "of the liar, signed by the victim": VICTIM.record([TRAP], Known.who.peer_id),
    "of nobody": b"\xff" * 100,
    "spoilt": bytes([*(signed := Known.who.record([TRAP]))[:-5], signed[-5] ^ 1, *signed[-4:]]),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS.keys())
async def test_a_record_of_somebody_else_poisons_no_address(record: bytes) -> None:
    words = part((KEY, Known.who.public), (AGENT, b"liar/1"), (RECORD, record))
    async with scene() as stage, answering(stage, words) as liar:
        result = await stage.host.identify(liar)
        assert result.agent_version == "liar/1"
        assert result.signed_peer_record is None
        store = stage.host.peerstore
        for peer in (liar, peer_id(VICTIM)):
            assert TRAP not in [address.to_bytes() for address in store.addresses(peer)]
            assert store.signed_peer_record(peer) is None


async def test_an_honest_record_is_taken() -> None:
    """An honest record is taken, so the tests above do not pass because nothing ever is."""
    own = wire.tcp_address("127.0.0.1", 4001)
    words = part((KEY, Known.who.public), (RECORD, Known.who.record([own])))
    async with scene() as stage, answering(stage, words) as peer:
        result = await stage.host.identify(peer)
        assert result.signed_peer_record is not None
        assert [address.to_bytes() for address in result.listen_addresses] == [own]


PUSHES = {
    "10 MB": wire.varint(10_000_000) + bytes(10_000_000),
    "10 MB in parts": part((AGENT, bytes(8000))) * 1250,
    "a length without end": b"\xff" * 100_000,
    "no protobuf": wire.varint(1000) + b"\xff" * 1000,
    "cut short": part((AGENT, b"liar/2"))[:-1],
    "nothing": b"",
    "the victim's key": part((KEY, VICTIM.public), (AGENT, b"liar/2")),
}


@pytest.mark.parametrize("listens", [False, True])
async def test_pushes_that_are_none(listens: bool) -> None:
    def push(peer: Peer) -> None:
        for words in PUSHES.values():
            stream_id = peer.use(PUSH)
            for at in range(0, min(len(words), 250_000), 50_000):
                peer.send(wire.data(stream_id, words[at : at + 50_000]))
            if len(words) < 250_000:
                peer.send(wire.frame(wire.DATA, FIN, stream_id))
            peer.until(stream_id, FIN | RST)
        peer.ping()

    async with scene() as stage:
        async with asyncio.timeout(AT_ONCE_S):
            await stage.attack(push, Known, listens)
        assert stage.host.peerstore.metadata(peer_id(Known.who)) is None


async def test_what_a_push_says_is_kept_in_bounds() -> None:
    addresses = [(ADDRESS, wire.tcp_address(f"127.0.{n >> 8}.{n & 255}", 1 + n)) for n in range(600)]
    protocols = [(PROTOCOL, b"/p/%d" % n) for n in range(700)]
    words = part(*addresses[:300]) + part(*addresses[300:]) + b"".join(part(*protocols) for _ in range(2))
    words += part(*((PROTOCOL, b"/q/%d" % n) for n in range(700))) + part((AGENT, b"\xff" * 8000))

    def push(peer: Peer) -> None:
        for _ in range(50):
            stream_id = peer.open(PUSH, words)
            peer.send(wire.frame(wire.DATA, FIN, stream_id))
            peer.until(stream_id, FIN | RST)
        store = stage.host.peerstore
        known = peer_id(Known.who)
        assert 0 < len(store.addresses(known)) <= 500
        assert 0 < len(store.protocols(known) or ()) <= 1024
        assert len(getattr(store.metadata(known), "agent_version", "")) <= 1000

    async with scene() as stage:
        await stage.attack(push, Known)


async def test_questions_by_the_thousand_whose_answers_nobody_takes() -> None:
    def ask(peer: Peer) -> None:
        peer.gives_credit = False
        for _ in range(40):
            stream_ids = [peer.open(ID) for _ in range(50)]
            for stream_id in stream_ids:
                peer.until(stream_id, FIN | RST)

    async with scene() as stage:
        await stage.attack(ask)
