"""The engine finds what was planted, and runs the same again from the same seed."""

from __future__ import annotations

import warnings

import pytest

from fuzz.engine import Finding, OutOfBounds, Progress, Target, execute, fuzz, shrink
from fuzz.mutation import Mutator


def staged(data: bytes) -> object:
    """Three doors, one behind the other, that chance alone hardly passes."""
    if data[:1] != b"\x91":
        raise ValueError("first")
    if data[1:2] != b"\x92":
        raise ValueError("second")
    if data[2:3] != b"\x93":
        raise ValueError("third")
    raise KeyError("the planted bug")


STAGED = Target("staged", staged, (ValueError,))


def findings(target: Target, executions: int, seed: int = 1, corpus: tuple[bytes, ...] = (b"seed",)) -> list[Finding]:
    steps = fuzz(target, corpus, seed, lambda done: done.executions < executions)
    return [step for step in steps if isinstance(step, Finding)]


def test_a_bug_behind_three_doors_is_found_since_each_door_is_noticed() -> None:
    found = findings(STAGED, 40_000)
    assert found
    assert found[0].data.startswith(b"\x91\x92\x93")
    assert "planted" in found[0].reason
    mutator = Mutator(1, (), 2048)
    assert not any(mutator.mutant([b"seed"]).startswith(b"\x91\x92\x93") for _ in range(40_000))


def test_a_seed_repeats_a_run() -> None:
    first, again = findings(STAGED, 40_000), findings(STAGED, 40_000)
    assert [(one.execution, one.data) for one in first] == [(one.execution, one.data) for one in again]
    one, same, other = (Mutator(seed, (b"token",), 100) for seed in (5, 5, 6))
    pool = [b"abc", b"defgh"]
    made = [one.mutant(pool) for _ in range(100)]
    assert made == [same.mutant(pool) for _ in range(100)]
    assert made != [other.mutant(pool) for _ in range(100)]


def test_mutants_keep_their_limit_and_use_the_tokens() -> None:
    mutator = Mutator(1, (b"token",), 40)
    made = [mutator.mutant([b"x" * 30, b""]) for _ in range(500)]
    assert max(map(len, made)) <= 40
    assert sum(b"token" in mutant for mutant in made) > 50


def test_the_corpus_is_run_first_and_whole() -> None:
    seen: list[bytes] = []
    corpus = [b"one", b"two", b"three"]
    steps = list(fuzz(Target("t", seen.append, ()), corpus, 1, lambda done: done.executions < 3))
    assert seen == corpus
    assert steps == [Progress(3, 1)]


def test_a_documented_error_is_none_but_any_other_is_a_finding() -> None:
    def run(data: bytes) -> object:
        raise {b"a": ValueError, b"b": UnicodeError, b"c": TypeError}[data]

    target = Target("t", run, (ValueError,))
    assert [finding.data for finding in findings(target, 0, corpus=(b"a", b"b", b"c"))] == [b"c"]


def test_a_warning_is_a_finding() -> None:
    target = Target("t", lambda data: warnings.warn("old", DeprecationWarning, stacklevel=1), ())
    assert "old" in findings(target, 0)[0].reason


def test_time_and_memory_have_bounds() -> None:
    slow = Target("slow", lambda data: sum(range(2_000_000)), (), max_s=0.001)
    with pytest.raises(OutOfBounds, match="processor time"):
        execute(slow, b"")
    large = Target("large", lambda data: len(bytearray(100_000)), (), max_memory_bytes=50_000)
    assert execute(large, b"") == "read 100000"
    with pytest.raises(OutOfBounds, match="bytes of memory"):
        execute(large, b"", measure_memory=True)
    # One mutant in sixteen is measured.
    assert findings(large, 40)


def test_an_endless_run_is_ended() -> None:
    def run(data: bytes) -> object:
        while True:
            pass

    with pytest.raises(OutOfBounds, match="still running"):
        execute(Target("t", run, (), max_s=0.01), b"")


def test_a_finding_shrinks_to_what_matters() -> None:
    def run(data: bytes) -> object:
        assert not (b"\x01" in data and b"\x02" in data)
        return None

    target = Target("t", run, ())
    finding = findings(target, 0, corpus=(b"so \x02 much \x01 around it",))[0]
    assert shrink(target, finding) == b"\x02\x01"
