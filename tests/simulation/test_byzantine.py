"""A thousand seeds of Byzantine peers against multistream, noise and yamux; and that they bite."""

from __future__ import annotations

import pytest

from aiolibp2p.multistream import negotiator, simultaneous
from aiolibp2p.muxers.yamux import session
from aiolibp2p.security.noise import handshake
from aiolibp2p.simulator.byzantine import LAYERS
from aiolibp2p.simulator.run import run_scenario
from aiolibp2p.simulator.scenario import RunOptions
from aiolibp2p.simulator.scenarios import find

SEEDS = 1000


@pytest.mark.timeout(300)
def test_honest_nodes_hold_for_a_thousand_seeds() -> None:
    scenario = find("byzantine")
    attacks = dict.fromkeys((f"attacks_{layer}" for layer in LAYERS), 0)
    for seed in range(1, SEEDS + 1):
        result = run_scenario(scenario, RunOptions(seed))
        assert result.violations == (), f"p2p simulate byzantine --seed {seed}"
        for name in attacks:
            attacks[name] += result.counters.get(name, 0)
    assert min(attacks.values()) > SEEDS


class Bug(Exception):
    """A mistake in a parser: an error nobody documented."""


def fails_on(victim: type, method: str, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """Give the parser a bug, from its n-th hostile input on."""
    honest = getattr(victim, method)
    calls = [0]

    def buggy(*args: object, **options: object) -> object:
        try:
            return honest(*args, **options)
        except Exception as error:
            calls[0] += 1
            if calls[0] >= nth:
                raise Bug("of our own") from error
            raise

    monkeypatch.setattr(victim, method, buggy)


@pytest.mark.parametrize(
    ("victim", "method"),
    [
        (negotiator.Responder, "receive_data"),
        (simultaneous.SimultaneousOpen, "receive_data"),
        (handshake.NoiseHandshake, "receive_data"),
        (session.YamuxSession, "receive_data"),
    ],
    ids=["multistream", "simultaneous open", "noise", "yamux"],
)
def test_a_parser_with_a_bug_does_not_go_unseen(victim: type, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_on(victim, method, monkeypatch, nth=1)
    results = [run_scenario(find("byzantine"), RunOptions(seed)) for seed in range(1, 8)]
    assert any("Bug" in violation.what for result in results for violation in result.violations)
