"""The event bus: what a host announces reaches every subscriber, and a slow one never holds up the host."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar, cast

from aiolibp2p.errors import ConfigError
from aiolibp2p.events import Event, MissedEvents

QUEUE_EVENTS = 256
"""Events that a subscriber may be behind before the oldest are dropped: enough for one that is busy for a moment."""

EventT = TypeVar("EventT", bound=Event)


class Subscription(AsyncIterator[EventT], Generic[EventT]):
    """The events of some kinds, in order, from the moment of subscribing; `async for` over it.

    When the queue is full the oldest events go, and `MissedEvents(n)` comes in their place, whatever the kinds.
    It ends when it is closed or its bus is. Dropping the last reference to it closes it too.
    """

    def __init__(self, kinds: tuple[type[EventT], ...], capacity: int) -> None:
        self._kinds: tuple[type[Event], ...] = kinds or (Event,)
        self._capacity = capacity
        self._queue: deque[EventT] = deque()
        self._missed = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return how many events wait to be taken."""
        return len(self._queue) + bool(self._missed)

    def wants(self, kind: type[Event]) -> bool:
        """Return whether events of exactly this kind are taken."""
        return issubclass(kind, self._kinds)

    def offer(self, event: Event) -> None:
        """Queue the event if it is of a kind asked for; the bus calls this."""
        if self._closed or not isinstance(event, self._kinds):
            return
        if len(self._queue) >= self._capacity:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(cast(EventT, event))
        self._wake()

    def end(self) -> None:
        """End the subscription once what is queued has been taken. The bus calls this."""
        self._closed = True
        self._wake()

    def close(self) -> None:
        """Stop at once: what is queued is dropped, whoever waits ends. Idempotent."""
        self._queue.clear()
        self._missed = 0
        self.end()

    def __aiter__(self) -> Subscription[EventT]:
        return self

    async def __anext__(self) -> EventT:
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            await self._wait()
        if self._missed:
            missed, self._missed = self._missed, 0
            return cast(EventT, MissedEvents(missed))
        return self._queue.popleft()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)


class EventBus:
    """Announces events to its subscribers, in the order they subscribed."""

    def __init__(self) -> None:
        self._subscriptions: dict[int, weakref.ref[Subscription[Event]]] = {}
        self._wanted: dict[type[Event], bool] = {}
        self._next = 0
        self._closed = False

    def __len__(self) -> int:
        """Return how many subscriptions are alive."""
        return len(self._subscriptions)

    def emit(self, event: Event) -> None:
        """Hand the event to every subscriber. Never waits, never raises; after `close` it does nothing."""
        if self._closed:
            return
        for reference in list(self._subscriptions.values()):
            subscription = reference()
            if subscription is not None:
                subscription.offer(event)

    def wants(self, kind: type[Event]) -> bool:
        """Return whether anybody has subscribed to this kind: what happens often need not be told to nobody.

        A subscription counts until it is dropped, closed or not.
        """
        wanted = self._wanted.get(kind)
        if wanted is None:
            alive = (subscription for one in self._subscriptions.values() if (subscription := one()) is not None)
            wanted = self._wanted[kind] = any(subscription.wants(kind) for subscription in alive)
        return wanted

    def subscribe(self, *kinds: type[EventT], capacity: int = QUEUE_EVENTS) -> Subscription[EventT]:
        """Subscribe from now on to these kinds of events and their subclasses; without kinds, to all.

        `capacity` is how many events may wait (ConfigError below 1). After `close` the subscription has ended.
        """
        if capacity < 1:
            raise ConfigError(f"capacity must be at least 1, not {capacity}")
        subscription = Subscription(kinds, capacity)
        if self._closed:
            subscription.end()
            return subscription
        key, self._next = self._next, self._next + 1
        subscriptions, wanted = self._subscriptions, self._wanted
        wanted.clear()

        def forget(_: object) -> None:
            subscriptions.pop(key, None)
            wanted.clear()

        subscriptions[key] = cast("weakref.ref[Subscription[Event]]", weakref.ref(subscription, forget))
        return subscription

    def close(self) -> None:
        """End every subscription once its queue is read. Idempotent."""
        self._closed = True
        self._wanted.clear()
        subscriptions, self._subscriptions = self._subscriptions, {}
        for reference in subscriptions.values():
            subscription = reference()
            if subscription is not None:
                subscription.end()
