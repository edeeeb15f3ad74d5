"""The addresses of one dial against each other: when each attempt begins, and which connection wins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from aiolibp2p.errors import Libp2pError, LimitExceeded, TimeoutExpired
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.attempt import Attempt
from aiolibp2p.swarm.dialling.candidates import Candidates
from aiolibp2p.swarm.dialling.failures import Failures


@dataclass(frozen=True)
class RaceParts:
    """The parts that a race works with."""

    tasks: Tasks
    now: Callable[[], float]
    attempt: Callable[[Multiaddr], Attempt]
    note: Callable[[Multiaddr, BaseException | None], None]
    """Called when an attempt ends that was not cancelled: with its error, or (None) when it made a connection."""
    ended: Callable[[Connection | None], None]
    """Called with each connection that is made, and with None when nothing is left to try. It may end the race."""
    max_parallel: int


class Allowance:
    """The number of addresses that may still join a race on behalf of one request."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit


class Race:
    """Attempts that overlap: each begins when its time has come, when another has failed, or when none runs.

    A race has no task of its own. It goes on whenever something happens: candidates join, a timer fires, a name is
    resolved, an attempt ends. Attempts end in their done-callbacks, which are called even for a task that was cancelled
    before its first step.
    """

    def __init__(self, parts: RaceParts) -> None:
        self._parts = parts
        self._known: dict[Multiaddr, None] = {}
        self._waiting: list[tuple[float, Multiaddr]] = []
        """The addresses in the order in which they are due, each with its time in `Runtime.now` seconds."""
        self._running: dict[Multiaddr, tuple[asyncio.Task[None], Attempt]] = {}
        self._resolving: dict[Multiaddr, asyncio.Task[None]] = {}
        self._failures = Failures()
        self._spare = 0
        """The number of attempts that may begin before their time because as many have failed."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    # Who takes part

    def add(self, candidates: Candidates, allowance: Allowance, origin: Multiaddr | None = None) -> None:
        """Let candidates join that are not here yet, as many as are allowed; `origin` is the name that led to them."""
        for address, error in candidates.refused:
            if address not in self._known:
                self._known[address] = None
                self._failures.note(address, error)
        fresh = [one for one in candidates.ranked if one.address not in self._known]
        joining, late = fresh[: allowance.left], fresh[allowance.left :]
        allowance.left -= len(joining)
        now = self._parts.now()
        for one in joining:
            self._known[one.address] = None
            self._waiting.append((now + one.delay_s, one.address))
        self._waiting.sort(key=lambda entry: entry[0])
        if origin is not None and late:
            self._failures.note(origin, LimitExceeded(f"{len(late)} of its addresses are past the limit of this dial"))
        elif late:
            limit = LimitExceeded(f"past the {allowance.limit} addresses that are dialled for a request")
            for one in late:
                self._failures.note(one.address, limit)
        self.go_on()

    def expect(self, name: Multiaddr, resolve: Callable[[], Awaitable[None]]) -> None:
        """Resolve a name, each once, so that its addresses join: `resolve` adds them.

        Call it before `add`, which says at once when there is nothing to try or to wait for.
        """
        if name in self._known:
            return
        self._known[name] = None
        try:
            task = self._parts.tasks.spawn(self._resolve(name, resolve), f"resolve {name}", partial(self.note, name))
        except LimitExceeded as error:
            self.note(name, error)
            return
        self._resolving[name] = task
        task.add_done_callback(partial(self._resolved, name))

    async def _resolve(self, name: Multiaddr, resolve: Callable[[], Awaitable[None]]) -> None:
        try:
            await resolve()
        except (Libp2pError, OSError) as error:
            self.note(name, error)

    def _resolved(self, name: Multiaddr, task: asyncio.Task[None]) -> None:
        self._resolving.pop(name, None)
        self.go_on()

    def note(self, address: Multiaddr, error: BaseException) -> None:
        """Note a failure that belongs into the error, should the dial end in one."""
        self._failures.note(address, error)

    # How it goes

    def go_on(self) -> None:
        """Begin the attempts that are due; call `ended` when nothing is left to try."""
        if self._is_over:
            return
        if not self._waiting:
            self._spare = 0
        while self._waiting and len(self._running) < self._parts.max_parallel and self._may_begin():
            self._begin(self._waiting.pop(0)[1])
        self._arm()
        if not (self._waiting or self._running or self._resolving):
            self._parts.ended(None)

    def _may_begin(self) -> bool:
        if self._spare:
            self._spare -= 1
            return True
        return not self._running or self._waiting[0][0] <= self._parts.now()

    def _begin(self, address: Multiaddr) -> None:
        attempt = self._parts.attempt(address)
        failed = partial(self._attempt_failed, address)
        try:
            task = self._parts.tasks.spawn(self._run(address, attempt), f"dial {address}", failed)
        except LimitExceeded as error:
            self.note(address, error)
            return
        self._running[address] = task, attempt
        task.add_done_callback(partial(self._attempt_over, address))

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and len(self._running) < self._parts.max_parallel:
            delay = max(0.0, self._waiting[0][0] - self._parts.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self.go_on)

    async def _run(self, address: Multiaddr, attempt: Attempt) -> None:
        try:
            connection = await attempt.run()
        except (Libp2pError, OSError) as error:
            self._attempt_failed(address, error)
        else:
            self._parts.note(address, None)
            # Or the end of the race would cancel the very task that brought it about.
            self._running.pop(address, None)
            if not self._is_over:
                self._parts.ended(connection)

    def _attempt_failed(self, address: Multiaddr, error: BaseException) -> None:
        self._failures.note(address, error)
        self._spare += 1
        self._parts.note(address, error)

    def _attempt_over(self, address: Multiaddr, task: asyncio.Task[None]) -> None:
        self._running.pop(address, None)
        self.go_on()

    # How it ends

    def failures(self) -> list[tuple[str, BaseException]]:
        """Return what has failed so far, and then all that is not over."""
        failures = self._failures.told()
        failures += [(str(name), TimeoutExpired("its name was not resolved yet")) for name in self._resolving]
        failures += [(str(address), TimeoutExpired("no answer yet")) for address in self._running]
        failures += [(str(address), TimeoutExpired("its turn had not come yet")) for _, address in self._waiting]
        return failures

    def finish(self, spare_upgrades: bool = False) -> None:
        """Begin nothing more and cancel what runs. Idempotent.

        With `spare_upgrades` attempts that the peer has accepted run on to their own end: were two peers that dial each
        other both to cut their own dial short because the other's has arrived, none would be left.
        """
        self._is_over = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._resolving.values():
            task.cancel()
        for task, attempt in self._running.values():
            if not (spare_upgrades and attempt.is_upgrading):
                task.cancel()
