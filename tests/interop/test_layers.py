"""Against real peers: every security with every muxer, in both directions. docs/interop.md is its table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from aiolibp2p import Host, PeerId, PrivateKey
from aiolibp2p.abc.connection import MuxedConnection
from aiolibp2p.errors import DialFailed, NegotiationFailed, PeerIdMismatch
from interop.kinds import MUXER_IDS, SECURITY_IDS, layer_cells, pairs_of_identities, with_cells
from interop.kubo_peer import KuboPeer
from interop.ours import ECHO_ID, SLOW_ID, bare, echoed, our_host, payload, within
from interop.peers import Peer, PeerError, StartPeer

pytestmark = pytest.mark.interop

ECHO_BYTES = 300_000
BULK_BYTES = 10 * 1024 * 1024
UNBUFFERED_BYTES = 2 * 1024 * 1024

Recorder = Callable[[str, object], None]


async def connected(host: Host, peer: Peer, direction: str) -> MuxedConnection:
    """The one connection between the two, dialled by the side that the direction names."""
    if direction == "we dial":
        await host.connect(peer.address)
        if not isinstance(peer, KuboPeer):
            await peer.command("wait_connected", peer=str(host.peer_id))
    else:
        await peer.command("dial", address=str(host.addresses[0]))
    [connection] = host.connections()
    assert connection.is_outbound is (direction == "we dial")
    return connection


async def exchange(host: Host, peer: Peer) -> None:
    """Pings and echoes both ways, on the connection that stands."""
    peer_id = PeerId.parse(peer.peer_id)
    for _ in range(3):
        assert 0 < await host.ping(peer_id) < 5
    assert str((await host.identify(peer_id)).peer_id) == peer.peer_id
    if isinstance(peer, KuboPeer):
        return  # it serves no echo
    data = payload(ECHO_BYTES)
    assert await within(20, echoed(await host.new_stream(peer_id, ECHO_ID), data)) == data
    assert len((await peer.command("ping", peer=str(host.peer_id), count=3))["rtts_ms"]) == 3
    assert (await peer.command("echo", peer=str(host.peer_id), bytes=ECHO_BYTES))["match"] is True


@pytest.mark.spec("INMUX-3", "INMUX-4", "INMUX-9", "INMUX-11", "TLS-3", "PLT-1", "PLT-6", "MPX-4", "CONN-7")
@with_cells("kind,security,muxer,direction", layer_cells())
async def test_layers(
    kind: type[Peer], start_peer: StartPeer, record_property: Recorder, security: str, muxer: str, direction: str
) -> None:
    peer = await start_peer(security=[security], muxer=[muxer], key=kind.traits.keys[0])
    record_property("implementation", peer.implementation)
    async with our_host(security=[security], muxers=[muxer]) as host:
        connection = await connected(host, peer, direction)
        assert (connection.security, connection.muxer) == (SECURITY_IDS[security], MUXER_IDS[muxer])
        assert connection.early_muxer is (peer.traits.early_muxer and security != "plaintext")
        assert str(connection.remote_peer) == peer.peer_id
        await exchange(host, peer)
        if not isinstance(peer, KuboPeer):
            [seen] = (await peer.command("connections"))["connections"]
            assert (seen["security"], seen["muxer"]) == (connection.security, connection.muxer)
            assert seen["early_muxer"] is connection.early_muxer


@pytest.mark.spec("TLS-8", "TLS-16", "TLS-23", "KEY-3", "KEY-4", "KEY-5")
@pytest.mark.parametrize("direction", ["we dial", "they dial"])
@pairs_of_identities()
async def test_identities_over_tls(start_peer: StartPeer, ours: str, theirs: str, direction: str) -> None:
    peer = await start_peer(key=theirs, security=["tls"])
    async with our_host(key=ours, security=["tls"]) as host:
        connection = await connected(host, peer, direction)
        assert str(connection.remote_peer) == peer.peer_id
        await exchange(host, peer)


@pytest.mark.spec("TLS-15", "PLT-4")
@pytest.mark.parametrize("security", ["tls", "plaintext"])
async def test_we_dial_under_a_wrong_id(start_peer: StartPeer, security: str) -> None:
    peer = await start_peer(security=[security])
    somebody = PrivateKey.generate("ed25519").peer_id
    async with our_host(security=[security]) as host:
        with pytest.raises(DialFailed) as failed:
            await host.connect(f"{bare(peer.address)}/p2p/{somebody}")
        [(_, reason)] = failed.value.attempts
        assert isinstance(reason, PeerIdMismatch)
        assert str(reason.actual) == peer.peer_id
        assert await host.ping(peer.address) > 0


@pytest.mark.spec("TLS-15", "TLS-20", "PLT-4")
@pytest.mark.parametrize("security", ["tls", "plaintext"])
async def test_they_dial_us_under_a_wrong_id(start_peer: StartPeer, security: str) -> None:
    peer = await start_peer(security=[security])
    somebody = PrivateKey.generate("ed25519").peer_id
    async with our_host(security=[security]) as host:
        with pytest.raises(PeerError) as failed:
            await peer.command("dial", address=f"{bare(host.addresses[0])}/p2p/{somebody}")
        if security == "tls":  # of plaintext go and rust say it in words only
            assert failed.value.kind == "peer_id_mismatch"
        await peer.command("dial", address=str(host.addresses[0]))
        assert await host.ping(PeerId.parse(peer.peer_id)) > 0


@pytest.mark.spec("PLT-7", "PLT-10", "CONN-8")
@pytest.mark.parametrize(("ours", "theirs"), [("noise", "tls"), ("tls", "plaintext"), ("noise", "plaintext")])
async def test_nothing_in_common(start_peer: StartPeer, ours: str, theirs: str) -> None:
    peer = await start_peer(security=[theirs])
    async with our_host(security=[ours]) as host:
        with pytest.raises(DialFailed) as failed:
            await within(15, host.connect(peer.address))
        [(_, reason)] = failed.value.attempts
        assert isinstance(reason, NegotiationFailed)
        with pytest.raises(PeerError):
            await peer.command("dial", address=str(host.addresses[0]), timeout=15)
        assert host.connections() == []


@pytest.mark.spec("INMUX-2", "CONN-9")
async def test_the_second_choice(start_peer: StartPeer) -> None:
    """They know what we like less: both securities and muxers are agreed upon all the same."""
    peer = await start_peer(security=["tls"], muxer=["mplex"])
    async with our_host(security=["noise", "tls"], muxers=["yamux", "mplex"]) as host:
        connection = await connected(host, peer, "we dial")
        assert (connection.security, connection.muxer) == ("/tls/1.0.0", "/mplex/6.7.0")
        await exchange(host, peer)


def bulk_bytes(peer: Peer, muxer: str) -> int:
    """More than any buffer holds, where the peer waits for its readers."""
    return BULK_BYTES if muxer != "mplex" or peer.traits.waits_on_mplex else UNBUFFERED_BYTES


@pytest.mark.spec("MPX-9", "CONN-11")
@pytest.mark.parametrize(("security", "muxer"), [("tls", "yamux"), ("noise", "mplex")])
async def test_bulk_echo_by_a_slow_peer(start_peer: StartPeer, security: str, muxer: str) -> None:
    peer = await start_peer(security=[security], muxer=[muxer])
    data = payload(bulk_bytes(peer, muxer))
    async with our_host(security=[security], muxers=[muxer]) as host:
        stream = await host.new_stream(peer.address, SLOW_ID)
        assert await within(30, echoed(stream, data)) == data


@pytest.mark.spec("MPX-9", "CONN-11")
@pytest.mark.parametrize(("security", "muxer"), [("tls", "yamux"), ("noise", "mplex")])
async def test_bulk_echo_by_us_for_a_slow_peer(start_peer: StartPeer, security: str, muxer: str) -> None:
    peer = await start_peer(security=[security], muxer=[muxer])
    async with our_host(security=[security], muxers=[muxer]) as host:
        size = bulk_bytes(peer, muxer)
        done = await peer.command("echo", address=str(host.addresses[0]), bytes=size, read_delay_ms=4)
        assert (done["bytes"], done["match"]) == (size, True)


@pytest.mark.spec("MPX-3", "MPX-6")
@pytest.mark.parametrize(("security", "muxer"), [("tls", "yamux"), ("noise", "mplex")])
async def test_fifty_streams_at_once(start_peer: StartPeer, security: str, muxer: str) -> None:
    peer = await start_peer(security=[security], muxer=[muxer])
    async with our_host(security=[security], muxers=[muxer]) as host:
        streams = [await host.new_stream(peer.address, ECHO_ID) for _ in range(50)]
        data = [payload(50_000, seed) for seed in range(50)]
        assert await within(20, asyncio.gather(*map(echoed, streams, data))) == data
        done = await peer.command("streams", address=str(host.addresses[0]), count=50, bytes=50_000)
        assert done["count"] == 50
        assert len(host.connections()) == 1
