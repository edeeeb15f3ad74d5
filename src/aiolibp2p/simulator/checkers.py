"""Checkers of invariants, asked in every virtual second of a run and after it.

A checker never raises for what it finds: it returns it in words, and the run adds time and name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiolibp2p.host import Host, HostStatistics
    from aiolibp2p.simulator.simulation import Simulation

NAMED_TASKS = 5
"""The tasks that a violation names."""


class Checker(Protocol):
    """One invariant of a run."""

    name: str

    def look(self) -> Iterator[str]:
        """Return what is wrong at this moment, one line for each violation."""
        ...

    def finish(self) -> Iterator[str]:
        """Return what is wrong at the end, after every host is closed."""
        ...


class NoLeaks(Checker):
    """The invariant that a closed host holds no connection, stream or task, and that no task is left at the end."""

    name = "leaks"

    def __init__(self) -> None:
        self._closed: dict[str, Host] = {}
        self._reported: dict[str, None] = {}
        self._before = asyncio.all_tasks()
        """The tasks of the program that runs the simulation."""

    def closed(self, name: str, host: Host) -> None:
        """Note that a host was closed; of a node that restarts, the last host is looked at again in the end."""
        self._closed[name] = host

    def look(self) -> Iterator[str]:
        for name, host in self._closed.items():
            left = host.statistics()
            held = {
                "connections": left.connections,
                "streams": left.streams,
                "half-open connections": left.half_open,
                "tasks": left.tasks,
            }
            if any(held.values()) and name not in self._reported:
                self._reported[name] = None
                yield f"{name} is closed and holds {', '.join(f'{n} {what}' for what, n in held.items() if n)}"

    def finish(self) -> Iterator[str]:
        yield from self.look()
        current = asyncio.current_task()
        tasks = asyncio.all_tasks() - self._before
        names = sorted(task.get_name() for task in tasks if task is not current)
        if names:
            more = f" and {len(names) - NAMED_TASKS} more" if len(names) > NAMED_TASKS else ""
            yield f"{len(names)} tasks are left: {', '.join(names[:NAMED_TASKS])}{more}"


@dataclass(frozen=True)
class Bounds:
    """The most that one host may hold. The defaults are those of its own limits."""

    streams_per_connection: int = 2 * 1000
    """Inbound and outbound streams of one connection."""
    half_open: int = 128
    """Connections that are accepted and not upgraded."""
    connections: int = 10_000
    """Connections that are upgraded; a host itself has no such limit yet."""
    tasks: int = 20_000
    """Tasks that the host has started, some two for each connection."""
    unsent_bytes_per_socket: int = 4 * 1024 * 1024
    """Bytes that streams wrote to one socket, and the simulated kernel has not taken."""


class WithinBounds(Checker):
    """The invariant that no host holds more than its limits allow."""

    name = "bounds"

    def __init__(self, simulation: Simulation, bounds: Bounds = Bounds()) -> None:
        self._simulation = simulation
        self._bounds = bounds

    def look(self) -> Iterator[str]:
        for node in self._simulation.nodes:
            if node.host is not None:
                yield from (f"{node.name} holds {excess}" for excess in self._excesses(node.host.statistics()))
            sockets, unsent = node.interface.socket_count, node.interface.unsent_bytes
            if unsent > self._bounds.unsent_bytes_per_socket * sockets:
                yield f"{node.name} holds {unsent} unsent bytes on {sockets} sockets"

    def _excesses(self, held: HostStatistics) -> Iterator[str]:
        bounds = self._bounds
        for what, n, most in (
            ("connections", held.connections, bounds.connections),
            ("streams", held.streams, bounds.streams_per_connection * held.connections),
            ("half-open connections", held.half_open, bounds.half_open),
            ("tasks", held.tasks, bounds.tasks),
        ):
            if n > most:
                yield f"{n} {what}, of at most {most}"

    def finish(self) -> Iterator[str]:
        """Return nothing: the hosts are gone."""
        return iter(())


class AtMostOnce(Checker):
    """The invariant that no message reaches a node twice. Scenarios call `delivered` for each message."""

    name = "at-most-once"

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Hashable], None] = {}
        self._twice: list[str] = []

    def delivered(self, node: str, message: Hashable) -> None:
        """Note that a node was handed this message."""
        if (node, message) in self._seen:
            self._twice.append(f"{node} was handed {message!r} twice")
        self._seen[node, message] = None

    def look(self) -> Iterator[str]:
        """Return the messages that came twice since the last look."""
        twice, self._twice = self._twice, []
        return iter(twice)

    def finish(self) -> Iterator[str]:
        """Return the messages that came twice since the last look."""
        return self.look()


class AcknowledgedKept(Checker):
    """The invariant that what was acknowledged is still there in the end."""

    name = "acknowledged-kept"

    def __init__(self) -> None:
        self._kept: dict[str, Callable[[], bool]] = {}

    def acknowledged(self, key: str, still_there: Callable[[], bool]) -> None:
        """Note a promise that `key` is kept; `still_there` is asked at the end, when all hosts are closed."""
        self._kept[key] = still_there

    def look(self) -> Iterator[str]:
        """Return nothing: what was promised may be on its way."""
        return iter(())

    def finish(self) -> Iterator[str]:
        """Return the promised keys that are gone."""
        return (f"{key} was acknowledged and is gone" for key, kept in self._kept.items() if not kept())
