"""Ranks the addresses of a peer: the order in which they are dialled, and how far apart. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from aiolibp2p.multiformats.multiaddr import Multiaddr

PUBLIC_STAGGER_S = 0.25
"""Seconds that a public address has its group to itself: what RFC 8305 recommends, and go does."""

LOCAL_STAGGER_S = 0.03
"""Seconds that a loopback or private address has its group to itself: they answer within milliseconds or never, and go
takes 30 ms, too. It is also the start that a nearer group has of the next one."""


@dataclass(frozen=True)
class RankedAddress:
    """An address and its turn: no later than `delay_s` seconds after the dial began, sooner if others have failed."""

    address: Multiaddr
    delay_s: float


Ranker: TypeAlias = Callable[[Sequence[Multiaddr]], Sequence[RankedAddress]]
"""Puts addresses, each given once, into the order in which they are dialled; delays never fall. Quick and pure."""


def rank_addresses(addresses: Sequence[Multiaddr]) -> list[RankedAddress]:
    """Rank loopback, private and public addresses, each group on its own clock: the default `Ranker`.

    A nearer group begins a little earlier, so that on the same machine or network the short way wins; but it holds up
    no other for longer than that, however many of its addresses are dead. Within each group IPv6 and IPv4 take turns
    (RFC 8305), in the order given.
    """
    if len(addresses) < 2:
        return [RankedAddress(address, 0.0) for address in addresses]
    groups: list[list[Multiaddr]] = [[], [], []]
    for address in addresses:
        groups[0 if address.is_loopback else 1 if address.is_private else 2].append(address)
    ranked: list[RankedAddress] = []
    start_s = 0.0
    for group, stagger_s in zip(groups, (LOCAL_STAGGER_S, LOCAL_STAGGER_S, PUBLIC_STAGGER_S), strict=True):
        ranked += [RankedAddress(address, start_s + turn * stagger_s) for turn, address in enumerate(_by_turns(group))]
        start_s += LOCAL_STAGGER_S if group else 0.0
    # Sorting is stable: of two that are due at the same moment the nearer one is first.
    return sorted(ranked, key=lambda one: one.delay_s)


def _by_turns(addresses: list[Multiaddr]) -> list[Multiaddr]:
    ip6 = [address for address in addresses if ":" in (address.ip or "")]
    others = [address for address in addresses if ":" not in (address.ip or "")]
    turns: list[Multiaddr] = []
    for position in range(max(len(ip6), len(others))):
        turns += ip6[position : position + 1] + others[position : position + 1]
    return turns
