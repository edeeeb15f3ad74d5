"""A run: its seed, its network, its nodes."""

from __future__ import annotations


class Simulation:
    """One simulated network and the hosts on it, in the running `VirtualTimeLoop`."""
