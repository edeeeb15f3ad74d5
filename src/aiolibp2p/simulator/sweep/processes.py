"""A sweep over processes of this machine. Each holds one run at a time; none outlives the sweep."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection as pipes
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeAlias

from aiolibp2p.simulator.scenario import RunOptions, RunResult
from aiolibp2p.simulator.sweep.runs import RunOne, Sweep, SweepProgress, lost_run, run_one

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    Pipe: TypeAlias = Connection[Any, Any]

PROGRESS_EVERY_S = 0.2
"""The seconds between two reports of how far a run is."""

END_TIMEOUT_S = 2.0
"""The seconds that a process that was asked to end may take; then it is killed."""

MAX_JOBS = 512
"""The most processes of a sweep."""


def default_jobs() -> int:
    """Return how many CPUs this process has: as many runs at a time."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_in_processes(
    sweep: Sweep, jobs: int = 0, progress: SweepProgress | None = None, run: RunOne = run_one
) -> Iterator[RunResult]:
    """Yield the results as runs end, at most `jobs` at a time (0: one for each CPU); with 1, in this process.

    Closing the iterator ends what still runs. A process that dies is a violation of the run it had.
    """
    jobs = min(jobs or default_jobs(), len(sweep.seeds), MAX_JOBS)
    if jobs > 1:
        yield from _Crew(sweep, progress, run).results(jobs)
        return
    for options in sweep.options():
        yield run(sweep.scenario, options, _of_seed(progress, options.seed))


def _of_seed(progress: SweepProgress | None, seed: int) -> _Throttled | None:
    return None if progress is None else _Throttled(lambda virtual_s: progress(seed, virtual_s))


class _Throttled:
    """A progress function that is not called too often."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell
        self._next_at = 0.0

    def __call__(self, virtual_s: float) -> None:
        if (now := time.monotonic()) >= self._next_at:
            self._next_at = now + PROGRESS_EVERY_S
            self._tell(virtual_s)


class _Worker:
    """A process, our end of its pipe, and the run it has."""

    def __init__(self, sweep: Sweep, run: RunOne) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, run, sweep.scenario), daemon=True)
        self.options: RunOptions | None = None
        with _interrupts_held_back():
            self.process.start()
        theirs.close()

    def begin(self, options: RunOptions) -> None:
        """Hand a run to this process."""
        self.options = options
        # One that is dead already is found by reading from it.
        with suppress(OSError):
            self.pipe.send(options)


class _Crew:
    def __init__(self, sweep: Sweep, progress: SweepProgress | None, run: RunOne) -> None:
        self._sweep = sweep
        self._progress = progress
        self._run = run
        self._waiting = sweep.options()
        self._workers: list[_Worker] = []

    def results(self, jobs: int) -> Iterator[RunResult]:
        """Yield the results as they come."""
        try:
            for _ in range(jobs):
                self._workers.append(_Worker(self._sweep, self._run))
                self._give_work(self._workers[-1])
            while busy := [worker for worker in self._workers if worker.options is not None]:
                ready = pipes.wait([worker.pipe for worker in busy])
                heard = (self._heard(worker) for worker in busy if worker.pipe in ready)
                yield from (result for result in heard if result is not None)
        finally:
            _end(self._workers)

    def _give_work(self, worker: _Worker) -> None:
        worker.options = None
        if (options := next(self._waiting, None)) is not None:
            worker.begin(options)

    def _heard(self, worker: _Worker) -> RunResult | None:
        """Return the news of a worker: None while it is on its way, its result, or that it is dead."""
        options = worker.options
        assert options is not None
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            return self._died(worker, options)
        if isinstance(said, RunResult):
            self._give_work(worker)
            return said
        if self._progress is not None:
            self._progress(options.seed, said)
        return None

    def _died(self, worker: _Worker, options: RunOptions) -> RunResult:
        _end([worker])
        self._workers.remove(worker)
        if (following := next(self._waiting, None)) is not None:
            self._workers.append(_Worker(self._sweep, self._run))
            self._workers[-1].begin(following)
        return lost_run(self._sweep, options, f"its process ended with {_how(worker.process.exitcode)}")


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit status {code}"
    return f"signal {-code}" + (" (is there memory enough?)" if code == -getattr(signal, "SIGKILL", 9) else "")


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.pipe.close()
        if worker.options is None or worker.process.exitcode is None:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(END_TIMEOUT_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold Ctrl-C back while a process started in here loads; we get it a moment later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting the tracker would let interrupts through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Pipe, run: RunOne, scenario: str) -> None:
    """Run what the pipe asks for, as a process of the sweep, until it is closed."""
    # Ctrl-C reaches all processes of a terminal; ours are ended by the one that started them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What hosts log in so many networks at once, nobody can read: without a handler it would go to stderr.
    logging.getLogger().addHandler(logging.NullHandler())

    def tell(virtual_s: float) -> None:
        try:
            pipe.send(virtual_s)
        except OSError:
            # Nobody is left to run for, and what is underneath would take an exception for a finding.
            signal.raise_signal(signal.SIGTERM)

    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            options = pipe.recv()
            pipe.send(run(scenario, options, _Throttled(tell)))
