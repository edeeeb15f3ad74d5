"""Topologies: which nodes are connected, and how far apart they are, in eight regions of the world."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TypeAlias

from aiolibp2p.errors import ConfigError
from aiolibp2p.simulator.network import Interface, InterfaceConfig, LinkConfig
from aiolibp2p.simulator.runtime import seeded_random

Edge: TypeAlias = tuple[int, int]
"""Two nodes by index; the first one dials."""

WEIGHTS = {
    "europe": 5599,
    "na_east": 2894,
    "na_west": 1240,
    "east_asia": 1059,
    "australia": 290,
    "west_asia": 161,
    "south_africa": 47,
    "south_america": 36,
}
"""The number of nodes in each region, of 11,326 in all."""

FAST_SHARE = 0.2
"""The share of nodes with a fast line."""
FAST_BITS_PER_S = 1024e6
"""The speed of a fast line in both directions, in bits a second: a server's."""
SLOW_BITS_PER_S = 50e6
"""The speed of a slow line in both directions, in bits a second: a home's."""

_SHORT = {
    "au": "australia",
    "ea": "east_asia",
    "eu": "europe",
    "naw": "na_west",
    "nae": "na_east",
    "sam": "south_america",
    "saf": "south_africa",
    "wa": "west_asia",
}

_LATENCIES_MS = """
au au 2  au ea 110  au eu 165  au naw 110  au nae 150  au sam 190  au saf 220  au wa 180
ea ea 4  ea eu 125  ea naw 100  ea nae 140  ea sam 175  ea saf 175  ea wa 110
eu eu 2  eu naw 110  eu nae 70  eu sam 140  eu saf 95  eu wa 60
naw naw 2  naw nae 60  naw sam 100  naw saf 160  naw wa 150
nae nae 2  nae sam 100  nae saf 130  nae wa 110
sam sam 7  sam saf 195  saf sam 190  sam wa 145
saf saf 7  saf wa 110
wa wa 5
"""
"""The latencies in ms, one way; the way back is the same unless it is listed after it."""

PAIRING_TRIES = 1000
"""How often the pairing of stubs is begun again before a graph is called impossible."""


def _latencies() -> dict[tuple[str, str], float]:
    words = _LATENCIES_MS.split()
    table: dict[tuple[str, str], float] = {}
    for start, end, milliseconds in zip(words[::3], words[1::3], words[2::3], strict=True):
        here, there = _SHORT[start], _SHORT[end]
        table[here, there] = float(milliseconds) / 1000
        table.setdefault((there, here), float(milliseconds) / 1000)
    return table


LATENCIES_S = _latencies()
"""One-way latency in seconds by (from, to), for every pair of regions."""


@dataclass(frozen=True)
class Site:
    """The region of a node, and the speed of its line, both ways."""

    region: str
    bits_per_s: float


def draw_site(source: random.Random) -> Site:
    """Draw a region by weight, and a fast line for one node in five."""
    (region,) = source.choices(list(WEIGHTS), list(WEIGHTS.values()))
    return Site(region, FAST_BITS_PER_S if source.random() < FAST_SHARE else SLOW_BITS_PER_S)


class Regions:
    """Nodes by name, each at a site of its own that depends on nothing but the seed and that name."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sites: dict[str, Site] = {}
        self._links = {pair: LinkConfig(latency_s=latency_s) for pair, latency_s in LATENCIES_S.items()}

    def site(self, name: str) -> Site:
        """Return the site of a node."""
        site = self._sites.get(name)
        if site is None:
            site = self._sites[name] = draw_site(seeded_random(self._seed, name, "site"))
        return site

    def interface(self, name: str) -> InterfaceConfig:
        """Return the interface of a node, with the speed of its line."""
        bits_per_s = self.site(name).bits_per_s
        return InterfaceConfig(up_bits_per_s=bits_per_s, down_bits_per_s=bits_per_s)

    def link(self, start: Interface, end: Interface) -> LinkConfig:
        """Return the link from one node to another."""
        return self._links[self.site(start.name).region, self.site(end.name).region]


def full_mesh(n: int) -> list[Edge]:
    """Return every pair of nodes."""
    return [(a, b) for a in range(n) for b in range(a + 1, n)]


def star(n: int) -> list[Edge]:
    """Return the pairs of every node with node 0, who dials nobody."""
    return [(a, 0) for a in range(1, n)]


def random_regular(n: int, k: int, source: random.Random) -> list[Edge]:
    """Return a connected graph in which every node has `k` neighbours. Raises ConfigError when there is none.

    Stubs are paired at random; pairs that cannot stand are drawn again, and the whole when that leads nowhere.
    """
    if not 0 < k < n or n * k % 2 or (k == 1 and n != 2):
        raise ConfigError(f"no connected graph of {n} nodes gives each of them {k} neighbours")
    for _ in range(PAIRING_TRIES):
        edges = _paired(n, k, source)
        if edges is not None and is_connected(n, edges):
            return edges
    raise ConfigError(f"found no connected graph of {n} nodes with {k} neighbours each, in {PAIRING_TRIES} tries")


def _paired(n: int, k: int, source: random.Random) -> list[Edge] | None:
    edges: dict[Edge, None] = {}
    stubs = [node for node in range(n) for _ in range(k)]
    while stubs:
        source.shuffle(stubs)
        left: list[int] = []
        for a, b in zip(stubs[::2], stubs[1::2], strict=True):
            if a == b or (a, b) in edges or (b, a) in edges:
                left += (a, b)
            else:
                edges[a, b] = None
        if len(left) == len(stubs) and not _can_pair(left, edges):
            return None
        stubs = left
    return list(edges)


def _can_pair(stubs: list[int], edges: dict[Edge, None]) -> bool:
    """Return whether some two of the stubs may still be joined."""
    nodes = list(dict.fromkeys(stubs))
    return any((a, b) not in edges and (b, a) not in edges for i, a in enumerate(nodes) for b in nodes[i + 1 :])


def is_connected(n: int, edges: list[Edge]) -> bool:
    """Return whether every node can be reached from every other."""
    around = neighbours(n, edges)
    reached = {0: None} if n else {}
    waiting = list(reached)
    while waiting:
        for node in around[waiting.pop()]:
            if node not in reached:
                reached[node] = None
                waiting.append(node)
    return len(reached) == n


def neighbours(n: int, edges: list[Edge]) -> list[list[int]]:
    """Return the neighbours of each node, in the order of the edges."""
    around: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges:
        around[a].append(b)
        around[b].append(a)
    return around
