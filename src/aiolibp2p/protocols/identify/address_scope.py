"""Chooses the addresses that are worth telling, and worth believing, given where the other side is."""

from __future__ import annotations

from collections.abc import Iterable

from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId

NOT_OBSERVABLE = frozenset({"onion", "onion3", "garlic32", "garlic64"})
"""Transports that hide where a connection comes from."""


def observed(remote: Multiaddr) -> Multiaddr | None:
    """Return the source of a connection as its peer is told: over a relay /p2p/<relay>/p2p-circuit, None for onions."""
    circuit = remote.split_circuit()
    if circuit is not None:
        relay = circuit[0].p2p
        return Multiaddr(f"/p2p/{relay}/p2p-circuit") if relay is not None else None
    source = remote.without_p2p()
    if not source or not NOT_OBSERVABLE.isdisjoint(source.protocols()):
        return None
    return source


def told(addresses: Iterable[Multiaddr], nearby: bool) -> list[Multiaddr]:
    """Return those of our own addresses that mean anything at the other end: on this machine (`nearby`) all of them.

    Elsewhere loopback ones lead to the other machine, and link-local ones to whatever link it looks at.
    """
    return [address for address in addresses if nearby or leaves_machine(address)]


def leaves_machine(address: Multiaddr) -> bool:
    """Return whether an address leads to the same place from another machine: neither loopback nor link-local."""
    return not (address.is_loopback or address.is_link_local)


def reachable_from(addresses: Iterable[Multiaddr], remote: Multiaddr) -> list[Multiaddr]:
    """Return those of a peer's addresses that lead to it, judged by where it is (`remote`).

    A peer on a public address is not believed private or loopback ones, one on a private address no loopback ones.
    A relay address that names no relay leads nowhere.
    """
    kept = [address for address in addresses if not _names_no_relay(address)]
    if remote.ip is None or remote.is_loopback:
        return kept
    if remote.is_private or remote.is_link_local:
        return [address for address in kept if not address.is_loopback]
    return [address for address in kept if is_public(address)]


def is_public(address: Multiaddr) -> bool:
    """Return whether an address may lead somewhere over the internet; names and the like may."""
    return not (address.is_loopback or address.is_private or address.is_link_local or address.is_unspecified)


def of_peer(addresses: Iterable[Multiaddr], peer: PeerId) -> list[Multiaddr]:
    """Return the addresses without the peer's own id at their end; those that end in another's id are left out."""
    kept: list[Multiaddr] = []
    for address in addresses:
        bare = address.without_p2p()
        if bare and (bare == address or address.p2p_bytes == peer.to_bytes()):
            kept.append(bare)
    return kept


def most_wanted(addresses: Iterable[Multiaddr], max_bytes: int) -> list[Multiaddr]:
    """Return the addresses that fit `max_bytes`, in their order.

    If not all do, loopback ones are left out first, then private ones.
    """
    wanted = list(addresses)
    ranked = sorted(range(len(wanted)), key=lambda i: (wanted[i].is_loopback, not is_public(wanted[i]), i))
    left = max_bytes
    kept: list[int] = []
    for i in ranked:
        left -= len(wanted[i].to_bytes())
        if left < 0:
            break
        kept.append(i)
    return [wanted[i] for i in sorted(kept)]


def _names_no_relay(address: Multiaddr) -> bool:
    circuit = address.split_circuit()
    return circuit is not None and not circuit[0]
