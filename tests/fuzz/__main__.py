"""`make fuzz`: the targets for longer than a test run has time for.

make fuzz SECONDS=60 TARGET=multiaddr SEED=7
make fuzz TARGET=multiaddr REPLAY=<file> ADOPT=<name>     run one input; with ADOPT, keep it in the corpus
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fuzz import corpus
from fuzz.engine import Finding, Progress, Target, execute, fuzz, shrink
from fuzz.registry import TARGETS

SHOWN_FINDINGS = 3
"""The findings of one target that are shown; more are counted."""

PROGRESS_EVERY_S = 0.5
INTERRUPTED = 130


def main(arguments: Sequence[str], targets: Mapping[str, Target] = TARGETS) -> int:
    """Run the command; return its exit status: 1 when there was a finding."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="the parsers against mutated input")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--target", choices=[*targets, ""], default="", metavar="NAME", help=", ".join(targets))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run this input and no other")
    parser.add_argument("--adopt", metavar="NAME", help="keep the replayed input in the corpus under this name")
    options = parser.parse_args(arguments)
    chosen = [targets[options.target]] if options.target else list(targets.values())
    if options.replay is not None:
        if len(chosen) > 1:
            parser.error("--replay needs --target")
        return _replay(chosen[0], options.replay.read_bytes(), options.adopt)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    findings = 0
    try:
        print(f"seed {seed}, {options.seconds / len(chosen):.1f} s for each of {len(chosen)} targets", flush=True)
        for target in chosen:
            findings += _run(target, seed, options.seconds / len(chosen))
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
        return 1 if findings else INTERRUPTED
    return 1 if findings else 0


def _run(target: Target, seed: int, seconds: float) -> int:
    """Fuzz one target and print the result; return how many findings there were."""
    deadline = time.monotonic() + seconds
    shown_at = 0.0
    on_terminal = sys.stdout.isatty()

    def go_on(progress: Progress) -> bool:
        nonlocal shown_at
        now = time.monotonic()
        if on_terminal and now - shown_at > PROGRESS_EVERY_S:
            shown_at = now
            print(f"\r\x1b[K{_line(target, progress)}, {deadline - now:.0f} s left", end="", flush=True)
        return now < deadline

    found = 0
    for step in fuzz(target, corpus.inputs(target.name), seed, go_on):
        if isinstance(step, Finding):
            found += 1
            if found <= SHOWN_FINDINGS:
                _report(target, step)
        else:
            print("\r\x1b[K" * on_terminal + _line(target, step) + f", {found} findings" * bool(found), flush=True)
    return found


def _line(target: Target, progress: Progress) -> str:
    return f"{target.name:22} {progress.executions:8} runs, {progress.kept:4} kinds"


def _report(target: Target, finding: Finding) -> None:
    data = shrink(target, finding)
    path = keep(target, data)
    print(f"\nFINDING in {finding.target}, seed {finding.seed}, run {finding.execution}: {finding.reason}")
    print(f"  input ({len(data)} bytes): {data.hex()}")
    print(f"  again: make fuzz TARGET={finding.target} REPLAY={path}", flush=True)


def keep(target: Target, data: bytes) -> Path:
    """Write a failing input beside the other caches, outside the tree."""
    cache = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(cache) if cache else Path.home() / ".cache") / "aiolibp2p" / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{target.name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def _replay(target: Target, data: bytes, name: str | None) -> int:
    if name:
        corpus.store(target.name, "found", {**corpus.load(target.name)["found"], name: data})
        print(f"kept as {name} in {corpus.FOLDER / target.name}.json")
    outcome = execute(target, data)  # a traceback is what one wants to see here
    print(f"{target.name}: {outcome}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
