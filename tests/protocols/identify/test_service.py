from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from aiolibp2p.errors import HostNotRunning, ProtocolNotSupported, ProtocolViolation, StreamCode, TimeoutExpired
from aiolibp2p.events import PeerIdentified
from aiolibp2p.multiformats import varint
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_record import open_peer_record
from aiolibp2p.protocols.identify import IDENTIFY_ID, PUSH_ID, IdentifyConfig, service
from aiolibp2p.protocols.identify.messages import MessageReader, delimit
from aiolibp2p.protocols.identify.profiles import RECENTLY_CONNECTED_TTL_S
from protocols.fakes import FakeRuntime, FakeStream, join
from protocols.identify.pair import HERE, KEYS, LAN, LINK_LOCAL, LOOPBACK, PUBLIC, THERE, Pair
from waiting import after

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    both = await Pair().start()
    yield both
    await both.stop()
    assert both.us.failures == []


# Asking and answering


@pytest.mark.spec("ID-1", "ID-5", "ID-6", "ID-8", "ID-10", "REC-12", "REC-13", "ID-16")
async def test_one_asks_the_other_answers_and_closes(pair: Pair) -> None:
    result = await pair.identify.identify(pair.them.peer_id)
    assert result.peer_id == pair.them.peer_id
    assert (result.agent_version, result.protocol_version) == ("theirs/1", "ipfs/0.1.0")
    assert result.protocols == (IDENTIFY_ID, PUSH_ID)
    assert result.listen_addresses == (THERE,)
    assert result.observed_address == HERE
    assert result.public_key == KEYS[1].public_key
    assert result.signed_peer_record is not None
    assert open_peer_record(result.signed_peer_record, pair.them.peer_id).addresses == (THERE,)
    (asked,) = pair.us.opened
    assert asked.sent == b""
    assert asked.closed
    assert asked.other.closed


async def test_the_result_is_in_the_peerstore_and_announced(pair: Pair) -> None:
    await pair.identified()
    store, peer = pair.us.peerstore, pair.them.peer_id
    assert store.protocols(peer) == {IDENTIFY_ID, PUSH_ID}
    assert store.certified_addresses(peer) == [THERE]
    assert store.key(peer) == KEYS[1].public_key
    metadata = store.metadata(peer)
    assert metadata is not None
    assert metadata.agent_version == "theirs/1"
    assert await anext(pair.seen) == PeerIdentified(peer, "theirs/1", (IDENTIFY_ID, PUSH_ID), (THERE,), HERE)


@pytest.mark.spec("ID-5")
async def test_by_default_we_are_called_by_name_and_version() -> None:
    both = await Pair(IdentifyConfig()).start()
    result = await both.theirs.identify(both.us.peer_id)
    assert re.fullmatch(r"aiolibp2p/\d+\.\d+\.\d+\S*", result.agent_version)
    await both.stop()


@pytest.mark.spec("ID-13")
async def test_connections_that_stood_before_the_start_are_identified_too() -> None:
    both = Pair()
    await both.theirs.start(both.them.context)
    await both.identify.start(both.us.context)
    await both.us.idle()
    assert both.us.peerstore.protocols(both.them.peer_id) == {IDENTIFY_ID, PUSH_ID}
    assert both.them.peerstore.protocols(both.us.peer_id) == {IDENTIFY_ID, PUSH_ID}
    await both.stop()


@pytest.mark.spec("ID-4", "ID-19")
async def test_a_peer_that_says_next_to_nothing_is_fine(pair: Pair) -> None:
    pair.answer(protocol_version=b"/another-network/9")
    result = await pair.identify.identify(pair.them.peer_id)
    assert result.protocol_version == "/another-network/9"
    assert result.listen_addresses == ()
    assert pair.us.peerstore.protocols(pair.them.peer_id) is None
    assert not pair.connection.is_closed


@pytest.mark.spec("ID-6")
async def test_a_key_that_is_not_the_peers_damns_the_message(pair: Pair) -> None:
    pair.answer(public_key=KEYS[2].public_key.marshal(), protocols=[b"/evil"], listen_addresses=[LAN.to_bytes()])
    with pytest.raises(ProtocolViolation, match="key"):
        await pair.identify.identify(pair.them.peer_id)
    assert pair.us.peerstore.protocols(pair.them.peer_id) is None
    assert pair.us.peerstore.addresses(pair.them.peer_id) == []
    assert len(pair.seen) == 0


