"""One dial that several callers wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import MuxedConnection
from aiolibp2p.errors import DialFailed, HostNotRunning, LimitedConnection
from aiolibp2p.swarm.connections.connection import Connection


@dataclass(eq=False)
class Caller:
    """Somebody who waits for a dial."""

    future: asyncio.Future[Connection]
    timeout_s: float
    timer: asyncio.TimerHandle | None = field(default=None)


class SharedDial:
    """The callers of one dial: each is settled exactly once, whatever ends it.

    A connection settles all of them. Running out of addresses, and the end of the host, fail all of them. A deadline
    fails the one whose it is; whoever is cancelled leaves. When the last is gone the dial is over. `over` is told first
    of all in each of these cases, so that nobody joins a dial that has ended.
    """

    def __init__(self, request: DialRequest, over: Callable[[bool], None]) -> None:
        self.request = request
        self._target = request.peer or " or ".join(map(str, request.addresses))
        self._over: Callable[[bool], None] | None = over
        """Called once when the dial is over, with whether attempts that the peer has accepted may run on."""
        self._callers: dict[Caller, None] = {}
        self._failures: Callable[[], list[tuple[str, BaseException]]] = list

    def __repr__(self) -> str:
        return f"<SharedDial {self._target}: {len(self._callers)} callers>"

    def explain_by(self, failures: Callable[[], list[tuple[str, BaseException]]]) -> None:
        """Set whom to ask what has failed; call it before `join`."""
        self._failures = failures

    def accepts(self, connection: MuxedConnection) -> bool:
        """Return whether this connection is good enough for the callers."""
        return connection.limits is None or self.request.allow_limited

    def join(self, timeout_s: float) -> Caller:
        """Add one caller, who waits for `timeout_s` seconds."""
        loop = asyncio.get_running_loop()
        caller = Caller(loop.create_future(), timeout_s)
        caller.timer = loop.call_later(timeout_s, self._too_slow, caller)
        self._callers[caller] = None
        return caller

    async def wait(self, caller: Caller) -> Connection:
        """Return the connection for this caller. Raises DialFailed or HostNotRunning; cancelling leaves the dial."""
        try:
            return await caller.future
        finally:
            self._leave(caller)
            # Who is cancelled as the answer comes never asks for it: asyncio need not report it as lost.
            if caller.future.done() and not caller.future.cancelled():
                caller.future.exception()
            del caller

    def _leave(self, caller: Caller) -> None:
        if caller.timer is not None:
            caller.timer.cancel()
            caller.timer = None
        if caller not in self._callers:
            return
        del self._callers[caller]
        if not self._callers:
            self._end(spare_upgrades=False)

    def _end(self, spare_upgrades: bool) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(spare_upgrades)
            # The race refers to us: parted, both are freed at once.
            self._failures = list

    # What ends it

    def made(self, connection: Connection | None) -> None:
        """Settle all callers: the race has made a connection; or (None) nothing is left to try."""
        if connection is None:
            self._fail(lambda: self._failed("" if self._failures() else "no address of it is known"))
        else:
            self._succeed(connection, spare_upgrades=False)

    def came_in(self, connection: Connection) -> None:
        """Settle all callers with a connection to the peer that this dial has not made."""
        self._succeed(connection, spare_upgrades=True)

    def close(self) -> None:
        """Fail all callers with HostNotRunning: the host is closing."""
        self._fail(lambda: HostNotRunning("the host is closing"))

    def _too_slow(self, caller: Caller) -> None:
        error = self._failed(f"gave up after {caller.timeout_s:g} s")
        # Out of the table first: whoever hears of this and asks again at once begins anew.
        self._leave(caller)
        if not caller.future.done():
            caller.future.set_exception(error)

    def _succeed(self, connection: Connection, spare_upgrades: bool) -> None:
        callers = self._take_callers()
        self._end(spare_upgrades)
        for caller in callers:
            caller.future.set_result(connection)

    def _fail(self, make_error: Callable[[], BaseException]) -> None:
        callers = self._take_callers()
        # Made before the end, which clears away what they tell of. One each: whoever raises it adds frames of its own.
        errors = [make_error() for _ in callers]
        self._end(spare_upgrades=False)
        for caller, error in zip(callers, errors, strict=True):
            caller.future.set_exception(error)

    def _take_callers(self) -> list[Caller]:
        """Return the callers that still wait: one that was cancelled is done, though it has not left yet."""
        callers, self._callers = self._callers, {}
        for caller in callers:
            if caller.timer is not None:
                caller.timer.cancel()
                caller.timer = None
        return [caller for caller in callers if not caller.future.done()]

    def _failed(self, hint: str) -> DialFailed:
        return DialFailed(self._target, self._failures(), hint)


def limited(connection: MuxedConnection) -> LimitedConnection:
    """Return why a connection that was made does not end a dial: it is limited."""
    return LimitedConnection(
        f"the connection to {connection.remote_peer} is limited, and only a request that allows that is content with it"
    )
