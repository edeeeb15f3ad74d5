"""Dialling: one dial per peer at a time however many ask, every address tried with a stagger."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.errors import DialFailed, HostNotRunning, Libp2pError, LimitExceeded, TimeoutExpired
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.ranker import RankedAddress

DialOne = Callable[[Multiaddr], Awaitable[Connection]]


@dataclass
class Candidates:
    """Addresses to dial, and those that are not dialled with the reason why."""

    ranked: list[RankedAddress] = field(default_factory=list)
    refused: list[tuple[str, BaseException]] = field(default_factory=list)


@dataclass(frozen=True)
class DialerConfig:
    """Limits of dialling."""

    timeout_s: float = 30.0
    """For all addresses of a peer together."""
    max_addresses: int = 64
    """Of one peer, those that names stand for included."""
    max_resolved: int = 16
    """Of those that one name stands for, how many are dialled."""
    max_parallel: int = 8
    """Addresses of one peer dialled at the same time."""


@dataclass(frozen=True)
class DialOptions:
    """How a dial is meant when the peer may dial us at the same moment, over the same two ports."""

    role: Role = Role.INITIATOR
    """What we are on the connection although we dial: of two that dial each other one has to be the responder."""
    simultaneous_open: bool = False
    """Leave it to the wire which of us is (an initiator's option): deprecated, see `UpgraderConfig`."""


AS_USUAL = DialOptions()
"""Whoever dials is the initiator."""


class DialRace:
    """The addresses of one peer, against each other; the first connection wins and cuts the others short."""

    def __init__(self, target: object, candidates: Candidates, dial_one: DialOne, config: DialerConfig) -> None:
        self._target = target
        self._waiting = list(reversed(candidates.ranked))
        self._known = {ranked.address: None for ranked in candidates.ranked}
        self._max_addresses = config.max_addresses
        self._dial_one = dial_one
        self._limit = config.max_parallel
        self._coming: dict[Multiaddr, asyncio.Task[None]] = {}
        self._running: dict[Multiaddr, asyncio.Task[None]] = {}
        self._failures = list(candidates.refused)
        self._winner: Connection | None = None
        self._wake = asyncio.Event()
        self._tasks = Tasks()

    def expect(self, name: Multiaddr, resolve: Callable[[], Awaitable[Candidates]]) -> None:
        """What the name stands for will take part, too; the race does not wait for it. Call it before `run`."""
        self._coming[name] = self._tasks.spawn(self._join(name, resolve), f"resolve {name}")

    async def _join(self, name: Multiaddr, resolve: Callable[[], Awaitable[Candidates]]) -> None:
        try:
            candidates = await resolve()
        except (Libp2pError, OSError) as error:
            self._failures.append((str(name), error))
        else:
            self._failures += candidates.refused
            fresh = [ranked for ranked in candidates.ranked if ranked.address not in self._known]
            joining = fresh[: self._max_addresses - len(self._known)]
            if len(joining) < len(fresh):
                limit = LimitExceeded(f"{len(fresh) - len(joining)} of its addresses are past the limit of this dial")
                self._failures.append((str(name), limit))
            self._known.update((ranked.address, None) for ranked in joining)
            self._waiting[:0] = reversed(joining)
        finally:
            self._coming.pop(name, None)
            self._wake.set()

    async def run(self) -> Connection:
        """The first connection that stands. Raises DialFailed naming each address and its reason."""
        if len(self._waiting) == 1 and not self._coming:
            return await self._run_alone(self._waiting.pop().address)
        try:
            while self._winner is None:
                await self._wait(self._start_next())
            return self._winner
        except asyncio.CancelledError:
            self._give_up()
            raise
        finally:
            await self._tasks.close()

    async def _run_alone(self, address: Multiaddr) -> Connection:
        """Without anybody to race against there is no need of a task."""
        try:
            return await self._dial_one(address)
        except (Libp2pError, OSError) as error:
            self._failures.append((str(address), error))
        except asyncio.CancelledError:
            self._failures.append((str(address), TimeoutExpired("no answer yet")))
            raise
        raise DialFailed(self._target, self._failures)

    def failures(self) -> list[tuple[str, BaseException]]:
        """What failed; after `run` was cancelled, also what had not ended by then."""
        return list(self._failures)

    def _give_up(self) -> None:
        """Note what the end found undone, before it is cleared away."""
        self._failures += [(str(name), TimeoutExpired("its name was not resolved yet")) for name in self._coming]
        self._failures += [(str(address), TimeoutExpired("no answer yet")) for address in self._running]
        waiting = [str(ranked.address) for ranked in reversed(self._waiting)]
        self._failures += [(address, TimeoutExpired("its turn had not come yet")) for address in waiting]

    def _start_next(self) -> float | None:
        """Start one more; how long it has the field to itself, or None when nothing waits behind it."""
        if not self._running and not self._waiting and not self._coming:
            raise DialFailed(self._target, self._failures)
        if self._waiting and len(self._running) < self._limit:
            ranked = self._waiting.pop()
            self._running[ranked.address] = self._tasks.spawn(self._attempt(ranked.address), f"dial {ranked.address}")
            if self._waiting:
                return ranked.stagger_s
        return None

    async def _wait(self, stagger_s: float | None) -> None:
        timer = None
        if stagger_s is not None:
            timer = asyncio.get_running_loop().call_later(stagger_s, self._wake.set)
        await self._wake.wait()
        self._wake.clear()
        if timer is not None:
            timer.cancel()

    async def _attempt(self, address: Multiaddr) -> None:
        try:
            connection = await self._dial_one(address)
        except (Libp2pError, OSError) as error:
            self._failures.append((str(address), error))
        else:
            if self._winner is None:
                self._winner = connection
        finally:
            self._running.pop(address, None)
            self._wake.set()


class SharedDial:
    """One dial that several callers wait for. It is the swarm's task; the last caller to leave cancels it."""

    def __init__(self, tasks: Tasks, dial: Callable[[], Awaitable[Connection]], name: str) -> None:
        self._waiters: dict[asyncio.Future[Connection], None] = {}
        self._dial = dial
        self._task = tasks.spawn(self._run(), name)

    async def _run(self) -> None:
        try:
            connection = await self._dial()
        except asyncio.CancelledError:
            self._settle(lambda waiter: waiter.set_exception(HostNotRunning("the host is closing")))
            raise
        except Libp2pError as error:
            # The callers raise it; logging it as well would tell it twice.
            refusal = error
            self._settle(lambda waiter: waiter.set_exception(refusal))
        except BaseException as error:
            reason = error
            self._settle(lambda waiter: waiter.set_exception(reason))
            raise
        else:
            self._settle(lambda waiter: waiter.set_result(connection))

    def _settle(self, settle: Callable[[asyncio.Future[Connection]], object]) -> None:
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if not waiter.done():
                settle(waiter)

    async def wait(self) -> Connection:
        """The connection. Raises what the dial raised."""
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            return await waiter
        finally:
            self._waiters.pop(waiter, None)
            forget_outcome(waiter)
            if not self._waiters and not self._task.done():
                self._task.cancel()


def forget_outcome(future: asyncio.Future[Connection]) -> None:
    """Somebody who waited was cancelled as the answer came: asyncio need not report it as lost."""
    if future.done() and not future.cancelled():
        future.exception()
