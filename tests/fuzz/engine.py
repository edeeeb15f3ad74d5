"""The engine: runs one target over mutants of its corpus, and keeps those that did something new.

What is new is told by the answer: the lines a refusal was raised from, or the shape of what was parsed. So steering
costs nothing, on any Python; see docs/decisions/008-fuzzing-by-refusals.md.
"""

from __future__ import annotations

import contextlib
import signal
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

from fuzz.mutation import Mutator

MEMORY_EVERY = 16
"""One run in 16 is measured for memory: measuring makes it several times slower."""

MEASURING_COSTS = 4
"""How much longer a run may take that is measured for memory."""

ENDLESS = 5
"""The multiple of its time limit after which a run is ended from outside."""

MAX_POOL = 512
"""Inputs kept in memory; past it what is new is counted, and not kept."""

_SHAPE_CHARACTERS = 200


@dataclass(frozen=True)
class Target:
    """One parser. `run` returns something that says what it saw, or raises one of `errors`; else it is a finding."""

    name: str
    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    tokens: tuple[bytes, ...] = ()
    """Pieces of the format."""
    executions: int = 1000
    """The executions of a test run, by default."""
    max_bytes: int = 2048
    """The longest mutant, in bytes."""
    max_s: float = 1.0
    """Processor time that one input may take, on a machine that is slow and busy."""
    max_memory_bytes: int = 4 * 1024 * 1024
    """The most memory that one input may need at its peak, in bytes."""


@dataclass(frozen=True)
class Finding:
    """An input that a target did not take as it should. The target, the seed and the run's number repeat it."""

    target: str
    seed: int
    execution: int
    data: bytes
    reason: str
    error: BaseException | None = None


@dataclass(frozen=True)
class Progress:
    """How far a run is. `kept` counts the inputs that did something new."""

    executions: int
    kept: int


class OutOfBounds(Exception):
    """An input cost more than its target allows."""


def execute(target: Target, data: bytes, measure_memory: bool = False) -> str:
    """Run one input; return what happened, in words that are the same for inputs of the same kind.

    Raises what is a finding. Warnings count as errors.
    """
    if measure_memory:
        tracemalloc.start()
    limit = target.max_s * (MEASURING_COSTS if measure_memory else 1)
    started = time.process_time()
    try:
        with warnings.catch_warnings(), _deadline(limit * ENDLESS):
            warnings.simplefilter("error")
            outcome = _outcome(target, data)
        elapsed = time.process_time() - started
        peak = tracemalloc.get_traced_memory()[1] if measure_memory else 0
    finally:
        if measure_memory:
            tracemalloc.stop()
    if elapsed > limit:
        raise OutOfBounds(f"took {elapsed:.2f} s of processor time, at most {limit:g} s are allowed")
    if peak > target.max_memory_bytes:
        raise OutOfBounds(f"took {peak} bytes of memory, at most {target.max_memory_bytes} are allowed")
    return outcome


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """End a run that never ends by itself, after some seconds of processor time."""

    def too_long(number: int, frame: FrameType | None) -> None:
        raise OutOfBounds(f"still running after {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _outcome(target: Target, data: bytes) -> str:
    try:
        return f"read {target.run(data)!r}"[:_SHAPE_CHARACTERS]
    except target.errors as error:
        return " ".join(_raised_at(error))


def _raised_at(error: BaseException | None) -> Iterator[str]:
    """The lines an error went through, and those of the errors behind it."""
    while error is not None:
        yield type(error).__name__
        trace = error.__traceback__
        while trace is not None:
            yield f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


def fuzz(
    target: Target, corpus: Sequence[bytes], seed: int, go_on: Callable[[Progress], bool]
) -> Iterator[Finding | Progress]:
    """Run the corpus, then mutants for as long as `go_on` says so; yields the findings, last the progress.

    The same target, corpus and seed run the same inputs in the same order.
    """
    mutator = Mutator(seed, target.tokens, target.max_bytes)
    seen: set[str] = set()
    pool = list(corpus) or [b""]
    todo = len(pool)
    executions = 0
    while executions < todo or go_on(Progress(executions, len(seen))):
        is_mutant = executions >= todo
        data = mutator.mutant(pool) if is_mutant else pool[executions]
        try:
            # The corpus goes first: it loads what is loaded on first use, which no input is to be blamed for.
            outcome = execute(target, data, is_mutant and executions % MEMORY_EVERY == 0)
        except Exception as error:
            yield Finding(target.name, seed, executions, data, f"{type(error).__name__}: {error}", error)
            outcome = " ".join(_raised_at(error))
        executions += 1
        if outcome not in seen:
            seen.add(outcome)
            if is_mutant and len(pool) < MAX_POOL:
                pool.append(data)
    yield Progress(executions, len(seen))


def shrink(target: Target, finding: Finding) -> bytes:
    """A shorter input that fails at the same place, found by leaving out ever smaller pieces."""
    data = finding.data
    if isinstance(finding.error, OutOfBounds):  # each try would take as long, and end elsewhere
        return data
    piece = len(data) // 2
    while piece:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + piece :]
            if _fails_alike(target, shorter, finding.error):
                data = shorter
            else:
                at += piece
        piece //= 2
    return data


def _fails_alike(target: Target, data: bytes, error: BaseException | None) -> bool:
    try:
        execute(target, data)
    except Exception as other:
        return _place(other) == _place(error)
    return False


def _place(error: BaseException | None) -> list[str]:
    kind, _, *lines = _raised_at(error)  # without the line that called `execute`
    return [kind, *lines]
