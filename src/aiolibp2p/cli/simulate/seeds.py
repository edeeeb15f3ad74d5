"""Seeds as people type them: 7, or 1..100 for all from 1 to 100."""

from __future__ import annotations

import re

from aiolibp2p.cli.failures import UsageError

DEFAULT_SEED = 1
"""The seed of a run unless told otherwise."""
MAX_SEED = 2**63 - 1
"""The largest seed: it fits into 64 bits, with a sign."""
MAX_SEEDS = 1_000_000
"""The most seeds of one sweep."""

MAX_SHOWN_LENGTH = 40
"""The most characters of a wrong seed that an error shows again; two seeds of 19 digits fit."""
_RANGE = re.compile(r"([0-9]{1,19})\.\.([0-9]{1,19})")
_SEED = re.compile(r"[0-9]{1,19}")


def parse(seed: str | None, seeds: str | None) -> range:
    """Return the seeds that `--seed` and `--seeds` ask for. Raises UsageError that points at what is wrong."""
    from aiolibp2p.wire.printable import printable

    if seed is not None and seeds is not None:
        raise UsageError("--seed is for one run, --seeds for many: leave one of them out")
    if seeds is None:
        first = last = _number(seed) if seed is not None else DEFAULT_SEED
        if first is None or first > MAX_SEED:
            raise UsageError(f"--seed takes a number from 0 up, not '{printable(seed or '', MAX_SHOWN_LENGTH)}'")
        return range(first, first + 1)
    given = printable(seeds, MAX_SHOWN_LENGTH)
    match = _RANGE.fullmatch(seeds)
    if match is None:
        raise UsageError(f"--seeds takes the first and the last one, as in 1..100, not '{given}'")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise UsageError(f"--seeds '{given}' is empty: the first is above the last; {last}..{first}?")
    if last > MAX_SEED or last - first >= MAX_SEEDS:
        raise UsageError(f"--seeds '{given}' is too much: at most {MAX_SEEDS} seeds below 2^63 at a time")
    return range(first, last + 1)


def _number(text: str) -> int | None:
    return int(text) if _SEED.fullmatch(text) else None
