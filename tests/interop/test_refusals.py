"""Real peers: connections that must not come about, and how both sides notice."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest

from aiolibp2p import Host, PeerId, PrivateKey
from aiolibp2p.errors import DialFailed, HandshakeFailed, NegotiationFailed, PeerIdMismatch
from interop.kinds import DIRECTIONS, KINDS, SECURITY_IDS
from interop.ours import REFUSED_S, bare, our_host, refused, within
from interop.peers import Peer, PeerError, StartPeer

pytestmark = pytest.mark.interop

DIRECTION = pytest.mark.parametrize("direction", DIRECTIONS)


async def our_reason(host: Host, address: str) -> Exception:
    """Why our one attempt to dial failed."""
    with pytest.raises(DialFailed) as failed:
        await within(REFUSED_S, host.connect(address))
    [(_, reason)] = failed.value.attempts
    return reason


async def assert_apart(host: Host, peer: Peer) -> None:
    """Assert that neither side has a connection."""
    await peer.command("wait_disconnected", peer=str(host.peer_id), timeout=REFUSED_S)
    assert host.connections() == []


@pytest.mark.spec("TLS-15", "PLT-4")
@pytest.mark.parametrize("security", ["tls", "plaintext"])
async def test_we_dial_under_a_wrong_id(start_peer: StartPeer, security: str) -> None:
    peer = await start_peer(security=[security])
    somebody = PrivateKey.generate("ed25519").peer_id
    async with our_host(security=[security]) as host:
        reason = await our_reason(host, f"{bare(peer.address)}/p2p/{somebody}")
        assert isinstance(reason, PeerIdMismatch)
        assert (str(reason.expected), str(reason.actual)) == (str(somebody), peer.peer_id)
        await assert_apart(host, peer)
        assert await host.ping(peer.address) > 0


@pytest.mark.spec("TLS-15", "TLS-20", "PLT-4")
@pytest.mark.parametrize("security", ["tls", "plaintext"])
async def test_they_dial_us_under_a_wrong_id(start_peer: StartPeer, security: str) -> None:
    peer = await start_peer(security=[security])
    somebody = PrivateKey.generate("ed25519").peer_id
    async with our_host(security=[security]) as host:
        failed = await refused(peer, f"{bare(host.addresses[0])}/p2p/{somebody}")
        # of plaintext go says it in words only
        assert failed.kind == "peer_id_mismatch" or "unexpected peer ID" in failed.error
        await peer.command("dial", address=str(host.addresses[0]))
        assert await host.ping(PeerId.parse(peer.peer_id)) > 0


@pytest.mark.spec("PLT-7", "PLT-10", "CONN-8")
@DIRECTION
@pytest.mark.parametrize(("ours", "theirs"), list(itertools.permutations(SECURITY_IDS, 2)))
async def test_no_security_in_common(start_peer: StartPeer, ours: str, theirs: str, direction: str) -> None:
    peer = await start_peer(security=[theirs])
    async with our_host(security=[ours]) as host:
        if direction == "we dial":
            assert isinstance(await our_reason(host, peer.address), NegotiationFailed)
        else:
            await refused(peer, str(host.addresses[0]))
        await assert_apart(host, peer)


@pytest.mark.spec("INMUX-8")
@DIRECTION
@pytest.mark.parametrize("security", list(SECURITY_IDS))
async def test_no_muxer_in_common(start_peer: StartPeer, security: str, direction: str) -> None:
    peer = await start_peer(security=[security], muxer=["mplex"])
    async with our_host(security=[security], muxers=["yamux"]) as host:
        if direction == "we dial":
            assert isinstance(await our_reason(host, peer.address), HandshakeFailed | NegotiationFailed)
        else:
            await refused(peer, str(host.addresses[0]))
        await assert_apart(host, peer)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.name) for kind in KINDS if not kind.traits.chooses_dialling_noise]
)
async def test_a_dialer_that_takes_our_first_choice(start_peer: StartPeer) -> None:
    """Each side believes in another muxer: the connection ends on both, and the next may be of one mind."""
    peer = await start_peer(muxer=["mplex", "yamux"])
    async with our_host(security=["noise"], muxers=["yamux", "mplex"]) as host:
        with suppress(PeerError):  # it may count as connected until our first frame is not one of its muxer
            await peer.command("dial", address=str(host.addresses[0]), timeout=REFUSED_S)
        await assert_apart(host, peer)
        assert await host.ping(peer.address) > 0
