"""The peers against themselves: what the other interop tests rely on."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

import pytest

from interop.kinds import MUXER_IDS, SECURITY_IDS, peers_that, peers_with_each
from interop.peers import PeerDied, PeerError, StartPeer

pytestmark = pytest.mark.interop

MEBIBYTE = 1024 * 1024


@peers_with_each(security="securities", muxer="muxers")
async def test_dial_and_ping(start_peer: StartPeer, security: str, muxer: str) -> None:
    server = await start_peer(security=[security], muxer=[muxer])
    client = await start_peer(listen=[], security=[security], muxer=[muxer])
    assert client.addresses == []
    dialled = await client.command("dial", address=server.address)
    assert dialled["peer_id"] == server.peer_id
    assert dialled["security"] == SECURITY_IDS[security]
    assert dialled["muxer"] == MUXER_IDS[muxer]
    pinged = await client.command("ping", peer=server.peer_id, count=3)
    assert len(pinged["rtts_ms"]) == 3
    [connection] = (await server.command("connections"))["connections"]
    assert (connection["peer_id"], connection["direction"]) == (client.peer_id, "inbound")


@peers_with_each(key="keys")
async def test_identify(start_peer: StartPeer, key: str) -> None:
    server = await start_peer(key=key, listen=["/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"])
    client = await start_peer()
    learnt = await client.command("identify", address=server.addresses[1])
    assert learnt["key_type"] == key
    assert learnt["signed_record"] is server.traits.reads_own_record
    assert learnt["agent_version"].startswith(f"interop-{server.name}/")
    assert sorted(learnt["listen_addresses"]) == sorted(text.partition("/p2p/")[0] for text in server.addresses)
    assert "/interop/echo/1.0.0" in learnt["protocols"]
    assert learnt["observed_address"].startswith("/ip6/::1/tcp/")


@peers_that("pushes_protocols")
async def test_push_of_protocols(start_peer: StartPeer) -> None:
    server, client = await start_peer(), await start_peer()
    await client.command("identify", address=server.address)
    await server.command("add_protocol", protocol="/interop/added/1.0.0")
    await client.command("wait_protocol", peer=server.peer_id, protocol="/interop/added/1.0.0", timeout=5)
    assert "/interop/added/1.0.0" in (await client.command("protocols", peer=server.peer_id))["protocols"]
    await server.command("remove_protocol", protocol="/interop/added/1.0.0")
    await client.command("wait_protocol", peer=server.peer_id, protocol="/interop/added/1.0.0", absent=True, timeout=5)


@peers_that("pushes_addresses")
async def test_push_of_addresses(start_peer: StartPeer) -> None:
    server, client = await start_peer(), await start_peer()
    await client.command("identify", address=server.address)
    added = await server.command("add_listen", address="/ip4/127.0.0.1/tcp/0")
    [address] = set(added["addresses"]) - set(server.addresses)
    await client.command("wait_peer_address", address=address, timeout=5)


async def test_streams_echo_and_perf(start_peer: StartPeer) -> None:
    server, client = await start_peer(), await start_peer()
    await client.command("dial", address=server.address)
    slow = await client.command("echo", peer=server.peer_id, bytes=10 * MEBIBYTE, read_delay_ms=2)
    assert slow["bytes"] == 10 * MEBIBYTE
    assert slow["match"] is True
    slow = await client.command("echo", peer=server.peer_id, bytes=10 * MEBIBYTE, protocol="/interop/slow/1.0.0")
    assert slow["match"] is True
    many = await client.command("streams", peer=server.peer_id, count=100, bytes=100_000)
    assert many["count"] == 100
    perf = await client.command("perf", peer=server.peer_id, upload_bytes=20 * MEBIBYTE, download_bytes=30 * MEBIBYTE)
    assert perf["upload_seconds"] > 0
    assert perf["download_seconds"] > 0


async def test_bench_commands_count(start_peer: StartPeer) -> None:
    server, client = await start_peer(), await start_peer()
    await client.command("dial", address=server.address)
    pings = await client.command("pings_rate", peer=server.peer_id, streams=4, seconds=0.2)
    large = await client.command("pings_rate", peer=server.peer_id, count=4, bytes=2 * MEBIBYTE, timeout=10)
    opens = await client.command("opens_rate", peer=server.peer_id, concurrency=4, count=200)
    dials = await client.command("dials_rate", address=server.address, concurrency=2, count=20)
    assert pings["count"] > 50
    assert 0.2 <= pings["seconds"] < 2
    assert large["count"] == 4
    assert opens["count"] == 200
    assert dials["count"] == 20
    assert 0 < dials["p50_ms"] <= dials["p99_ms"]
    assert (await client.command("usage"))["user_seconds"] > 0


async def test_bench_commands_of_load(start_peer: StartPeer) -> None:
    server, client = await start_peer(), await start_peer()
    await client.command("dial", address=server.address)
    beside = await client.command("bulk_pings_rate", peer=server.peer_id, count=20)
    assert beside["count"] == 20
    assert beside["bulk_bytes"] > 0
    small = await client.command("perf", peer=server.peer_id, upload_bytes=100_000, download_bytes=0, chunk=1000)
    assert small["chunk"] == 1000
    held = await client.command("hold_connections", address=server.address, count=20, concurrency=4)
    assert held["count"] == 20
    assert held["rss_after_bytes"] > 0
    connections = (await server.command("connections"))["connections"]
    assert len(connections) == 21
    await client.command("release_connections")
    for host in [one["peer_id"] for one in connections if one["peer_id"] != client.peer_id]:
        await server.command("wait_disconnected", peer=host, timeout=5)
    assert [one["peer_id"] for one in (await client.command("connections"))["connections"]] == [server.peer_id]
    assert (await server.command("memory"))["rss_bytes"] > MEBIBYTE


async def test_a_peer_raises_its_limit_on_open_files(start_peer: StartPeer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))  # which a peer inherits
    try:
        peer = await start_peer()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    raised, _ = resource.prlimit(peer.process_id, resource.RLIMIT_NOFILE)
    assert raised >= hard - 1  # go stays one below


async def test_failures_have_a_kind(start_peer: StartPeer) -> None:
    server, client, other = await start_peer(), await start_peer(), await start_peer()
    await client.command("dial", address=server.address)
    reset = "stream_reset" if client.traits.hears_resets else "other"
    expected: dict[str, tuple[str, dict[str, Any]]] = {
        "protocol_not_supported": ("open", {"peer": server.peer_id, "protocol": "/nobody/1.0.0"}),
        "not_connected": ("ping", {"peer": other.peer_id}),
        "peer_id_mismatch": ("dial", {"address": f"{server.address.partition('/p2p/')[0]}/p2p/{other.peer_id}"}),
        "bad_command": ("dial", {"address": "/ip4/127.0.0.1/tcp/1"}),
        "timeout": ("wait_disconnected", {"peer": server.peer_id, "timeout": 0.1}),
        reset: ("echo", {"peer": server.peer_id, "bytes": 100, "protocol": "/interop/reset/1.0.0"}),
    }
    for kind, (command, fields) in expected.items():
        with pytest.raises(PeerError) as failed:
            await client.command(command, **fields)
        assert failed.value.kind == kind
    await client.command("reset", peer=server.peer_id, code=7)
    await client.command("disconnect", peer=server.peer_id)
    await server.command("wait_disconnected", peer=client.peer_id, timeout=5)


async def test_a_peer_that_cannot_start_says_why(start_peer: StartPeer) -> None:
    with pytest.raises(PeerDied, match="unknown type"):
        await start_peer(key="dsa")


async def test_a_peer_that_ends_fails_what_was_asked(start_peer: StartPeer) -> None:
    peer = await start_peer()
    waiting = asyncio.create_task(peer.command("wait_connected", peer=peer.peer_id))
    await peer.command("connections")
    await peer.command("quit")
    with pytest.raises(PeerDied):
        await waiting
