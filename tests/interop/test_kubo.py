"""Kubo 0.22, a real application with go-libp2p of August 2023. It serves no echo, so: dial, identify, ping."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiolibp2p import Host, PeerId, PrivateKey
from aiolibp2p.events import PeerDisconnected
from interop.kubo_peer import KuboPeer
from interop.ours import bare, our_host, within
from interop.peers import Peer, PeerError, StartPeer

CLOSED_BY_PROCESS_S = 10


pytestmark = [pytest.mark.interop, pytest.mark.parametrize("kind", [pytest.param(KuboPeer, id="kubo")])]


@pytest.fixture
async def kubo(start_peer: StartPeer) -> Peer:
    """A Kubo node on 127.0.0.1 with noise and yamux; its repositories have RSA identities."""
    return await start_peer(key="rsa")


async def know_each_other(host: Host, kubo: Peer) -> None:
    """Identify and three pings on the connection that stands."""
    peer_id = PeerId.parse(kubo.peer_id)
    told = await host.identify(peer_id)
    assert str(told.peer_id) == kubo.peer_id
    assert told.agent_version.startswith("kubo/0.22.0")
    assert told.protocol_version == ""
    assert {"/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/bitswap/1.2.0"} <= set(told.protocols)
    assert [str(address) for address in told.listen_addresses] == [bare(address) for address in kubo.addresses]
    assert told.signed_peer_record is not None
    for _ in range(3):
        assert 0 < await host.ping(peer_id) < 5
    [seen] = (await kubo.command("connections"))["connections"]
    assert seen["peer_id"] == str(host.peer_id)


@pytest.mark.parametrize("ours", ["ed25519", "secp256k1", "ecdsa", "rsa"])
async def test_we_dial(kubo: Peer, ours: str) -> None:
    async with our_host(key=ours, security=["noise"], muxers=["yamux"]) as host:
        connection = await host.connect(kubo.address)
        assert (connection.security, connection.muxer) == ("/noise", "/yamux/1.0.0")
        assert str(connection.remote_peer) == kubo.peer_id
        await know_each_other(host, kubo)
        told = await host.identify(connection.remote_peer)
        assert bare(told.observed_address).startswith("/ip4/127.0.0.1/tcp/")


async def test_it_dials(kubo: Peer) -> None:
    async with our_host() as host:
        await kubo.command("dial", address=str(host.addresses[0]))
        [connection] = host.connections()
        assert not connection.is_outbound
        await know_each_other(host, kubo)


async def test_it_dials_nobody(kubo: Peer) -> None:
    with pytest.raises(PeerError, match="connection refused"):
        await kubo.command("dial", address=f"/ip4/127.0.0.1/tcp/1/p2p/{PrivateKey.generate('ed25519').peer_id}")


async def test_a_clean_end(kubo: Peer) -> None:
    async with our_host() as host:
        departures = host.events(PeerDisconnected)
        await host.connect(kubo.address)
        await host.ping(kubo.address)
        await kubo.command("quit")
        assert str((await within(5, anext(departures))).peer) == kubo.peer_id
        assert await within(CLOSED_BY_PROCESS_S, kubo.exit_code()) == 0
        assert kubo.stderr_text() == ""
        assert host.connections() == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks for a process's sockets as only Linux can")
async def test_it_talks_to_this_machine_alone(kubo: Peer) -> None:
    async with our_host() as host:
        await host.connect(kubo.address)
        await know_each_other(host, kubo)
        sockets = list(sockets_of(kubo.process_id))
        assert len(sockets) >= 2  # it listens, and has a connection
        for kind, local, remote in sockets:
            assert kind == "tcp", f"{kind} socket on {local}"
            assert local.is_loopback
            assert remote.is_loopback or remote.is_unspecified


def sockets_of(process_id: int) -> Iterator[tuple[str, ipaddress.IPv4Address, ipaddress.IPv4Address]]:
    """Kind, local and remote address of each IPv4 socket of a process; Kubo has no use for one of IPv6."""
    folder = Path("/proc") / str(process_id)
    links = [os.readlink(entry) for entry in (folder / "fd").iterdir()]
    own = {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    for kind in ("tcp", "udp", "tcp6", "udp6"):
        for line in (folder / "net" / kind).read_text().splitlines()[1:]:
            _, local, remote, *rest = line.split()
            if rest[6] in own:
                assert not kind.endswith("6"), f"an IPv6 socket: {line}"
                yield kind, address_of(local), address_of(remote)


def address_of(endpoint: str) -> ipaddress.IPv4Address:
    """`0100007F:1F90` is 127.0.0.1: the kernel prints it as a number in the machine's own order of bytes."""
    return ipaddress.IPv4Address(int(endpoint.partition(":")[0], 16).to_bytes(4, sys.byteorder))
