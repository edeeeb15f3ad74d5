"""Real peers: private networks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiolibp2p import Limits, PreSharedKey
from aiolibp2p.errors import DialFailed
from aiolibp2p.events import PeerConnected
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from interop.kinds import DIRECTIONS, psk_cells, with_cells
from interop.ours import Recorder, connected, exchange, our_host, refused, within
from interop.peers import Peer, StartPeer

pytestmark = pytest.mark.interop

NOTICED_S = 6.0
"""How long it takes at most to notice a wrong key."""

IMPATIENT = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(timeout_s=1.0)))
"""A peer that waits for more sense than it gets is left in the end, long before rust would do so."""

KEYS_ID = ["another key", "they have none", "we have none"]


def key_file(folder: Path, name: str) -> str:
    """A fresh key in a file."""
    PreSharedKey.generate(os.urandom).save(folder / name)
    return str(folder / name)


@pytest.mark.spec("PNT-2", "PNT-3", "PNT-7", "PNT-8", "PNT-10")
@with_cells("kind,direction", psk_cells())
async def test_private_network(
    kind: type[Peer], start_peer: StartPeer, record_property: Recorder, tmp_path: Path, direction: str
) -> None:
    psk = key_file(tmp_path, "swarm.key")
    peer = await start_peer(psk=psk, key=kind.traits.keys[0])
    record_property("implementation", peer.implementation)
    async with our_host(psk=psk) as host:
        connection = await connected(host, peer, direction)
        assert (connection.security, connection.muxer) == ("/noise", "/yamux/1.0.0")
        await exchange(host, peer)
        [seen] = (await peer.command("connections"))["connections"]
        assert seen["peer_id"] == str(host.peer_id)


@pytest.mark.spec("PNT-7")
@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_tls_and_mplex_in_it(start_peer: StartPeer, tmp_path: Path, direction: str) -> None:
    psk = key_file(tmp_path, "swarm.key")
    peer = await start_peer(psk=psk, security=["tls"], muxer=["mplex"])
    async with our_host(psk=psk, security=["tls"], muxers=["mplex"]) as host:
        connection = await connected(host, peer, direction)
        assert (connection.security, connection.muxer) == ("/tls/1.0.0", "/mplex/6.7.0")
        await exchange(host, peer)


@pytest.mark.spec("PNT-4", "PNT-5")
@pytest.mark.parametrize(
    ("ours", "theirs"), [("ours.key", "theirs.key"), ("ours.key", None), (None, "theirs.key")], ids=KEYS_ID
)
@with_cells("kind,direction", psk_cells())
async def test_strangers_stay_strangers(
    kind: type[Peer], start_peer: StartPeer, tmp_path: Path, ours: str | None, theirs: str | None, direction: str
) -> None:
    peer = await start_peer(psk=theirs and key_file(tmp_path, theirs), key=kind.traits.keys[0])
    async with our_host(psk=ours and key_file(tmp_path, ours), limits=IMPATIENT) as host:
        arrivals = host.events(PeerConnected)
        if direction == "we dial":
            with pytest.raises(DialFailed) as failed:
                await within(NOTICED_S, host.connect(peer.address))
            if ours is not None:
                assert "not in this private network, or has another key" in str(failed.value)
        else:
            await refused(peer, str(host.addresses[0]), NOTICED_S)
        assert (await peer.command("connections"))["connections"] == []
        assert host.connections() == []
    assert [event async for event in arrivals] == []
