"""How a host comes up and goes down, over a swarm that makes no connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aiolibp2p.abc.services.address_source import AddressSource, nobody_asks
from aiolibp2p.abc.services.service import Service
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.errors import HostNotRunning, ListenFailed
from aiolibp2p.events import AddressesChanged, ProtocolsChanged
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.protocols.ping import PING_ID, Ping
from host.fakes import (
    ADDRESS,
    FailsToClose,
    FailsToStart,
    FakeConnection,
    HangsAtClose,
    HangsAtStart,
    Noted,
    Scene,
    peer,
    serve,
)

pytestmark = pytest.mark.virtual_time

MAPPED = Multiaddr("/ip4/203.0.113.9/tcp/4001")


class Mapped(Service, AddressSource):
    """Knows one address more, once it is told to."""

    name = "mapped"

    def __init__(self) -> None:
        self.addresses = self
        self.on_change: Callable[[], None] = nobody_asks
        self.known: list[Multiaddr] = []

    def learn(self) -> None:
        self.known = [MAPPED]
        self.on_change()

    def own_addresses(self, listening: Sequence[Multiaddr]) -> list[Multiaddr]:
        return self.known


class Broken(Mapped):
    name = "broken"

    def own_addresses(self, listening: Sequence[Multiaddr]) -> list[Multiaddr]:
        raise RuntimeError("no idea")


def leaves_nothing(scene: Scene) -> None:
    assert scene.parts.handlers.protocols == []
    assert scene.life.services.task_count == 0
    assert scene.swarm.listen_addresses == []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    with pytest.raises(HostNotRunning, match="closed"):
        scene.life.require_running()


async def test_it_listens_then_starts_and_closes_services_before_connections() -> None:
    said: list[str] = []
    scene = Scene(Noted("one", said))
    scene.swarm.said = said
    with pytest.raises(HostNotRunning, match="start it first"):
        scene.life.require_running()
    news = scene.parts.bus.subscribe(AddressesChanged)
    await scene.life.start()
    await scene.life.start()
    scene.life.require_running()
    own = scene.parts.key.peer_id.to_bytes()
    assert (await anext(news)).addresses == (Multiaddr(ADDRESS).with_p2p(own),)
    await scene.life.close()
    await scene.life.close()
    assert said == ["listen", "start one", "close one", "close"]
    leaves_nothing(scene)
    with pytest.raises(HostNotRunning, match="make a new one"):
        await scene.life.start()


async def test_a_port_that_is_taken_starts_no_service() -> None:
    service = Noted("one")
    scene = Scene(service, listen=[ADDRESS, "/ip4/10.0.0.1/tcp/1"])
    with pytest.raises(ListenFailed):
        await scene.life.start()
    assert service.said == []
    leaves_nothing(scene)


async def test_a_service_that_fails_to_start_leaves_nothing_behind() -> None:
    said: list[str] = []
    scene = Scene(Noted("one", said), FailsToStart("two", said), Noted("three", said))
    with pytest.raises(RuntimeError, match="not today"):
        await scene.life.start()
    assert said == ["start one", "start two", "close two", "close one"]
    leaves_nothing(scene)
    await scene.life.close()


async def test_a_start_that_is_cancelled_leaves_nothing_behind() -> None:
    scene = Scene(Noted("one"), HangsAtStart("two"))
    starting = asyncio.ensure_future(scene.life.start())
    for _ in range(5):
        await asyncio.sleep(0)
    assert "/two" in scene.parts.handlers.protocols
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    leaves_nothing(scene)


async def test_a_start_that_is_cancelled_beside_one_that_hangs_at_its_close(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(HangsAtClose("one"), HangsAtStart("two"))
    starting = asyncio.ensure_future(scene.life.start())
    for _ in range(5):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    leaves_nothing(scene)
    assert "the service one did not close" in caplog.text


async def test_closed_while_it_binds_it_listens_no_more() -> None:
    service = Noted("one")
    scene = Scene(service)
    scene.swarm.gate = asyncio.Event()
    starting = asyncio.ensure_future(scene.life.start())
    await asyncio.sleep(0)
    await scene.life.close()
    scene.swarm.gate.set()
    with pytest.raises(HostNotRunning, match="closed"):
        await starting
    assert service.said == []
    leaves_nothing(scene)


async def test_closed_while_a_service_starts_it_does_not_come_up() -> None:
    scene = Scene(HangsAtStart("one"), Noted("two"))
    starting = asyncio.ensure_future(scene.life.start())
    for _ in range(5):
        await asyncio.sleep(0)
    await scene.life.close()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    leaves_nothing(scene)


async def test_a_service_that_fails_to_close_keeps_no_connection_open(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(FailsToClose("raises"), HangsAtClose("hangs"), Noted("good"))
    await scene.life.start()
    began = asyncio.get_running_loop().time()
    await scene.life.close()
    assert asyncio.get_running_loop().time() - began < 2
    assert scene.swarm.said == ["listen", "close"]
    leaves_nothing(scene)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        "closing the service raises failed",
        "the service hangs did not close within 1 s",
    ]


async def test_a_close_that_is_cancelled_still_ends_the_swarm() -> None:
    scene = Scene(HangsAtClose("hangs"))
    await scene.life.start()
    closing = asyncio.ensure_future(scene.life.close())
    for _ in range(3):
        await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert scene.swarm.said == ["listen", "close"]
    leaves_nothing(scene)


async def test_a_default_that_was_replaced_does_not_start() -> None:
    class Quiet(Ping):
        async def start(self, context: Any) -> None:
            self.started = True

    quiet = Quiet()
    scene = Scene(quiet)
    await scene.life.start()
    assert quiet.started
    assert PING_ID not in scene.parts.handlers.protocols
    assert scene.life.services.service(Ping) is quiet
    await scene.life.close()


async def test_dialled_addresses_are_remembered_and_others_are_not() -> None:
    scene = Scene()
    await scene.life.start()
    outbound, inbound = FakeConnection(2), FakeConnection(3, is_outbound=False)
    for connection in (outbound, inbound):
        scene.swarm.on_opened(connection)
    assert scene.parts.peerstore.addresses(peer(2)) == [outbound.remote_address]
    assert scene.parts.peerstore.addresses(peer(3)) == []
    await scene.life.close()


async def test_an_address_source_is_asked_and_its_news_are_told() -> None:
    source, told = Mapped(), []

    class Tells(Noted, Watcher):
        async def start(self, context: Any) -> None:
            context.watch(self)

        def addresses_changed(self) -> None:
            told.append(1)

    scene = Scene(source, Tells("tells"))
    news = scene.parts.bus.subscribe(AddressesChanged)
    await scene.life.start()
    assert [one.without_p2p() for one in scene.swarm.own_addresses.addresses] == [Multiaddr(ADDRESS)]
    source.learn()
    assert [one.without_p2p() for one in scene.swarm.own_addresses.addresses] == [Multiaddr(ADDRESS), MAPPED]
    assert [len((await anext(news)).addresses) for _ in range(2)] == [1, 2]
    assert told == [1]
    await scene.life.close()
    source.learn()
    assert source.on_change is nobody_asks
    assert told == [1]


async def test_a_source_that_raises_costs_its_own_addresses_alone(caplog: pytest.LogCaptureFixture) -> None:
    source = Mapped()
    scene = Scene(Broken(), source)
    await scene.life.start()
    source.learn()
    assert [one.without_p2p() for one in scene.swarm.own_addresses.addresses] == [Multiaddr(ADDRESS), MAPPED]
    assert "asked for addresses failed" in caplog.text
    await scene.life.close()


async def test_protocols_are_announced_while_it_runs() -> None:
    scene = Scene()
    news = scene.parts.bus.subscribe(ProtocolsChanged)
    scene.life.protocols.serve("/before", serve)
    await scene.life.start()
    while len(news):
        assert "/mine" not in (await anext(news)).protocols
    scene.life.protocols.serve("/mine", serve)
    assert "/mine" in (await anext(news)).protocols
    await scene.life.close()
    assert len(news) == 0
    # The user's own handlers are the user's; nobody is served any more.
    assert scene.parts.handlers.protocols == ["/before", "/mine"]
