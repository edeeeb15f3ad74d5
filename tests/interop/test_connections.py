"""Real peers: connections, identities, ping, identify, negotiation. Streams are in test_streams.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from aiolibp2p import Host, PeerId, PrivateKey
from aiolibp2p.errors import DialFailed, Libp2pError, PeerIdMismatch, ProtocolNotSupported
from aiolibp2p.events import PeerDisconnected, PeerIdentified
from interop.kinds import pairs_of_identities, peers_that
from interop.ours import BENCH_ECHO_ID, ECHO_ID, bare, echo, our_host, within
from interop.peers import Peer, PeerError, StartPeer

pytestmark = pytest.mark.interop

ADDED_ID = "/interop/added/1.0.0"
UNKNOWN_ID = "/nobody/speaks/this/1.0.0"


async def learn_of_each_other(host: Host, peer: Peer) -> None:
    """Over the connection that stands: identify in both directions says the truth."""
    [connection] = (await peer.command("connections"))["connections"]
    told = await host.identify(PeerId.parse(peer.peer_id))
    assert str(told.peer_id) == peer.peer_id
    assert told.agent_version.startswith(f"interop-{peer.name}/")
    assert told.protocol_version == "interop/1.0.0"
    assert {ECHO_ID, "/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"} <= set(told.protocols)
    assert {str(address) for address in told.listen_addresses} == {bare(address) for address in peer.addresses}
    observed = f"/p2p/{host.peer_id}" if peer.traits.observes_peer_id else ""
    assert str(told.observed_address) == connection["remote_address"] + observed
    assert (told.signed_peer_record is not None) is peer.traits.sends_record
    learnt = await peer.command("identify", peer=str(host.peer_id))
    assert learnt["agent_version"].startswith("aiolibp2p/")
    assert learnt["signed_record"] is peer.traits.reads_record
    assert learnt["listen_addresses"] == sorted(bare(address) for address in host.addresses)
    if peer.traits.reads_record:
        assert learnt["record_addresses"] == learnt["listen_addresses"]
    assert set(learnt["protocols"]) == set(host.protocols)
    assert learnt["observed_address"] == connection["local_address"]


async def ping_each_other(host: Host, peer: Peer) -> None:
    """Three pings each way on the connection that stands."""
    for _ in range(3):
        assert 0 < await host.ping(PeerId.parse(peer.peer_id)) < 5
    assert len((await peer.command("ping", peer=str(host.peer_id), count=3))["rtts_ms"]) == 3


@pytest.mark.spec("KEY-3", "KEY-4", "KEY-5", "PID-1", "ENV-8", "NOI-8", "NOI-9", "NOI-10", "ID-1", "ID-8", "CONN-9")
@pytest.mark.parametrize("direction", ["we dial", "they dial"])
@pairs_of_identities()
async def test_identities(start_peer: StartPeer, ours: str, theirs: str, direction: str) -> None:
    peer = await start_peer(key=theirs)
    async with our_host(key=ours) as host:
        if direction == "we dial":
            connection = await host.connect(peer.address)
            assert str(connection.remote_peer) == peer.peer_id
        else:
            dialled = await peer.command("dial", address=str(host.addresses[0]))
            assert dialled["peer_id"] == str(host.peer_id)
        await ping_each_other(host, peer)
        await learn_of_each_other(host, peer)
        assert (await peer.command("identify", peer=str(host.peer_id)))["key_type"] == ours


@pytest.mark.spec("NOI-1", "NOI-2", "NOI-3", "NOI-13", "CONN-7", "CONN-16", "YMX-3", "INMUX-5", "INMUX-11")
@pytest.mark.parametrize("direction", ["we dial", "they dial"])
async def test_the_upgrade(peer: Peer, direction: str) -> None:
    async with our_host(security=["noise"], muxers=["yamux"]) as host:
        if direction == "we dial":
            await host.connect(peer.address)
        else:
            await peer.command("dial", address=str(host.addresses[0]))
        await ping_each_other(host, peer)
        [seen] = (await peer.command("connections"))["connections"]
        [connection] = host.connections()
        assert (
            (connection.security, connection.muxer) == (seen["security"], seen["muxer"]) == ("/noise", "/yamux/1.0.0")
        )
        assert connection.early_muxer is seen["early_muxer"] is peer.traits.early_muxer
        assert connection.is_outbound is (seen["direction"] == "inbound")


@pytest.mark.parametrize("direction", ["we dial", "they dial"])
async def test_ipv6(start_peer: StartPeer, direction: str) -> None:
    peer = await start_peer(listen=["/ip6/::1/tcp/0"])
    async with our_host(listen=["/ip6/::1/tcp/0"]) as host:
        assert bare(host.addresses[0]).startswith("/ip6/::1/tcp/")
        if direction == "we dial":
            await host.connect(peer.address)
        else:
            await peer.command("dial", address=str(host.addresses[0]))
        await ping_each_other(host, peer)
        await learn_of_each_other(host, peer)


@pytest.mark.spec("ID-2", "ID-3")
@peers_that("pushes_protocols")
async def test_push_of_their_protocols(peer: Peer) -> None:
    async with our_host() as host:
        pushes = host.events(PeerIdentified)
        await host.connect(peer.address)
        await host.identify(PeerId.parse(peer.peer_id))
        await peer.command("add_protocol", protocol=ADDED_ID)
        await within(5, first(pushes, lambda event: ADDED_ID in event.protocols))
        await peer.command("remove_protocol", protocol=ADDED_ID)
        await within(5, first(pushes, lambda event: ADDED_ID not in event.protocols))


@pytest.mark.spec("ID-2", "ID-3")
@peers_that("pushes_addresses")
async def test_push_of_their_addresses(peer: Peer) -> None:
    async with our_host() as host:
        pushes = host.events(PeerIdentified)
        await host.connect(peer.address)
        await host.identify(PeerId.parse(peer.peer_id))
        added = await peer.command("add_listen", address="/ip4/127.0.0.1/tcp/0")
        expected = {bare(address) for address in added["addresses"]}
        await within(5, first(pushes, lambda event: {str(a) for a in event.listen_addresses} == expected))


async def first(events: AsyncIterator[PeerIdentified], wanted: Callable[[PeerIdentified], bool]) -> PeerIdentified:
    """The first event that is wanted."""
    async for event in events:
        if wanted(event):
            return event
    raise AssertionError("no more events")


@pytest.mark.spec("ID-2", "ID-11", "ID-12")
async def test_push_to_them(start_peer: StartPeer) -> None:
    dialled, dialling = await start_peer(), await start_peer()
    async with our_host() as host:
        await host.connect(dialled.address)
        await dialling.command("dial", address=str(host.addresses[0]))
        for peer in (dialled, dialling):
            await peer.command("identify", peer=str(host.peer_id))
        host.set_stream_handler(ADDED_ID, echo)
        for peer in (dialled, dialling):
            await peer.command("wait_protocol", peer=str(host.peer_id), protocol=ADDED_ID, timeout=5)
        host.remove_stream_handler(ADDED_ID)
        for peer in (dialled, dialling):
            await peer.command("wait_protocol", peer=str(host.peer_id), protocol=ADDED_ID, absent=True, timeout=5)


async def ask(host: Host, target: str | PeerId, *protocol_ids: str) -> bytes:
    """Send one byte to and fro on a new stream."""
    async with await host.new_stream(target, *protocol_ids) as stream:
        await stream.write(b"?")
        return await stream.read_exactly(1)


@pytest.mark.spec("CONN-4", "CONN-5", "CONN-26")
async def test_we_ask_for_what_they_do_not_speak(peer: Peer) -> None:
    async with our_host() as host:
        with pytest.raises(ProtocolNotSupported, match=UNKNOWN_ID):
            await ask(host, peer.address, UNKNOWN_ID)
        assert await ask(host, peer.address, UNKNOWN_ID, ECHO_ID) == b"?"
        await host.identify(peer.address)
        with pytest.raises(ProtocolNotSupported, match=UNKNOWN_ID):
            await host.new_stream(PeerId.parse(peer.peer_id), UNKNOWN_ID)
        assert await ask(host, PeerId.parse(peer.peer_id), UNKNOWN_ID, BENCH_ECHO_ID) == b"?"


@pytest.mark.spec("CONN-4", "CONN-15")
async def test_they_ask_for_what_we_do_not_speak(peer: Peer) -> None:
    async with our_host() as host:
        with pytest.raises(PeerError) as refused:
            await peer.command("open", address=str(host.addresses[0]), protocol=UNKNOWN_ID)
        assert refused.value.kind == "protocol_not_supported"
        opened = await peer.command("open", peer=str(host.peer_id), protocol=ECHO_ID)
        assert opened["protocol"] == ECHO_ID
        await ping_each_other(host, peer)


@pytest.mark.spec("NOI-11")
async def test_we_dial_under_a_wrong_id(peer: Peer) -> None:
    somebody = PrivateKey.generate("ed25519").peer_id
    async with our_host() as host:
        with pytest.raises(Libp2pError) as failed:
            await host.connect(f"{bare(peer.address)}/p2p/{somebody}")
        reasons = (
            [error for _, error in failed.value.attempts] if isinstance(failed.value, DialFailed) else [failed.value]
        )
        [reason] = reasons
        assert isinstance(reason, PeerIdMismatch)
        assert (str(reason.expected), str(reason.actual)) == (str(somebody), peer.peer_id)
        assert peer.peer_id in str(failed.value)
        assert host.connections() == []
        assert await host.ping(peer.address) > 0


async def test_they_dial_us_under_a_wrong_id(peer: Peer) -> None:
    somebody = PrivateKey.generate("ed25519").peer_id
    async with our_host() as host:
        with pytest.raises(PeerError) as failed:
            await peer.command("dial", address=f"{bare(host.addresses[0])}/p2p/{somebody}")
        assert failed.value.kind == "peer_id_mismatch"
        assert str(host.peer_id) in failed.value.error
        await peer.command("dial", address=str(host.addresses[0]))
        await ping_each_other(host, peer)


async def test_they_hear_that_we_left(peer: Peer) -> None:
    async with our_host() as host:
        await host.connect(peer.address)
        await peer.command("wait_connected", peer=str(host.peer_id), timeout=5)
        await host.disconnect(PeerId.parse(peer.peer_id))
        await peer.command("wait_disconnected", peer=str(host.peer_id), timeout=5)
        await host.connect(peer.address)
        await peer.command("wait_connected", peer=str(host.peer_id), timeout=5)
    await peer.command("wait_disconnected", peer=str(host.peer_id), timeout=5)


async def test_we_hear_that_they_left(peer: Peer) -> None:
    async with our_host() as host:
        departures = host.events(PeerDisconnected)
        await peer.command("dial", address=str(host.addresses[0]))
        await peer.command("disconnect", peer=str(host.peer_id))
        assert str((await within(5, anext(departures))).peer) == peer.peer_id
        await host.connect(peer.address)
        await peer.command("quit")
        assert str((await within(5, anext(departures))).peer) == peer.peer_id


async def test_many_dials(peer: Peer) -> None:
    async with our_host() as host:
        done = await peer.command("dials_rate", address=str(host.addresses[0]), count=40, concurrency=8)
        assert done["count"] == 40
        await peer.command("dial", address=str(host.addresses[0]))
        await ping_each_other(host, peer)
