"""The context that a host gives to each of its services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiolibp2p.abc.host import Host, OfferedOn
from aiolibp2p.abc.peerstore import Peerstore
from aiolibp2p.abc.runtime import Runtime
from aiolibp2p.abc.services.context import ContractT, Handle, ServiceContext, StreamLimits
from aiolibp2p.abc.services.meter import Meter
from aiolibp2p.abc.services.resources import Scope
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.services.tags import Tags
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.abc.stream import MuxedConnection, StreamHandler
from aiolibp2p.events import PeerIdentified
from aiolibp2p.host.protocols import Protocols
from aiolibp2p.host.watchers import Watchers
from aiolibp2p.io.event_bus import EventBus
from aiolibp2p.io.tasks import Tasks, call_guarded
from aiolibp2p.multiformats.multiaddr import Multiaddr

MAX_TASKS = 10_000
"""Tasks that one service may have at a time: a tenth of what a host has room for, so that none starves the others."""


@dataclass(frozen=True)
class Hallway:
    """What the contexts of a host share."""

    host: Host
    protocols: Protocols
    watchers: Watchers
    bus: EventBus
    meter: Meter
    tags: Tags
    find: Callable[[Callable[..., Any]], Any]
    """The first service that provides a contract, or None."""


class Context(ServiceContext):
    """The context of one service; `end` undoes all that was made through it."""

    def __init__(self, hallway: Hallway, service: Service, scope: Scope) -> None:
        self._hallway = hallway
        self._service = service
        self._scope = scope
        self._tasks = Tasks(MAX_TASKS)
        self._handles: dict[Made, None] = {}
        self._ended = False

    @property
    def host(self) -> Host:
        return self._hallway.host

    @property
    def runtime(self) -> Runtime:
        return self._hallway.host.runtime

    @property
    def peerstore(self) -> Peerstore:
        return self._hallway.host.peerstore

    @property
    def scope(self) -> Scope:
        return self._scope

    @property
    def meter(self) -> Meter:
        return self._hallway.meter

    @property
    def tags(self) -> Tags:
        return self._hallway.tags

    @property
    def label(self) -> str:
        """What its service is called in logs."""
        return label(self._service)

    @property
    def task_count(self) -> int:
        """Tasks of the service that run at the moment."""
        return len(self._tasks)

    def handle(
        self,
        protocol_id: str,
        handler: StreamHandler,
        match: Callable[[str], bool] | None = None,
        offered_on: OfferedOn | None = None,
        limits: StreamLimits | None = None,
    ) -> Handle:
        if self._ended:
            return Made(_nothing)
        protocols = self._hallway.protocols
        served = protocols.serve(protocol_id, handler, match, offered_on, limits, self._service.name)
        return self._made(lambda: protocols.drop(protocol_id, served))

    def watch(self, watcher: Watcher) -> Handle:
        if self._ended:
            return Made(_nothing)
        watchers = self._hallway.watchers
        key = watchers.add(watcher)
        for connection in self.host.connections():
            call_guarded(watcher.connection_opened, connection, who=watcher, what="told of a connection")
        return self._made(lambda: watchers.remove(key))

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> Handle:
        if self._ended:
            coroutine.close()
            return Made(_nothing)
        task = self._tasks.spawn(coroutine, name)
        # Its tasks end with the context anyhow, so that this handle need not be remembered.
        return Made(lambda: _cancel(task))

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        if self._ended:
            return Made(_nothing)
        delay_s = max(0.0, when - self.runtime.now())
        timer = asyncio.get_running_loop().call_later(delay_s, lambda: fire())
        made = self._made(timer.cancel)

        def fire() -> None:
            # Cancelled, the timer lets go of what its callback holds, which then need not wait for the collector.
            made.close()
            call_guarded(callback, who=label(self._service), what="called by its timer")

        return made

    def find(self, contract: Callable[..., ContractT]) -> ContractT | None:
        found: ContractT | None = self._hallway.find(contract)
        return found

    def identified(self, connection: MuxedConnection, told: PeerIdentified, observed: Multiaddr | None = None) -> None:
        self._hallway.watchers.peer_identified(connection, told, observed)
        self._hallway.bus.emit(told)

    def _made(self, undo: Callable[[], object]) -> Made:
        made = Made(undo, self._handles)
        self._handles[made] = None
        return made

    def take_back(self) -> None:
        """Take back all handlers, watchers and timers; nothing more is made through this context. Idempotent."""
        self._ended = True
        for made in list(self._handles):
            made.close()

    async def end(self, timeout_s: float | None = None) -> None:
        """Take everything back, then cancel all tasks and wait for them, the calling one excepted. Idempotent.

        After `timeout_s` seconds it waits no longer, and those left are logged.
        """
        self.take_back()
        try:
            await self._tasks.close(timeout_s)
        finally:
            self._scope.done()


class Made(Handle):
    """Something that a context made; closing it undoes it once."""

    def __init__(self, undo: Callable[[], object], remembered: dict[Made, None] | None = None) -> None:
        self._undo: Callable[[], object] | None = undo
        self._remembered = remembered

    def close(self) -> None:
        undo, self._undo = self._undo, None
        if self._remembered is not None:
            self._remembered.pop(self, None)
        if undo is not None:
            undo()


def label(service: Service) -> str:
    """What a service is called in logs: its name, or its class if it has none."""
    return service.name or type(service).__name__


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _nothing() -> None:
    """What is asked for after the end was never made."""
