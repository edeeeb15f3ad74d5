"""Targets: what users name a peer by, turned into its id and the addresses to try."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from aiolibp2p.abc.host import Target
from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.errors import ConfigError, Libp2pError
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId


def locate(target: Target, peerstore: Peerstore) -> tuple[PeerId | None, list[Multiaddr]]:
    """Return the peer that a target names (None for whoever answers), and its addresses without /p2p, given or known.

    Raises ConfigError for addresses of different peers and for none, FormatError for text that does not parse.
    """
    if isinstance(target, PeerId):
        return target, peerstore.addresses(target)
    if isinstance(target, str) and not target.startswith("/"):
        peer = PeerId.parse(target)
        return peer, peerstore.addresses(peer)
    addresses = [Multiaddr(one) for one in ([target] if isinstance(target, str | Multiaddr) else target)]
    peers = {address.p2p_bytes: None for address in addresses if address.p2p_bytes is not None}
    if len(peers) > 1:
        raise ConfigError("the addresses name different peers")
    named = next(iter(peers), None)
    bare = [rest for rest in (address.without_p2p() for address in addresses) if rest]
    if named is None:
        if not bare:
            raise ConfigError("no address to connect to")
        return None, bare
    peer = _peer_id(named)
    return peer, bare or peerstore.addresses(peer)


@lru_cache(256)
def _peer_id(multihash: bytes) -> PeerId:
    """Return one object for a peer however often it is named: it knows its text already."""
    return PeerId(multihash)


def listen_addresses(listen: Sequence[str]) -> list[Multiaddr]:
    """The addresses of the option `listen`, which may be a single text, too. Raises ConfigError."""
    return [_parsed(text) for text in ([listen] if isinstance(listen, str | Multiaddr) else listen)]


def _parsed(text: str) -> Multiaddr:
    try:
        return Multiaddr(text)
    except Libp2pError as error:
        raise ConfigError(f"cannot listen on {text!r}: {error}") from error
