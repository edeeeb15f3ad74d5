"""In which order, and how far apart, the addresses of a peer are dialled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiolibp2p.multiformats.multiaddr import Multiaddr

PUBLIC_STAGGER_S = 0.25
LOCAL_STAGGER_S = 0.03
"""How long an address has the field to itself; a failure lets the next one start at once."""


@dataclass(frozen=True)
class RankedAddress:
    """Dial `address` no later than `stagger_s` after the one before it."""

    address: Multiaddr
    stagger_s: float


def rank_addresses(addresses: Iterable[Multiaddr]) -> list[RankedAddress]:
    """Nearest first (loopback, private, public); within each, IPv6 and IPv4 by turns (RFC 8305), as given."""
    each_once = dict.fromkeys(addresses)
    if len(each_once) < 2:
        return [RankedAddress(address, LOCAL_STAGGER_S) for address in each_once]
    groups: list[list[Multiaddr]] = [[], [], []]
    for address in each_once:
        groups[0 if address.is_loopback else 1 if address.is_private else 2].append(address)
    ranked: list[RankedAddress] = []
    for group, stagger_s in zip(groups, (LOCAL_STAGGER_S, LOCAL_STAGGER_S, PUBLIC_STAGGER_S), strict=True):
        ranked += [RankedAddress(address, stagger_s) for address in _by_turns(group)]
    return ranked


def _by_turns(addresses: list[Multiaddr]) -> list[Multiaddr]:
    ip6 = [address for address in addresses if ":" in (address.ip or "")]
    others = [address for address in addresses if ":" not in (address.ip or "")]
    turns: list[Multiaddr] = []
    for position in range(max(len(ip6), len(others))):
        turns += ip6[position : position + 1] + others[position : position + 1]
    return turns
