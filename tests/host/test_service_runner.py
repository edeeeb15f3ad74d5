"""Services start in turn and end together, and none can keep another from ending."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import ConfigError, HostNotRunning
from aiolibp2p.host.service_runner import CLOSE_TIMEOUT_S, END_TIMEOUT_S
from host.fakes import (
    CancelsItself,
    FailsToClose,
    FailsToStart,
    HangsAtClose,
    HangsAtStart,
    HeedsNothing,
    Noted,
    Scene,
    forever,
)

pytestmark = pytest.mark.virtual_time


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


class Contract:
    pass


class Provides(Noted, Contract):
    provides = (Contract,)


async def test_they_start_in_turn_and_close_in_the_opposite_order() -> None:
    said: list[str] = []
    scene = Scene(Noted("one", said), Noted("other", said))
    runner = scene.runner()
    await runner.start(scene.hallway())
    assert said == ["start one", "start other"]
    assert scene.parts.handlers.protocols == ["/one", "/other"]
    assert runner.task_count == 2
    await runner.close()
    await runner.close()
    assert said[2:] == ["close other", "close one"]
    assert scene.parts.handlers.protocols == []
    assert runner.task_count == 0


async def test_a_service_is_found_by_class_and_by_contract() -> None:
    scene = Scene(Noted("plain"), Provides("one"), Provides("other"))
    runner = scene.runner()
    found = runner.find(Contract)
    assert isinstance(found, Provides)
    assert found.name == "one"
    assert runner.require(Contract) is found
    assert runner.service(Provides) is found
    assert runner.find(Provides) is None
    assert runner.service(FailsToClose) is None
    with pytest.raises(ConfigError, match="no service of this host provides str"):
        runner.require(str)


@pytest.mark.parametrize(
    ("kind", "logged", "seconds"),
    [
        (FailsToClose, "closing the service bad failed", 0),
        (CancelsItself, "closing the service bad failed: it was cancelled from inside", 0),
        (HangsAtClose, "the service bad did not close within 1 s", CLOSE_TIMEOUT_S),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_one_that_fails_to_close_harms_no_other(
    kind: type[Noted], logged: str, seconds: float, first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []
    services = [kind("bad"), Noted("good", said)]
    scene = Scene(*(services if first else services[::-1]))
    runner = scene.runner()
    await runner.start(scene.hallway())
    loop = asyncio.get_running_loop()
    began = loop.time()
    await runner.close()
    assert loop.time() - began == pytest.approx(seconds)
    assert said == ["start good", "close good"]
    assert scene.parts.handlers.protocols == []
    assert runner.task_count == 0
    assert messages(caplog) == [logged]


async def test_one_that_does_not_heed_its_cancellation_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    bad, good = HeedsNothing("bad"), Noted("good")
    scene = Scene(bad, good)
    runner = scene.runner()
    await runner.start(scene.hallway())
    loop = asyncio.get_running_loop()
    began = loop.time()
    await runner.close()
    assert loop.time() - began == pytest.approx(CLOSE_TIMEOUT_S + END_TIMEOUT_S)
    assert scene.parts.handlers.protocols == []
    assert runner.task_count == 1
    for task in asyncio.all_tasks():
        if task.get_name() == "closing the service bad":
            for _ in range(2):
                task.cancel()
                await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert runner.task_count == 0


async def test_a_task_that_cleans_up_too_long_is_cancelled_once_more(caplog: pytest.LogCaptureFixture) -> None:
    service = Noted("slow")
    scene = Scene(service, Noted("good"))
    runner = scene.runner()
    await runner.start(scene.hallway())
    ended: list[str] = []

    async def slow() -> None:
        try:
            await forever()
        finally:
            try:
                await forever()
            finally:
                ended.append("slow")

    service.context.spawn(slow(), "slow")
    await asyncio.sleep(0)
    began = asyncio.get_running_loop().time()
    await runner.close()
    assert asyncio.get_running_loop().time() - began == pytest.approx(END_TIMEOUT_S)
    await asyncio.sleep(0)
    assert ended == ["slow"]
    assert messages(caplog) == ["slow did not end within 0.5 s of its cancellation"]


async def test_a_failed_start_ends_what_it_began_and_those_before_it() -> None:
    said: list[str] = []
    scene = Scene(Noted("one", said), FailsToStart("two", said), Noted("three", said))
    runner = scene.runner()
    with pytest.raises(RuntimeError, match="not today"):
        await runner.start(scene.hallway())
    await runner.close()
    assert said == ["start one", "start two", "close two", "close one"]
    assert scene.parts.handlers.protocols == []
    assert runner.task_count == 0


async def test_closed_while_one_starts_the_rest_do_not_start() -> None:
    said: list[str] = []
    go = asyncio.Event()

    class Waits(Noted):
        async def start(self, context: Any) -> None:
            await super().start(context)
            await go.wait()

    scene = Scene(Waits("one", said), Noted("two", said))
    runner = scene.runner()
    starting = asyncio.ensure_future(runner.start(scene.hallway()))
    await asyncio.sleep(0)
    await runner.close()
    go.set()
    with pytest.raises(HostNotRunning, match="closed while it started"):
        await starting
    assert said == ["start one", "close one"]
    assert scene.parts.handlers.protocols == []


async def test_whoever_closes_may_be_cancelled_and_all_ends_nevertheless() -> None:
    scene = Scene(HangsAtClose("bad"), Noted("good"))
    runner = scene.runner()
    await runner.start(scene.hallway())
    closing = asyncio.ensure_future(runner.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert scene.parts.handlers.protocols == []
    assert runner.task_count == 0


async def test_a_task_of_a_service_may_close_all() -> None:
    service, other = Noted("one"), Noted("other")
    scene = Scene(service, other)
    runner = scene.runner()
    await runner.start(scene.hallway())
    done = asyncio.Event()

    async def close_all() -> None:
        await runner.close()
        done.set()

    service.context.spawn(close_all(), "closes all")
    async with asyncio.timeout(10):
        await done.wait()
    await asyncio.sleep(0)
    assert scene.parts.handlers.protocols == []
    assert runner.task_count == 0


async def test_services_need_neither_names_nor_hashes(caplog: pytest.LogCaptureFixture) -> None:
    @dataclass
    class Plain(Service):
        word: str

        async def close(self) -> None:
            raise RuntimeError(self.word)

    scene = Scene(Plain("a"), Plain("b"))
    runner = scene.runner()
    await runner.start(scene.hallway())
    await runner.close()
    assert messages(caplog) == ["closing the service Plain failed"] * 2


async def test_one_that_hangs_at_its_start_can_be_cancelled() -> None:
    scene = Scene(Noted("one"), HangsAtStart("two"), Noted("three"))
    runner = scene.runner()
    starting = asyncio.ensure_future(runner.start(scene.hallway()))
    await asyncio.sleep(0)
    assert scene.parts.handlers.protocols == ["/one", "/two"]
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await runner.close()
    assert scene.parts.handlers.protocols == []
