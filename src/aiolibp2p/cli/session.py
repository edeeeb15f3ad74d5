"""A host for the time of one command, ended by its work or by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Unpack

from aiolibp2p.errors import ConfigError
from aiolibp2p.host import Host, HostOptions

CLOSE_TIMEOUT_S = 1.5
"""How long a host may take to close its connections, in seconds; past it the process just ends.

A person waits at Ctrl-C.
"""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LEVELS = (logging.INFO, logging.DEBUG)


def run(work: Coroutine[Any, Any, int], verbose: int, quiet_level: int) -> int:
    """Run `work`; return its exit status.

    The first SIGINT or SIGTERM cancels it, a second one ends the process. What is logged goes to stderr: from
    `quiet_level` up, or from INFO (`verbose` 1) or DEBUG (2).
    """
    level = _LEVELS[min(verbose, len(_LEVELS)) - 1] if verbose else quiet_level
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    return asyncio.run(_cancelled_by_signals(work))


async def _cancelled_by_signals(work: Coroutine[Any, Any, int]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
        if task is not None:
            task.cancel()

    for number in _SIGNALS:
        # Windows has no such handlers; there Ctrl-C cancels all the same, asyncio.run sees to it.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop, number)
    try:
        return await work
    except asyncio.CancelledError:
        if received:
            return 128 + received[0]
        raise


@contextlib.asynccontextmanager
async def running_host(**options: Unpack[HostOptions]) -> AsyncIterator[Host]:
    """A started host, closed at the end.

    Raises the errors of `Host.start`, and ConfigError when a private network is demanded.
    """
    if os.environ.get("LIBP2P_FORCE_PNET") == "1":
        options["require_psk"] = True
        if options.get("psk") is None:
            raise ConfigError(
                "LIBP2P_FORCE_PNET=1 demands a private network, and no key of one is given: --psk FILE gives it "
                "(p2p psk --out FILE makes one); unset LIBP2P_FORCE_PNET to go public"
            )
    host = Host(**options)
    await host.start()
    try:
        yield host
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await host.close()
