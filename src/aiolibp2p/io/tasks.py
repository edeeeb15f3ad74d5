"""Supervised tasks: each one is held, named, bounded in number, and an exception in it is logged once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aiolibp2p.errors import LimitExceeded, RemoteError

logger = logging.getLogger("aiolibp2p")

OnFailure = Callable[[BaseException], None]


class Tasks:
    """The tasks of one owner, which end with it: `close` cancels what still runs, and waits."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._tasks: dict[asyncio.Task[None], Coroutine[Any, Any, None]] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, coroutine: Coroutine[Any, Any, None], name: str, on_failure: OnFailure | None = None
    ) -> asyncio.Task[None]:
        """Run a coroutine as a task. An exception ends only this one: it is logged, then `on_failure` is told.

        A peer's fault is logged at debug level, ours with its traceback. Raises LimitExceeded past the limit.
        """
        if self._closed or len(self._tasks) >= self._limit:
            coroutine.close()
            raise LimitExceeded(f"no room for another task: {name}")
        task = asyncio.get_running_loop().create_task(self._supervise(coroutine, name, on_failure), name=name)
        self._tasks[task] = coroutine
        task.add_done_callback(self._clean_up)
        return task

    def _clean_up(self, task: asyncio.Task[None]) -> None:
        # One cancelled before its first step has never awaited its coroutine.
        self._tasks.pop(task).close()

    async def _supervise(self, coroutine: Coroutine[Any, Any, None], name: str, on_failure: OnFailure | None) -> None:
        try:
            await coroutine
        except RemoteError as error:
            logger.debug("%s: %s", name, error)
            if on_failure is not None:
                on_failure(error)
        except Exception as error:
            logger.exception("%s failed", name)
            if on_failure is not None:
                on_failure(error)

    async def close(self, timeout_s: float | None = None) -> None:
        """Cancel all tasks and wait until they are gone, `timeout_s` seconds at most. Idempotent.

        Tasks that are left then are logged, cancelled once more, and waited for no longer.
        """
        self._closed = True
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        if tasks:
            # Not gather: cancelled by a timeout of its caller, it would wait on for whoever does not heed it.
            await asyncio.wait(tasks, timeout=timeout_s)
        for task in tasks:
            if not task.done():
                logger.warning("%s did not end within %g s of its cancellation", task.get_name(), timeout_s or 0.0)
                task.cancel()


def call_guarded(callback: Callable[..., None], *arguments: object, who: object, what: str) -> None:
    """Call `callback` with `arguments`; an exception it raises is logged as "`who` `what` failed", and ends here.

    Both are made into text only then: this is called for each connection and each batch of datagrams.
    """
    try:
        callback(*arguments)
    except Exception:
        logger.exception("%s %s failed", who, what)
