"""Meters: decisions counted by name, for whoever watches a host."""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """A counter of what shells decide. The data path does not call it; there cores keep plain integers of their own."""

    def count(self, name: str, n: int = 1, **labels: str) -> None:
        """Count `n` more of `name`; labels come from closed sets, never from what a peer sent."""
        ...


class _NullMeter(Meter):
    """A meter that counts nothing."""

    def count(self, name: str, n: int = 1, **labels: str) -> None: ...


NULL_METER: Meter = _NullMeter()
"""The meter of a host that nobody watches."""
