"""Runs that cost nothing, for whoever tests what goes on around runs. Sent to other processes by name."""

from __future__ import annotations

import os
import signal
import threading

from aiolibp2p.simulator.scenario import RunOptions, RunResult, Violation
from aiolibp2p.simulator.sweep.runs import Progress


def result_of(options: RunOptions, violations: tuple[Violation, ...] = ()) -> RunResult:
    """What a run of these options comes to."""
    seed = options.seed
    return RunResult(
        scenario="fake",
        options=options,
        nodes=options.nodes or 10,
        fidelity=options.fidelity or "full",
        virtual_s=60.0 + seed,
        wall_s=0.5,
        events=seed * 100,
        trace_sha256=f"{seed:064x}",
        violations=violations,
        last_events=("1.5 something happened", "2.5 something worse happened") if violations else (),
        figures={
            "ping_s": [(float(at), 0.01 * at * seed) for at in range(1, 50)],
            "received_bytes": [(float(at), 1000.0 * (at % 7)) for at in range(60)],
            "degree": [(60.0, float(at % 5)) for at in range(20)],
        },
        counters={"pings": 49},
    )


def fine(scenario: str, options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Nothing goes wrong."""
    if progress is not None:
        progress(30.0)
    return result_of(options)


def third_fails(scenario: str, options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Seed 3 breaks an invariant."""
    failed = (Violation(12.25, "delivery", "<b>message 7</b> never came"),) if options.seed == 3 else ()
    return result_of(options, failed)


def second_dies(scenario: str, options: RunOptions, progress: Progress | None = None) -> RunResult:
    """The process of seed 2 is killed, as by a machine that is out of memory."""
    if options.seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return result_of(options)


def never_ends(scenario: str, options: RunOptions, progress: Progress | None = None) -> RunResult:
    """Says where it runs, in a file of the directory `scenario` and on stdout, and stays there."""
    with open(os.path.join(scenario, str(os.getpid())), "w"):
        pass
    os.write(1, f"process {os.getpid()}\n".encode())
    if progress is not None:
        progress(1.0)
    threading.Event().wait()
    return result_of(options)
