"""Limits of dialling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DialerConfig:
    """Limits of dialling."""

    timeout_s: float = 30.0
    """How long a caller waits who does not say it: half of what go gives a dial, because people wait for it, too."""
    max_addresses: int = 64
    """Addresses tried for one request, those that names stand for included; the best ranked ones are."""
    max_resolved: int = 16
    """Addresses tried of those that one name stands for."""
    max_parallel: int = 8
    """Addresses of one dial tried at the same time, as in go."""
    max_remembered_refusals: int = 1024
    """Listeners that are dialled without optimism, because they refused the preferred security before."""
