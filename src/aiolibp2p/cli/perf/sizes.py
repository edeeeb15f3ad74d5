"""Sizes as people type and read them: 1000000, 1GB (a billion bytes), 64MiB (64 times 2^20)."""

from __future__ import annotations

import re

from aiolibp2p.cli.failures import UsageError

MAX_SIZE_BYTES = 2**64 - 1
"""The largest size, in bytes: perf sends it as 64 bits."""
MAX_TYPED_LENGTH = 40
"""The most characters of a size, and of what an error shows of one; 2^64 - 1 has twenty digits."""

UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_FACTORS = {unit.lower(): factor for unit, factor in UNITS.items()}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SHOWN_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def parse(option: str, text: str) -> int:
    """Return the bytes that a size stands for, bytes without a unit. Raises UsageError that points at what is wrong."""
    from fractions import Fraction

    from aiolibp2p.wire.printable import printable

    given = printable(text, MAX_TYPED_LENGTH)
    number = _NUMBER.match(text)
    if number is None:
        raise UsageError(f"{option} takes a size from 0 up, as in 1000000, 1GB or 64MiB, not '{given}'")
    unit = text[number.end() :].strip()
    factor = _FACTORS.get(unit.lower() or "b")
    if factor is None:
        raise UsageError(
            f"in {option} '{given}' the part '{printable(unit, MAX_TYPED_LENGTH)}' is wrong: {_advice(unit)}"
        )
    if len(text) > MAX_TYPED_LENGTH or (size := Fraction(number[0]) * factor) > MAX_SIZE_BYTES:
        raise UsageError(f"{option} '{given}' is too large: the most that can be asked for is 2^64-1 bytes")
    if size.denominator != 1:
        raise UsageError(f"{option} '{given}' is no whole number of bytes")
    return size.numerator


def _advice(unit: str) -> str:
    close = [known for known in UNITS if len(known) > 1 and known[0].lower() == unit.lower()]
    if close:
        return " or ".join(f"{known} ({UNITS[known]} bytes)" for known in close) + "?"
    return f"units are {', '.join(UNITS)}"


def shown(size: float) -> str:
    """Return a number of bytes as three digits and a unit: `1.23 GB`."""
    power = 0
    while size >= 999.5 and power < len(_SHOWN_UNITS) - 1:
        size /= 1000
        power += 1
    digits = 0 if power == 0 or size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{size:.{digits}f} {_SHOWN_UNITS[power]}"


def rate(size: float, seconds: float) -> str:
    """Return bytes per second as text, `813 MB/s`; "" when there was no time to measure in."""
    return f"{shown(size / seconds)}/s" if seconds > 0 else ""
