"""Real peers: every security with every muxer, in both directions. Their table is docs/interop.md."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p.abc.stream import Stream
from interop.kinds import (
    MUXER_IDS,
    SECURITY_IDS,
    layer_cells,
    order_cells,
    pairs_of_identities,
    stalling_cells,
    with_cells,
)
from interop.kubo_peer import KuboPeer
from interop.ours import (
    ECHO_ID,
    SLOW_ID,
    Recorder,
    connected,
    echoed,
    exchange,
    expect_stall,
    our_host,
    payload,
    read_in_small_pieces,
    send_all,
    within,
    write_until_stalled,
)
from interop.peers import Peer, StartPeer

pytestmark = pytest.mark.interop

BULK_BYTES = 10 * 1024 * 1024
UNBUFFERED_BYTES = 2 * 1024 * 1024
STALLED_ID = "/interop/stalled/1.0.0"

BULK_LAYERS = pytest.mark.parametrize(("security", "muxer"), [("tls", "yamux"), ("noise", "mplex")])


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
        [seen] = (await peer.command("connections"))["connections"]
        assert seen["peer_id"] == str(host.peer_id)
        if not isinstance(peer, KuboPeer):  # which tells no more
            assert seen["direction"] == ("inbound" if direction == "we dial" else "outbound")
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
        assert (await peer.command("identify", peer=str(host.peer_id)))["key_type"] == ours


@pytest.mark.spec("INMUX-2", "INMUX-6")
@with_cells("kind,security,direction", order_cells())
async def test_the_dialer_chooses(kind: type[Peer], start_peer: StartPeer, security: str, direction: str) -> None:
    """The dialer's order of muxers decides, where each side likes another one best."""
    peer = await start_peer(security=[security], muxer=["mplex", "yamux"], key=kind.traits.keys[0])
    async with our_host(security=[security], muxers=["yamux", "mplex"]) as host:
        connection = await connected(host, peer, direction)
        assert connection.muxer == MUXER_IDS["yamux" if direction == "we dial" else "mplex"]
        await exchange(host, peer)


@pytest.mark.spec("CONN-9")
async def test_the_second_choice(start_peer: StartPeer) -> None:
    """Peers that know what we like less agree on both security and muxer all the same."""
    peer = await start_peer(security=["tls"], muxer=["mplex"])
    async with our_host(security=["noise", "tls"], muxers=["yamux", "mplex"]) as host:
        connection = await connected(host, peer, "we dial")
        assert (connection.security, connection.muxer) == ("/tls/1.0.0", "/mplex/6.7.0")
        await exchange(host, peer)


def bulk_bytes(peer: Peer, muxer: str) -> int:
    """Return how many bytes are more than any buffer holds, where the peer waits for its readers."""
    return BULK_BYTES if muxer != "mplex" or peer.traits.waits_on_mplex else UNBUFFERED_BYTES


@pytest.mark.spec("MPX-9", "CONN-11")
@BULK_LAYERS
async def test_bulk_echo_by_a_slow_peer(start_peer: StartPeer, security: str, muxer: str) -> None:
    peer = await start_peer(security=[security], muxer=[muxer])
    data = payload(bulk_bytes(peer, muxer))
    async with our_host(security=[security], muxers=[muxer]) as host:
        stream = await host.new_stream(peer.address, SLOW_ID)
        assert await within(30, echoed(stream, data)) == data


@pytest.mark.spec("MPX-9", "CONN-11")
@BULK_LAYERS
async def test_bulk_echo_by_us_for_a_slow_peer(start_peer: StartPeer, security: str, muxer: str) -> None:
    peer = await start_peer(security=[security], muxer=[muxer])
    async with our_host(security=[security], muxers=[muxer]) as host:
        size = bulk_bytes(peer, muxer)
        done = await peer.command("echo", address=str(host.addresses[0]), bytes=size, read_delay_ms=4)
        assert (done["bytes"], done["match"]) == (size, True)


@pytest.mark.spec("MPX-9", "CONN-10", "CONN-11")
@with_cells("kind,security,muxer", stalling_cells(("tls", "yamux"), ("noise", "mplex")))
async def test_bulk_echo_by_them_while_our_reader_stalls(start_peer: StartPeer, security: str, muxer: str) -> None:
    piece, rest = payload(65536), payload(UNBUFFERED_BYTES, 1)
    peer = await start_peer(security=[security], muxer=[muxer])
    async with our_host(security=[security], muxers=[muxer]) as host:
        stream = await host.new_stream(peer.address, ECHO_ID)
        count, waiting = await write_until_stalled(stream, piece)

        async def send_the_rest() -> None:
            await waiting
            await send_all(stream, rest)

        writing = asyncio.create_task(send_the_rest())
        assert await within(30, read_in_small_pieces(stream)) == piece * count + rest
        await writing


@pytest.mark.spec("MPX-9", "CONN-11")
@BULK_LAYERS
async def test_bulk_echo_by_us_while_our_reader_stalls(start_peer: StartPeer, security: str, muxer: str) -> None:
    gate = asyncio.Event()

    async def stalled_echo(stream: Stream) -> None:
        await gate.wait()
        while piece := await stream.read(8192):
            await stream.write(piece)

    peer = await start_peer(security=[security], muxer=[muxer])
    async with our_host(security=[security], muxers=[muxer]) as host:
        host.set_stream_handler(STALLED_ID, stalled_echo)
        address, size = str(host.addresses[0]), bulk_bytes(peer, muxer)
        work = asyncio.create_task(peer.command("echo", address=address, bytes=size, protocol=STALLED_ID))
        await expect_stall(work)
        gate.set()
        assert (await work)["match"] is True


@pytest.mark.spec("MPX-3", "MPX-6")
@BULK_LAYERS
async def test_fifty_streams_at_once(start_peer: StartPeer, security: str, muxer: str) -> None:
    peer = await start_peer(security=[security], muxer=[muxer])
    async with our_host(security=[security], muxers=[muxer]) as host:
        streams = [await host.new_stream(peer.address, ECHO_ID) for _ in range(50)]
        data = [payload(50_000, seed) for seed in range(50)]
        assert await within(20, asyncio.gather(*map(echoed, streams, data))) == data
        done = await peer.command("streams", address=str(host.addresses[0]), count=50, bytes=50_000)
        assert done["count"] == 50
        assert len(host.connections()) == 1
