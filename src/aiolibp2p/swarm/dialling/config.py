"""Limits of dialling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DialerConfig:
    """Limits of one dial and of what is remembered of dials."""

    timeout_s: float = 30.0
    """Seconds that a caller waits who does not say how long: half of go's, because people wait for a dial, too."""
    max_addresses: int = 64
    """Addresses tried for one request, the best ranked ones, those of names included; js tries 25."""
    max_resolved: int = 16
    """Addresses tried of those that one name stands for: a bootstrap name lists a handful for each peer."""
    max_parallel: int = 8
    """Addresses of one dial tried at the same time, as in go."""
    max_remembered_refusals: int = 1024
    """Listeners remembered that refused the preferred security, and are dialled without optimism: one address each."""
