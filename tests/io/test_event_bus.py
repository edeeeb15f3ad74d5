from __future__ import annotations

import asyncio
import gc

import pytest

from aiolibp2p.errors import ConfigError
from aiolibp2p.events import AddressesChanged, Event, MissedEvents, ProtocolsChanged
from aiolibp2p.io.event_bus import QUEUE_EVENTS, EventBus, Subscription


def protocols(number: int) -> ProtocolsChanged:
    return ProtocolsChanged((f"/{number}",))


async def drain(subscription: Subscription[Event]) -> list[Event]:
    return [event async for event in subscription]


async def test_events_come_in_order_from_the_moment_of_subscribing() -> None:
    bus = EventBus()
    bus.emit(protocols(0))
    subscription = bus.subscribe()
    bus.emit(protocols(1))
    bus.emit(AddressesChanged(()))
    bus.close()
    assert await drain(subscription) == [protocols(1), AddressesChanged(())]


async def test_only_the_kinds_asked_for_and_all_without() -> None:
    bus = EventBus()
    some, both, everything = (
        bus.subscribe(ProtocolsChanged),
        bus.subscribe(ProtocolsChanged, AddressesChanged),
        bus.subscribe(),
    )
    bus.emit(AddressesChanged(()))
    bus.emit(protocols(1))
    assert [len(some), len(both), len(everything)] == [1, 2, 2]
    assert await anext(some) == protocols(1)


async def test_a_waiting_subscriber_is_woken() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    bus.emit(protocols(1))
    assert await waiting == protocols(1)


async def test_two_takers_share_one_subscription() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    takers = [asyncio.ensure_future(anext(subscription)) for _ in range(2)]
    await asyncio.sleep(0)
    bus.emit(protocols(1))
    bus.emit(protocols(2))
    assert sorted([event.protocols for event in await asyncio.gather(*takers)]) == [("/1",), ("/2",)]


async def test_a_cancelled_taker_loses_no_event() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    waiting = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    waiting.cancel()
    bus.emit(protocols(1))
    await asyncio.gather(waiting, return_exceptions=True)
    assert await anext(subscription) == protocols(1)


async def test_past_the_queue_the_oldest_go_and_a_count_comes_in_their_place() -> None:
    bus = EventBus()
    subscription = bus.subscribe(ProtocolsChanged)
    for number in range(QUEUE_EVENTS + 3):
        bus.emit(protocols(number))
    assert len(subscription) == QUEUE_EVENTS + 1
    assert await anext(subscription) == MissedEvents(3)
    assert await anext(subscription) == protocols(3)
    for number in range(QUEUE_EVENTS + 3, QUEUE_EVENTS + 6):
        bus.emit(protocols(number))
    assert await anext(subscription) == MissedEvents(2)
    assert await anext(subscription) == protocols(6)


async def test_a_slow_subscriber_does_not_disturb_others() -> None:
    bus = EventBus()
    slow, fast = bus.subscribe(capacity=1), bus.subscribe(capacity=4)
    for number in range(3):
        bus.emit(protocols(number))
    assert await anext(slow) == MissedEvents(2)
    assert await anext(slow) == protocols(2)
    assert await anext(fast) == protocols(0)


async def test_closing_a_subscription_drops_what_is_queued_and_ends_the_taker() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    waiting = asyncio.ensure_future(drain(subscription))
    await asyncio.sleep(0)
    subscription.close()
    assert await waiting == []
    bus.emit(protocols(1))
    assert len(subscription) == 0


async def test_closing_the_bus_ends_iteration_behind_what_is_queued() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    waiting = asyncio.ensure_future(drain(subscription))
    await asyncio.sleep(0)
    bus.emit(protocols(1))
    bus.close()
    bus.emit(protocols(2))
    assert await waiting == [protocols(1)]
    assert await drain(bus.subscribe()) == []


async def test_a_forgotten_subscription_is_let_go() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    assert len(bus) == 1
    del subscription
    gc.collect()
    assert len(bus) == 0
    bus.emit(protocols(1))


async def test_subscribing_while_events_are_handed_out_is_safe() -> None:
    bus = EventBus()
    first = bus.subscribe()
    bus.emit(protocols(1))
    seen = []
    async for event in first:
        seen.append(event)
        if len(seen) == 1:
            bus.subscribe()
            bus.emit(protocols(2))
            bus.close()
    assert seen == [protocols(1), protocols(2)]


def test_a_queue_holds_at_least_one() -> None:
    with pytest.raises(ConfigError, match="capacity"):
        EventBus().subscribe(capacity=0)


def test_whether_anybody_wants_a_kind() -> None:
    bus = EventBus()
    assert not bus.wants(ProtocolsChanged)
    subscription = bus.subscribe(ProtocolsChanged)
    assert bus.wants(ProtocolsChanged)
    assert not bus.wants(AddressesChanged)
    del subscription
    gc.collect()
    assert not bus.wants(ProtocolsChanged)
    everything = bus.subscribe()
    assert bus.wants(AddressesChanged)
    bus.close()
    assert not bus.wants(AddressesChanged)
    del everything
