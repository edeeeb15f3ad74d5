"""One timer for a machine that says when it wants to be asked again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from aiolibp2p.errors import RemoteError


class Timed(Protocol):
    """A machine with deadlines of its own, such as a muxer session."""

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout` next, in seconds of the timer's clock; None for never."""
        ...

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Raises RemoteError when the peer did not do its part in time."""
        ...


class DeadlineTimer:
    """Calls a machine at its deadlines; a RemoteError that it raises goes to `failed`, and the timer rests then.

    A timer of the loop is set anew only when it fires or when the deadline comes nearer (`changed`): one that moves
    away, as keep-alive deadlines do with every byte, costs nothing.
    """

    def __init__(self, machine: Timed, now: Callable[[], float], failed: Callable[[RemoteError], None]) -> None:
        self._machine: Timed | None = machine
        self._now = now
        self._failed: Callable[[RemoteError], None] | None = failed
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._due = math.inf

    def start(self) -> None:
        """Ask the machine for its first deadline."""
        self.changed()

    def changed(self) -> None:
        """Look again: the machine's deadline may have come nearer."""
        timeout = None if self._machine is None else self._machine.next_timeout()
        if timeout is None or timeout >= self._due:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._due = timeout
        self._handle = self._loop.call_later(max(0.0, timeout - self._now()), self._fire)

    def _fire(self) -> None:
        self._handle, self._due = None, math.inf
        machine, failed = self._machine, self._failed
        if machine is None or failed is None:
            return
        try:
            machine.handle_timeout(self._now())
        except RemoteError as error:
            self.stop()
            failed(error)
            return
        self.changed()

    def stop(self) -> None:
        """Call the machine no more, and let go of it: whoever it belongs to is freed at once. Idempotent."""
        self._machine = self._failed = None
        self._due = math.inf
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
