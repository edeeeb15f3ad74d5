"""Against real peers: private networks."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from aiolibp2p import Libp2pError, Limits, PreSharedKey
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrader import UpgraderConfig
from interop.kinds import psk_cells, with_cells
from interop.ours import our_host, within
from interop.peers import PeerDied, PeerError, StartPeer
from interop.test_layers import Recorder, connected, exchange

pytestmark = pytest.mark.interop

NOTICED_S = 8.0
"""How long it takes at most to notice a wrong key."""

IMPATIENT = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(timeout_s=2.0)))
"""A peer that waits for more sense than it gets is left in the end."""


def key_file(folder: Path, name: str) -> str:
    """A fresh key in a file."""
    PreSharedKey.generate(os.urandom).save(folder / name)
    return str(folder / name)


@pytest.mark.spec("PNT-2", "PNT-3", "PNT-7", "PNT-8", "PNT-10")
@with_cells("kind,direction", psk_cells())
async def test_private_network(
    start_peer: StartPeer, record_property: Recorder, tmp_path: Path, direction: str
) -> None:
    psk = key_file(tmp_path, "swarm.key")
    peer = await start_peer(psk=psk)
    record_property("implementation", peer.implementation)
    async with our_host(psk=psk) as host:
        connection = await connected(host, peer, direction)
        assert connection.security == "/noise"
        await exchange(host, peer)


@pytest.mark.spec("PNT-7")
async def test_tls_and_mplex_in_it(start_peer: StartPeer, tmp_path: Path) -> None:
    psk = key_file(tmp_path, "swarm.key")
    peer = await start_peer(psk=psk, security=["tls"], muxer=["mplex"])
    async with our_host(psk=psk, security=["tls"], muxers=["mplex"]) as host:
        connection = await connected(host, peer, "we dial")
        assert (connection.security, connection.muxer) == ("/tls/1.0.0", "/mplex/6.7.0")
        await exchange(host, peer)


@pytest.mark.spec("PNT-4", "PNT-5")
@pytest.mark.parametrize("theirs", ["another key", "no key"])
@pytest.mark.parametrize("ours", ["a key", "no key"])
async def test_strangers_stay_strangers(start_peer: StartPeer, tmp_path: Path, ours: str, theirs: str) -> None:
    if ours == theirs:
        return
    peer = await start_peer(psk=key_file(tmp_path, "theirs.key") if theirs == "another key" else None)
    psk = key_file(tmp_path, "ours.key") if ours == "a key" else None
    async with our_host(psk=psk, limits=IMPATIENT) as host:
        dial = asyncio.create_task(peer.command("dial", address=str(host.addresses[0]), timeout=NOTICED_S))
        with pytest.raises(Libp2pError) as failed:
            await within(NOTICED_S, host.connect(peer.address))
        if ours == "a key":
            assert "not in this private network, or has another key" in str(failed.value)
        with pytest.raises((PeerError, PeerDied)):
            await dial
        assert host.connections() == []
