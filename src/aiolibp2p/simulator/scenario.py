"""Scenarios, the options of a run, and its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from aiolibp2p.simulator.simulation import Simulation

Fidelity: TypeAlias = Literal["full", "fast"]
"""How faithful a simulation is: the full stack over simulated bytes, or connections that come secured and muxed."""

MAX_VIOLATIONS = 100
"""The violations of an invariant after which a run is ended."""


@dataclass(frozen=True)
class Scenario:
    """A short program over a simulated network. `run` gets a fresh simulation, `nodes` long."""

    name: str
    summary: str
    """The scenario in one line, for lists."""
    run: Callable[[Simulation], Awaitable[None]]
    nodes: int = 10
    """The number of nodes, unless the run says otherwise."""
    fidelity: Fidelity = "full"
    limit_s: float = 3600.0
    """Virtual seconds after which a run that has not ended is a failure."""
    min_nodes: int = 2


@dataclass(frozen=True)
class RunOptions:
    """One run of a scenario: everything that decides what happens in it."""

    seed: int = 1
    nodes: int | None = None
    fidelity: Fidelity | None = None


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold, or an exception that ended the run (`checker` is "scenario" then)."""

    at_s: float
    checker: str
    what: str


@dataclass(frozen=True)
class RunResult:
    """The result of a run. All of it but `wall_s` and `peak_rss_bytes` is the same for the same options."""

    scenario: str
    options: RunOptions
    nodes: int
    fidelity: Fidelity
    virtual_s: float
    wall_s: float
    events: int
    trace_sha256: str
    violations: tuple[Violation, ...] = ()
    last_events: tuple[str, ...] = ()
    """The end of the trace; empty when nothing was violated."""
    figures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Measurements by name: (virtual seconds, value). A name ends in its unit: `ping_s`, `received_bytes`, `degree`."""
    counters: dict[str, int] = field(default_factory=dict)
    """Counters by name, as scenarios counted."""
