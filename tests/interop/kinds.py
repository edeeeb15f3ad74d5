"""All kinds of peer. A test that takes `kind`, `start_peer` or `peer` runs once with each, unless it says for which."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from interop.go_peer import GoPeer
from interop.js_peer import JsPeer
from interop.kubo_peer import KuboPeer
from interop.peers import KEY_TYPES, Peer
from interop.rust_peer import RustPeer

KINDS: Sequence[type[Peer]] = (GoPeer, RustPeer, JsPeer)
LAYERED_KINDS: Sequence[type[Peer]] = (*KINDS, KuboPeer)
"""The peers that are tried over all layers they have; Kubo serves too little for the other tests."""

SECURITY_IDS = {"noise": "/noise", "tls": "/tls/1.0.0", "plaintext": "/plaintext/2.0.0"}
MUXER_IDS = {"yamux": "/yamux/1.0.0", "mplex": "/mplex/6.7.0"}
DIRECTIONS = ("we dial", "they dial")


def peers_that(*traits: str) -> pytest.MarkDecorator:
    """Run the test with the peers that have all of these traits."""
    chosen = [kind for kind in KINDS if all(getattr(kind.traits, trait) for trait in traits)]
    return pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in chosen])


def peers_with_each(**parameters: str) -> pytest.MarkDecorator:
    """Run the test with each peer and all it has: `key="keys"` gives `key` each value of its trait `keys`."""
    cases = [
        (kind, *values)
        for kind in KINDS
        for values in itertools.product(*(getattr(kind.traits, trait) for trait in parameters.values()))
    ]
    return _cases(",".join(["kind", *parameters]), cases)


def layer_cells() -> list[tuple[type[Peer], str, str, str]]:
    """Peer, security, muxer and direction of every pairing that there is."""
    return [
        (kind, security, muxer, direction)
        for kind in LAYERED_KINDS
        for security in kind.traits.securities
        for muxer in kind.traits.muxers
        for direction in DIRECTIONS
    ]


def order_cells() -> list[tuple[type[Peer], str, str]]:
    """Peer, security and direction wherever the dialer's order of muxers counts."""
    return [
        (kind, security, direction)
        for kind in LAYERED_KINDS
        for security in kind.traits.securities
        for direction in DIRECTIONS
        if kind.traits.chooses_dialling_noise or (security, direction) != ("noise", "they dial")
    ]


def stalling_cells(*layers: tuple[str, str]) -> list[tuple[type[Peer], str, str]]:
    """Peer, security and muxer, of those layers, where a reader that stalls holds up the writer."""
    cells = [(kind, security, muxer) for kind in KINDS for security, muxer in layers]
    return [cell for cell in cells if cell[2] != "mplex" or cell[0].traits.waits_on_mplex]


def psk_cells() -> list[tuple[type[Peer], str]]:
    """Peer and direction in a private network."""
    return [(kind, direction) for kind in LAYERED_KINDS if kind.traits.has_psk for direction in DIRECTIONS]


def with_cells(names: str, cells: Sequence[tuple[type[Peer], *tuple[str, ...]]]) -> pytest.MarkDecorator:
    """Run the test with each of those cells."""
    return _cases(names, cells)


def pairs_of_identities() -> pytest.MarkDecorator:
    """Run the test with each peer and key types `ours` and `theirs`: each type once, against Ed25519."""
    cases = [(kind, ours, "ed25519") for kind in KINDS for ours in KEY_TYPES if ours in kind.traits.verifies]
    cases += [(kind, "ed25519", theirs) for kind in KINDS for theirs in kind.traits.keys if theirs != "ed25519"]
    return _cases("kind,ours,theirs", cases)


def _cases(names: str, cases: Sequence[tuple[type[Peer], *tuple[Any, ...]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        names, [pytest.param(kind, *values, id="-".join([kind.name, *values])) for kind, *values in cases]
    )
