"""An asyncio event loop under virtual time: waiting costs nothing, and the same run happens again."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import math
import selectors
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

from aiolibp2p.errors import LimitExceeded, LocalError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NAMED_TASKS = 20
"""The most waiting tasks that an error names."""

MAX_TURNS_AT_ONCE = 1_000_000
"""The most turns of the loop at one moment of virtual time: past it a run is ended, which would never get on."""

RESOLUTION_S = 1e-7
"""How close together, in seconds, two timers must be to be due at once. Enough for thirty years of virtual time."""

COLLECT_EVERY_TURNS = 100_000
"""Turns of the loop between two collections of garbage: at the same place in every run of a seed."""


class Deadlock(LocalError):
    """No timer is scheduled, and tasks still wait: no virtual time will ever wake them. `tasks` names them."""

    def __init__(self, tasks: list[str]) -> None:
        self.tasks = tasks
        more = f" and {len(tasks) - NAMED_TASKS} more" if len(tasks) > NAMED_TASKS else ""
        names = ", ".join(tasks[:NAMED_TASKS]) or "none"
        super().__init__(f"deadlock: nothing is scheduled, and these tasks wait for ever: {names}{more}")


class VirtualClock(selectors.BaseSelector):
    """The selector of a virtual loop. There are no files to wait for, so it jumps to when the next timer is due."""

    def __init__(self, on_deadlock: Callable[[], None]) -> None:
        self.now = 0.0
        self.turns = 0
        self.limit_s: float | None = None
        """The virtual time, in seconds, that may not be passed."""
        self.on_advance: Callable[[float], None] | None = None
        """A function that is called with the time whenever it has moved.

        It adds no timer, so a deadlock is still seen as one.
        """
        self._turns_here = 0
        self._on_deadlock = on_deadlock
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Register the loop's own pipe, to which nobody writes.

        Raises LocalError for any later file: there are none under virtual time.
        """
        if self._keys:
            _refuse("watch a file or socket")
        descriptor = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys[descriptor] = selectors.SelectorKey(fileobj, descriptor, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget a file."""
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Pass `timeout` seconds of virtual time at once. Raises Deadlock, and LimitExceeded past `limit_s`."""
        self.turns += 1
        if not self.turns % COLLECT_EVERY_TURNS:
            gc.collect(1)
        self._turns_here += 1
        if timeout is None:
            self._on_deadlock()
        elif timeout > 0:
            self._turns_here = 0
            # Late in a long run the last step to a timer may be too small to add.
            self.now = max(self.now + timeout, math.nextafter(self.now, math.inf))
            if self.limit_s is not None and self.now > self.limit_s:
                raise LimitExceeded(f"{self.limit_s:g} s of virtual time are over, and it still runs")
            if self.on_advance is not None:
                self.on_advance(self.now)
        if self._turns_here > MAX_TURNS_AT_ONCE:
            raise LimitExceeded(
                f"{MAX_TURNS_AT_ONCE} turns of the loop, and it is {self.now:g} s still: something spins"
            )
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Return the files that are registered."""
        return self._keys

    def close(self) -> None:
        """Forget all files."""
        self._keys.clear()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, over a clock that jumps.

    Unmodified code runs in it: sleeps, timeouts, tasks, queues. It begins at 0 s. It has no sockets, files or
    processes: to ask for one raises a LocalError. What is handed to an executor runs at once, in place. Use it through
    `run_virtual`, or as pytest's loop factory.
    """

    def __init__(self) -> None:
        self.clock = VirtualClock(self._deadlocked)
        super().__init__(self.clock)
        # asyncio adds this to the time to see which timers are due: what is lost in rounding would never be.
        self._clock_resolution = RESOLUTION_S

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.clock.now

    def timers(self) -> list[asyncio.TimerHandle]:
        """What is due later and was not cancelled, the next one first."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined] # asyncio's own heap
        return sorted(timer for timer in scheduled if not timer.cancelled())

    def _deadlocked(self) -> None:
        # Several may have the same name; which comes first must not depend on the order of a set.
        raise Deadlock(sorted(task.get_name() for task in asyncio.all_tasks(self)))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run the function here and now: a thread's time would be real."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except (StopIteration, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            future.set_exception(error)
            if not isinstance(error, Exception):
                raise
        return future

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Call soon, without waking anybody: there are no other threads, and no pipe."""
        return self.call_soon(callback, *args, context=context)

    async def getaddrinfo(self, *args: Any, **options: Any) -> NoReturn:
        """Raise LocalError: names have to be resolved by the simulation."""
        _refuse("resolve a name")

    async def create_connection(self, *args: Any, **options: Any) -> NoReturn:
        """Raise LocalError: there are no sockets."""
        _refuse("open a socket")

    async def create_server(self, *args: Any, **options: Any) -> NoReturn:
        """Raise LocalError: there are no sockets."""
        _refuse("listen on a socket")

    async def create_datagram_endpoint(self, *args: Any, **options: Any) -> NoReturn:
        """Raise LocalError: there are no sockets."""
        _refuse("open a socket")

    async def subprocess_exec(self, *args: Any, **options: Any) -> NoReturn:
        """Raise LocalError: there are no processes."""
        _refuse("start a process")

    async def subprocess_shell(self, *args: Any, **options: Any) -> NoReturn:
        """Raise LocalError: there are no processes."""
        _refuse("start a process")


def _refuse(what: str) -> NoReturn:
    raise LocalError(f"cannot {what} under virtual time; give the host a simulated transport")


def run_virtual(main: Coroutine[Any, Any, T], limit_s: float | None = None) -> T:
    """Run a coroutine under virtual time, as `asyncio.run` does in real time; return what it returns.

    `limit_s` is how much virtual time it may take. Raises Deadlock when nothing is left that could wake it,
    LimitExceeded past the limit, and what the coroutine raises. Tasks that are left are cancelled.
    """
    loop = VirtualTimeLoop()
    loop.clock.limit_s = limit_s
    with _collected_in_step():
        try:
            asyncio.set_event_loop(loop)
            return loop.run_until_complete(main)
        finally:
            loop.clock.limit_s = None
            _finish(loop)


def _finish(loop: VirtualTimeLoop) -> None:
    """End the loop as `asyncio.run` does, in the order the tasks were named."""
    try:
        left = sorted(asyncio.all_tasks(loop), key=asyncio.Task.get_name)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@contextmanager
def _collected_in_step() -> Iterator[None]:
    """Collect garbage at turns of the loop, not when the allocator feels like it, so that finalizers run in step."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
