from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiolibp2p.errors import ProtocolViolation, StreamCode, StreamReset
from aiolibp2p.events import PeerIdentified
from aiolibp2p.limits.push_rates import Rate
from aiolibp2p.multiformats import varint
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_record import open_peer_record
from aiolibp2p.protocols.identify import IDENTIFY_ID, PUSH_ID, Identify, IdentifyConfig, PushRates
from aiolibp2p.protocols.identify.messages import delimit
from protocols.fakes import FakeConnection, FakeHost, FakeStream, join
from protocols.identify.pair import CONFIG, HERE, KEYS, LAN, PUBLIC, THERE, Pair, part
from waiting import after

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    both = await Pair().start()
    yield both
    await both.stop()
    assert both.us.failures == []


async def settle(host: FakeHost) -> None:
    """Let the short delay before a push pass, and the push."""
    await after(0.005)
    await host.idle()


def pushes(host: FakeHost) -> list[FakeStream]:
    return [stream for stream in host.opened if stream.protocol_id == PUSH_ID]


@pytest.mark.spec("ID-2", "ID-11")
async def test_a_new_handler_is_pushed_once(pair: Pair) -> None:
    await pair.identified()

    async def handler(stream: FakeStream) -> None:
        return None

    for name in ("/new/1", "/new/2", "/new/3"):
        pair.us.set_stream_handler(name, handler)
        pair.identify.protocols_changed(False)
    await settle(pair.us)
    (push,) = pushes(pair.us)
    assert push.closed
    assert push.other.sent == b""
    assert pair.them.peerstore.protocols(pair.us.peer_id) == {IDENTIFY_ID, PUSH_ID, "/new/1", "/new/2", "/new/3"}
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    assert len(pushes(pair.us)) == 1


@pytest.mark.spec("CONN-20")
async def test_another_scope_is_pushed_once_though_the_protocols_are_the_same(pair: Pair) -> None:
    async def handler(stream: FakeStream) -> None:
        return None

    pair.us.set_stream_handler("/scoped/1", handler)
    await pair.identified()
    pair.us.set_stream_handler("/scoped/1", handler, offered_on=lambda connection: not connection.is_outbound)
    for _ in range(2):
        pair.identify.protocols_changed(True)
        pair.identify.protocols_changed(False)
    await settle(pair.us)
    assert len(pushes(pair.us)) == 1
    assert pair.them.peerstore.protocols(pair.us.peer_id) == {IDENTIFY_ID, PUSH_ID}
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    assert len(pushes(pair.us)) == 1


@pytest.mark.spec("ID-11")
async def test_new_addresses_are_pushed_with_a_new_record(pair: Pair) -> None:
    await pair.identified()
    before = pair.them.peerstore.signed_peer_record(pair.us.peer_id)
    pair.us.addresses = [PUBLIC]
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    after = pair.them.peerstore.signed_peer_record(pair.us.peer_id)
    assert before is not None
    assert after is not None
    assert open_peer_record(after, pair.us.peer_id).seq > open_peer_record(before, pair.us.peer_id).seq
    assert pair.them.peerstore.addresses(pair.us.peer_id) == [PUBLIC]


@pytest.mark.spec("ID-12")
async def test_a_push_goes_to_every_peer_that_takes_it_on_one_connection_each(pair: Pair) -> None:
    others = [FakeHost(key) for key in KEYS[2:]]
    for host in others:
        join(pair.us, host)
    join(pair.us, pair.them)
    await Identify(CONFIG).start(others[0].context)
    await pair.identified()
    for connection in pair.us.connections():
        pair.identify.connection_opened(connection)
    await pair.us.idle()
    pair.us.addresses = [PUBLIC]
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    assert [stream.remote_peer for stream in pushes(pair.us)] == [pair.them.peer_id, others[0].peer_id]
    assert [peer for peer, what in pair.us.proposed if what == PUSH_ID] == [pair.them.peer_id, others[0].peer_id]
    for host in others:
        await host.close()


async def test_a_peer_identified_after_a_change_is_pushed_what_it_missed(pair: Pair) -> None:
    pair.identify.connection_opened(pair.connection)
    pair.us.opened.clear()
    pair.theirs.connection_opened(pair.connection.other)
    known = pair.us.peerstore.protocols(pair.them.peer_id)
    assert known is None
    await pair.us.idle()
    pair.us.addresses = [PUBLIC]
    await pair.identify.identify(pair.them.peer_id)
    stream = await pair.them.new_stream_on(pair.connection.other, IDENTIFY_ID)
    await stream.read()
    pair.us.addresses = [LAN]
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    assert len(pushes(pair.us)) == 1


async def test_a_peer_that_refuses_a_push_harms_nobody(pair: Pair) -> None:
    await pair.identified()
    del pair.them.handlers[PUSH_ID]
    pair.us.addresses = [PUBLIC]
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    await pair.theirs.start(pair.them.context)
    pair.identify.protocols_changed(False)
    await settle(pair.us)
    assert pair.them.peerstore.addresses(pair.us.peer_id) == [PUBLIC]