@pytest.mark.parametrize("wire", [b"", b"\xff" * 20, varint.encode(9000), b"\x05ab", delimit([b"\xff"])])
async def test_garbage_is_refused_and_the_stream_reset(pair: Pair, wire: bytes) -> None:
    async def handler(stream: FakeStream) -> None:
        await stream.write(wire)

    pair.them.handlers[IDENTIFY_ID] = handler
    with pytest.raises(ProtocolViolation):
        await pair.identify.identify(pair.them.peer_id)
    pair.identify.connection_opened(pair.connection)
    await pair.us.idle()
    assert pair.us.peerstore.peers() == []


async def test_a_peer_that_never_finishes_is_a_timeout_that_says_so() -> None:
    both = await Pair(IdentifyConfig(timeout_s=5.0)).start()

    async def handler(stream: FakeStream) -> None:
        await stream.write(b"\x05a")
        await stream.read()

    both.them.handlers[IDENTIFY_ID] = handler
    with pytest.raises(TimeoutExpired, match=r"no answer from 12D3\w+ within 5 s"):
        await both.identify.identify(both.them.peer_id)
    assert both.us.opened[0].is_reset
    await both.stop()


class Stalled(FakeStream):
    """A stream whose peer reads nothing, so that its writer waits."""

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_peer_that_reads_no_answers_has_so_many_at_most() -> None:
    both = await Pair(IdentifyConfig(timeout_s=5.0)).start()
    streams = [Stalled(both.connection, IDENTIFY_ID) for _ in range(17)]
    for stream in streams:
        stream.other = FakeStream(both.connection.other, IDENTIFY_ID)
        both.us.serve(stream)
    await both.us.idle()
    assert [stream.reset_code for stream in streams] == [None] * 16 + [StreamCode.LIMIT_EXCEEDED]
    await after(6)
    assert all(stream.is_reset for stream in streams)
    result = await both.theirs.identify(both.us.peer_id)
    assert result.agent_version
    assert both.us.failures == []
    await both.stop()


@pytest.mark.spec("ID-15")
async def test_thousands_of_protocols_go_out_in_parts_and_come_in_bounded(pair: Pair) -> None:
    async def handler(stream: FakeStream) -> None:
        return None

    for i in range(10_000):
        pair.them.handlers[f"/protocol/{i:05}"] = handler
    result = await pair.identify.identify(pair.them.peer_id)
    assert len(result.protocols) == 1024
    known = pair.us.peerstore.protocols(pair.them.peer_id)
    assert known is not None
    assert len(known) == 1024
    assert len(pair.us.opened[0].other.sent) <= 10 * 4100


async def test_a_broken_answer_in_the_background_fails_nothing(pair: Pair) -> None:
    del pair.them.handlers[IDENTIFY_ID]
    pair.identify.connection_opened(pair.connection)
    await pair.us.idle()
    with pytest.raises(ProtocolNotSupported):
        await pair.identify.identify(pair.them.peer_id)


async def test_closed_it_answers_no_more(pair: Pair) -> None:
    await pair.us.context.stop(pair.identify)
    await pair.us.context.stop(pair.identify)
    assert pair.us.protocols == []
    pair.identify.connection_opened(pair.connection)
    pair.identify.protocols_changed(False)
    with pytest.raises(HostNotRunning):
        await pair.identify.identify(pair.them.peer_id)


# Addresses


@pytest.mark.spec("REC-3")
async def test_over_loopback_loopback_addresses_are_exchanged_but_not_signed() -> None:
    both = await Pair(a_address="/ip4/127.0.0.1/tcp/1", b_address="/ip4/127.0.0.1/tcp/2").start()
    both.them.addresses = [LOOPBACK, LAN]
    result = await both.identify.identify(both.them.peer_id)
    assert result.listen_addresses == (LAN, LOOPBACK)
    assert both.us.peerstore.certified_addresses(both.them.peer_id) == [LAN]
    assert both.us.peerstore.addresses(both.them.peer_id) == [LAN, LOOPBACK]
    await both.stop()


