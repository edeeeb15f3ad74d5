"""All kinds of peer. A test that takes `kind`, `start_peer` or `peer` runs once with each, unless it says for which."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from interop.go_peer import GoPeer
from interop.js_peer import JsPeer
from interop.peers import KEY_TYPES, Peer
from interop.rust_peer import RustPeer

KINDS: Sequence[type[Peer]] = (GoPeer, RustPeer, JsPeer)


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


def pairs_of_identities() -> pytest.MarkDecorator:
    """Run the test with each peer and key types `ours` and `theirs`: each type once, against Ed25519."""
    cases = [(kind, ours, "ed25519") for kind in KINDS for ours in KEY_TYPES if ours in kind.traits.verifies]
    cases += [(kind, "ed25519", theirs) for kind in KINDS for theirs in kind.traits.keys if theirs != "ed25519"]
    return _cases("kind,ours,theirs", cases)


def _cases(names: str, cases: Sequence[tuple[type[Peer], *tuple[Any, ...]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        names, [pytest.param(kind, *values, id="-".join([kind.name, *values])) for kind, *values in cases]
    )