@pytest.mark.spec("ID-3", "XC-3")
async def test_a_push_changes_only_what_it_names(pair: Pair) -> None:
    await pair.identified()
    store, peer = pair.us.peerstore, pair.them.peer_id
    await anext(pair.seen)
    await pair.push(part(agent_version=b"theirs/2"))
    metadata = store.metadata(peer)
    assert metadata is not None
    assert (metadata.agent_version, metadata.protocol_version) == ("theirs/2", "ipfs/0.1.0")
    assert store.protocols(peer) == {IDENTIFY_ID, PUSH_ID}
    assert store.addresses(peer) == [THERE]
    assert await anext(pair.seen) == PeerIdentified(peer, "theirs/2", (IDENTIFY_ID, PUSH_ID), (THERE,), HERE)
    await pair.push(part(protocols=[b"/only"]), part(listen_addresses=[LAN.to_bytes()]))
    assert store.protocols(peer) == {"/only"}
    assert store.addresses(peer) == [LAN]


async def test_a_push_with_anothers_key_changes_nothing(pair: Pair) -> None:
    await pair.identified()
    stream = await pair.push(part(public_key=KEYS[2].public_key.marshal(), protocols=[b"/evil"]))
    assert pair.us.peerstore.protocols(pair.them.peer_id) == {IDENTIFY_ID, PUSH_ID}
    (failure,) = pair.us.failures
    assert isinstance(failure, ProtocolViolation)
    pair.us.failures.clear()
    assert stream.closed is False


async def test_ten_megabytes_are_refused_at_their_first_bytes(pair: Pair) -> None:
    stream = await pair.them.new_stream_on(pair.connection.other, PUSH_ID)
    await stream.write(varint.encode(10 * 1024 * 1024))
    await pair.us.idle()
    with pytest.raises(StreamReset):
        await stream.write(bytes(10 * 1024 * 1024))
    stream = await pair.push_raw(delimit([part(protocols=[b"/a" * 100] * 40)] * 11))
    assert stream.is_reset
    assert [type(failure) for failure in pair.us.failures] == [ProtocolViolation, ProtocolViolation]
    assert pair.us.peerstore.protocols(pair.them.peer_id) is None
    pair.us.failures.clear()


async def test_pushes_from_one_network_are_limited() -> None:
    both = await Pair(b_address="/ip4/203.0.113.20/tcp/4001").start()
    streams = [await both.push(part(agent_version=b"%d" % i)) for i in range(12)]
    assert [stream.other.reset_code for stream in streams] == [None] * 10 + [StreamCode.RATE_LIMITED] * 2
    both.us.runtime.time += 5
    assert (await both.push(part(agent_version=b"later"))).other.reset_code is None
    metadata = both.us.peerstore.metadata(both.them.peer_id)
    assert metadata is not None
    assert metadata.agent_version == "later"
    assert both.us.failures == []
    await both.stop()


async def test_pushes_at_once_are_limited_and_end_by_themselves() -> None:
    rates = PushRates(ip4_24=Rate(1000, 1000))
    both = await Pair(IdentifyConfig(timeout_s=5.0, push_rates=rates)).start()
    streams = [await both.them.new_stream_on(both.connection.other, PUSH_ID) for _ in range(33)]
    await both.us.idle()
    assert streams[-1].other.reset_code == StreamCode.LIMIT_EXCEEDED
    assert not streams[0].is_reset
    for stream in streams:
        with pytest.raises(StreamReset):
            await stream.read()
    await both.us.idle()
    assert (await both.push(part(agent_version=b"after"))).other.reset_code is None
    assert both.us.failures == []
    await both.stop()


class SlowHost(FakeHost):
    """Opens no stream before it is released."""

    def __init__(self, key: PrivateKey) -> None:
        super().__init__(key)
        self.waiting = 0
        self.released = asyncio.Event()

    async def new_stream_on(
        self, connection: FakeConnection, *protocol_ids: str, allow_limited: bool = False
    ) -> FakeStream:
        self.waiting += 1
        await self.released.wait()
        return connection.stream_pair(protocol_ids[0])[0]


async def test_only_so_many_pushes_go_out_at_once() -> None:
    us = SlowHost(KEYS[0])
    us.addresses = [HERE]
    identify = Identify(IdentifyConfig(push_delay_s=0.001, push_concurrency=2))
    await identify.start(us.context)
    watchers, us.watchers = us.watchers, []
    for key in KEYS[1:]:
        peer = FakeHost(key)
        join(us, peer)
        us.peerstore.set_protocols(peer.peer_id, [PUSH_ID])
    us.watchers = watchers
    identify.protocols_changed(False)
    await settle(us)
    assert us.waiting == 2
    us.addresses = [PUBLIC]
    identify.protocols_changed(False)
    await settle(us)
    assert us.waiting == 2
    us.released.set()
    await us.idle()
    # What changed meanwhile went out with what was still to be sent.
    assert us.waiting == 3
    await us.close()