async def test_a_host_on_loopback_alone_still_signs_that(pair: Pair) -> None:
    pair.them.addresses = [LOOPBACK]
    message = MessageReader()
    stream = await pair.us.new_stream_on(pair.connection, IDENTIFY_ID)
    message.receive_data(await stream.read())
    said = message.finish()
    assert said.listen_addresses == ()
    assert said.signed_peer_record is not None
    assert open_peer_record(said.signed_peer_record, pair.them.peer_id).addresses == (LOOPBACK,)


@pytest.mark.spec("ADDR-20")
@pytest.mark.parametrize("others", [[], [LAN]])
async def test_link_local_addresses_are_neither_told_nor_signed(pair: Pair, others: list[Multiaddr]) -> None:
    pair.them.addresses = [Multiaddr("/ip6zone/eth0/ip6/fe80::883:a581:fff1:833/tcp/1"), LINK_LOCAL, *others]
    result = await pair.identify.identify(pair.them.peer_id)
    assert result.listen_addresses == tuple(others)
    assert pair.us.peerstore.certified_addresses(pair.them.peer_id) == others


async def test_addresses_of_connected_peers_stay_and_of_departed_ones_last_a_while(pair: Pair) -> None:
    pair.answer(listen_addresses=[Multiaddr(f"/ip4/192.168.2.{i}/tcp/1").to_bytes() for i in range(200)])
    pair.identify.connection_opened(pair.connection)
    await pair.us.idle()
    pair.us.runtime.time += 1e9
    assert len(pair.us.peerstore.addresses(pair.them.peer_id)) == 200
    pair.connection.drop()
    await pair.us.idle()
    assert len(pair.us.peerstore.addresses(pair.them.peer_id)) == 20
    pair.us.runtime.time += RECENTLY_CONNECTED_TTL_S
    assert pair.us.peerstore.addresses(pair.them.peer_id) == []


async def test_departures_that_were_missed_are_made_up_for(pair: Pair) -> None:
    await pair.identified()
    for _ in range(300):
        pair.connection.drop()
        pair.connection = join(pair.us, pair.them)
    pair.connection.drop()
    await pair.us.idle()
    pair.us.runtime.time += RECENTLY_CONNECTED_TTL_S
    assert pair.us.peerstore.addresses(pair.them.peer_id) == []


async def test_one_of_two_connections_going_changes_nothing(pair: Pair) -> None:
    second = join(pair.us, pair.them)
    await pair.identified()
    second.drop()
    await pair.us.idle()
    pair.us.runtime.time += 1e9
    assert pair.us.peerstore.addresses(pair.them.peer_id) == [THERE]


@pytest.mark.spec("REC-1")
async def test_seq_grows_with_every_change_and_over_restarts() -> None:
    runtime = FakeRuntime()
    seqs = []
    for _ in range(2):
        both = Pair()
        both.them.runtime = runtime
        await both.start()
        for addresses in ([LAN], [LAN, PUBLIC]):
            both.them.addresses = addresses
            result = await both.identify.identify(both.them.peer_id)
            assert result.signed_peer_record is not None
            seqs.append(open_peer_record(result.signed_peer_record, both.them.peer_id).seq)
        runtime.wall_time += 0.01
        await both.stop()
    assert seqs == sorted(seqs)
    assert len(dict.fromkeys(seqs)) == 4


async def test_a_peer_that_dialled_is_asked_though_it_asks_nothing(pair: Pair) -> None:
    pair.theirs.connection_opened(pair.connection.other)
    seen = pair.them.bus.subscribe(PeerIdentified)
    async with asyncio.timeout(5):
        assert (await anext(seen)).peer == pair.us.peer_id


async def test_a_peer_that_asks_is_asked_at_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ASK_AFTER_S", 3600.0)
    pair.theirs.connection_opened(pair.connection.other)
    seen = pair.them.bus.subscribe(PeerIdentified)
    await pair.us.idle()
    assert len(seen) == 0
    await pair.identify.identify(pair.them.peer_id)
    async with asyncio.timeout(5):
        assert (await anext(seen)).peer == pair.us.peer_id
    await pair.theirs.close()
