"""What a service is given, and that it all ends with it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from aiolibp2p.abc.services.resources import NULL_RESOURCES
from aiolibp2p.abc.services.watcher import Watcher
from aiolibp2p.assembly import Seams
from aiolibp2p.errors import ConfigError, LimitExceeded
from aiolibp2p.events import PeerIdentified
from aiolibp2p.host import context as context_module
from aiolibp2p.host.context import Context
from host.fakes import FakeConnection, Noted, Scene, forever, made, peer, serve

pytestmark = pytest.mark.virtual_time


class Log(Watcher):
    def __init__(self) -> None:
        self.told: list[object] = []

    def connection_opened(self, connection: Any) -> None:
        self.told.append(connection)

    def peer_identified(self, connection: Any, told: PeerIdentified, observed: object = None) -> None:
        self.told.append(told)


def context() -> tuple[Scene, Context]:
    scene = Scene()
    return scene, made(scene, Noted("mine"))


async def after(seconds: float) -> None:
    waiting = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, waiting.set_result, None)
    await waiting


async def test_it_gives_what_is_the_hosts() -> None:
    scene, mine = context()
    assert mine.host is scene.host
    assert mine.runtime is scene.parts.runtime
    assert mine.peerstore is scene.parts.peerstore
    assert (mine.meter, mine.tags) == (scene.parts.seams.meter, scene.parts.seams.tags)


async def test_a_handler_is_served_until_its_handle_is_closed() -> None:
    scene, mine = context()
    handle = mine.handle("/mine", serve)
    other = mine.handle("/other", serve)
    assert scene.parts.handlers.protocols == ["/mine", "/other"]
    handle.close()
    handle.close()
    assert scene.parts.handlers.protocols == ["/other"]
    await mine.end()
    assert scene.parts.handlers.protocols == []
    other.close()


async def test_an_unusable_id_is_refused() -> None:
    _, mine = context()
    with pytest.raises(ConfigError, match="not a protocol id"):
        mine.handle("", serve)


async def test_a_watcher_is_told_of_connections_that_stand_and_then_of_news() -> None:
    scene, mine = context()
    stands, comes = FakeConnection(2), FakeConnection(3)
    scene.swarm.live.append(stands)
    log, deaf = Log(), Log()
    mine.watch(log)
    mine.watch(deaf).close()
    told = PeerIdentified(peer(2), "agent", (), (), None)
    news = scene.parts.bus.subscribe(PeerIdentified)
    mine.identified(stands, told)  # type: ignore[arg-type]
    assert log.told == [stands, told]
    assert await anext(news) is told
    mine._hallway.watchers.connection_opened(comes)  # type: ignore[arg-type]
    assert log.told == [stands, told, comes]
    assert deaf.told == [stands]
    await mine.end()
    mine._hallway.watchers.connection_opened(comes)  # type: ignore[arg-type]
    assert len(log.told) == 3


async def test_a_task_ends_with_its_handle_or_with_the_service() -> None:
    _, mine = context()
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await forever()
        finally:
            ended.append(name)

    handle = mine.spawn(work("one"), "one")
    mine.spawn(work("other"), "other")
    assert mine.task_count == 2
    await asyncio.sleep(0)
    handle.close()
    for _ in range(2):  # it ends, then it is forgotten
        await asyncio.sleep(0)
    assert (ended, mine.task_count) == (["one"], 1)
    await mine.end()
    assert (ended, mine.task_count) == (["one", "other"], 0)
    handle.close()


async def test_a_task_closed_before_its_first_step_never_runs() -> None:
    _, mine = context()
    ran: list[int] = []

    async def work() -> None:
        ran.append(1)

    mine.spawn(work(), "never").close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (ran, mine.task_count) == ([], 0)


async def test_tasks_of_a_service_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_module, "MAX_TASKS", 3)
    _, mine = context()
    handles = [mine.spawn(forever(), "waits") for _ in range(3)]
    with pytest.raises(LimitExceeded, match="no room for another task: one more"):
        mine.spawn(forever(), "one more")
    handles[0].close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    mine.spawn(forever(), "one more")
    await mine.end()


async def test_a_timer_fires_once_at_its_time() -> None:
    _, mine = context()
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    now = mine.runtime.now()
    mine.call_at(now + 5, lambda: fired.append(loop.time()))
    mine.call_at(now - 5, lambda: fired.append(loop.time()))
    mine.call_at(now + 6, lambda: fired.append(-1)).close()
    await after(100)
    assert fired == pytest.approx([now, now + 5])
    await mine.end()


async def test_a_timer_that_raises_is_logged_under_the_services_name(caplog: pytest.LogCaptureFixture) -> None:
    _, mine = context()
    mine.call_at(mine.runtime.now() + 1, lambda: 1 / 0)
    await after(2)
    assert [record.getMessage() for record in caplog.records] == ["mine called by its timer failed"]


async def test_a_timer_that_has_fired_holds_nothing() -> None:
    _, mine = context()

    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    handle = mine.call_at(mine.runtime.now() + 1, lambda thing=thing: None)  # type: ignore[misc]
    del thing
    gc.disable()
    try:
        await after(2)
        assert gone() is None
    finally:
        gc.enable()
    handle.close()


async def test_timers_end_with_the_service() -> None:
    _, mine = context()
    fired: list[int] = []
    mine.call_at(mine.runtime.now() + 1, lambda: fired.append(1))
    await mine.end()
    await after(2)
    assert fired == []


async def test_after_the_end_nothing_is_made_and_nothing_of_others_is_touched() -> None:
    scene, mine = context()
    scene.swarm.live.append(FakeConnection())
    await mine.end()
    await mine.end()
    scene.life.protocols.serve("/users", serve)
    log, ran = Log(), []

    async def work() -> None:
        ran.append("task")

    handles = [
        mine.handle("/users", serve),
        mine.handle("/mine", serve),
        mine.watch(log),
        mine.spawn(work(), "late"),
        mine.call_at(0, lambda: ran.append("timer")),
    ]
    await after(1)
    assert scene.parts.handlers.protocols == ["/users"]
    assert (log.told, ran, mine.task_count) == ([], [], 0)
    for handle in handles:
        handle.close()
    assert scene.parts.handlers.protocols == ["/users"]


async def test_a_handler_that_the_user_replaced_is_the_users() -> None:
    scene, mine = context()
    handle = mine.handle("/mine", serve)
    mine._hallway.protocols.serve("/mine", serve)
    handle.close()
    await mine.end()
    assert scene.parts.handlers.protocols == ["/mine"]


async def test_the_scope_is_done_once_the_tasks_are_gone() -> None:
    said: list[str] = []

    class Counted:
        def reserve(self, n: int, priority: int = 255) -> None:
            said.append(f"reserve {n}")

        def release(self, n: int) -> None:
            said.append(f"release {n}")

        def done(self) -> None:
            said.append("done")

    class Resources:
        open_connection = NULL_RESOURCES.open_connection

        def service_scope(self, name: str) -> Counted:
            said.append(name)
            return Counted()

    scene = Scene(seams=Seams(resources=Resources()))
    mine = made(scene, Noted("mine"))

    async def holds() -> None:
        mine.scope.reserve(5)
        try:
            await forever()
        finally:
            mine.scope.release(5)

    mine.spawn(holds(), "holds")
    await asyncio.sleep(0)
    await mine.end()
    assert said == ["mine", "reserve 5", "release 5", "done"]
