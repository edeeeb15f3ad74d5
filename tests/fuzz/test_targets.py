"""Each target over its corpus and as many mutants as a test run has time for; the seed is fixed."""

from __future__ import annotations

import pytest

from fuzz import corpus
from fuzz.engine import Finding, Target, execute, fuzz
from fuzz.registry import TARGETS

SEED = 1

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@every_target
def test_mutants_raise_only_what_is_documented_and_cost_little(target: Target) -> None:
    steps = list(fuzz(target, corpus.inputs(target.name), SEED, lambda done: done.executions < target.executions))
    for step in steps:
        if isinstance(step, Finding):
            pytest.fail(f"{target.name}, seed {SEED}, run {step.execution}: {step.data.hex()}: {step.reason}")


@every_target
def test_the_corpus_holds_something_that_is_taken(target: Target) -> None:
    outcomes = [execute(target, data) for data in corpus.inputs(target.name)]
    assert any(outcome.startswith("read") for outcome in outcomes)


@pytest.mark.parametrize("name", [name for name in TARGETS if corpus.load(name)["recorded"]])
def test_what_a_real_peer_said_is_understood(name: str) -> None:
    for data in corpus.load(name)["recorded"].values():
        assert execute(TARGETS[name], data).startswith("read")
