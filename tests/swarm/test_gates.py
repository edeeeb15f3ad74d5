"""The five questions to a gater."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast

import pytest

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import Gated
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.swarm.gates import Gates

PEER = PrivateKey.generate("ed25519").peer_id
ADDRESS = Multiaddr("/ip4/10.0.0.1/tcp/1")

ASK: dict[str, Callable[[Gates], None]] = {
    "allow_peer": lambda gates: gates.peer(PEER),
    "allow_address": lambda gates: gates.address(PEER, ADDRESS),
    "allow_accepted": lambda gates: gates.accepted(ADDRESS),
    "allow_secured": lambda gates: gates.secured(PEER, ADDRESS, True),
    "allow_upgraded": lambda gates: gates.upgraded(cast(MuxedConnection, object())),
}


class Counts:
    """A meter that remembers."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, dict[str, str]]] = []

    def count(self, name: str, n: int = 1, **labels: str) -> None:
        self.counted.append((name, labels))


@pytest.mark.parametrize("gate", ASK)
def test_all_is_allowed_by_default(gate: str) -> None:
    ASK[gate](Gates(Gater()))


@pytest.mark.parametrize("gate", ASK)
def test_a_no_is_raised_and_counted(gate: str) -> None:
    gater, counts = Gater(), Counts()
    setattr(gater, gate, lambda *_: False)
    gates = Gates(gater, counts)
    with pytest.raises(Gated, match="does not allow"):
        ASK[gate](gates)
    for other in ASK.keys() - {gate}:
        ASK[other](gates)
    assert counts.counted == [("gated", {"gate": gate.removeprefix("allow_")})]


@pytest.mark.parametrize("gate", ASK)
def test_a_gater_that_fails_is_logged_and_has_said_no(gate: str, caplog: pytest.LogCaptureFixture) -> None:
    gater, counts = Gater(), Counts()
    setattr(gater, gate, lambda *_: 1 / 0)
    with caplog.at_level(logging.INFO), pytest.raises(Gated, match=r"failed .*: division by zero"):
        ASK[gate](Gates(gater, counts))
    assert len(caplog.records) == 1
    assert counts.counted == [("gated", {"gate": gate.removeprefix("allow_")})]
