from __future__ import annotations

import asyncio
import logging

import pytest

from aiolibp2p.errors import LimitExceeded, ProtocolViolation
from aiolibp2p.io.tasks import Tasks


async def fails(error: Exception) -> None:
    raise error


async def waits(begun: asyncio.Event, ended: list[str]) -> None:
    try:
        begun.set()
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        ended.append("waited")


async def returns() -> None:
    return


async def test_a_task_is_named_counted_and_let_go() -> None:
    tasks = Tasks()
    task = tasks.spawn(returns(), "return")
    assert task.get_name() == "return"
    assert len(tasks) == 1
    await task
    assert len(tasks) == 0


async def test_our_fault_is_logged_once_with_its_traceback_and_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[BaseException] = []
    error = ZeroDivisionError("a fault")
    with caplog.at_level(logging.DEBUG, "aiolibp2p"):
        await Tasks().spawn(fails(error), "work", told.append)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "work failed")
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert told == [error]


async def test_a_peers_fault_is_logged_at_debug_level(caplog: pytest.LogCaptureFixture) -> None:
    told: list[BaseException] = []
    with caplog.at_level(logging.DEBUG, "aiolibp2p"):
        await Tasks().spawn(fails(ProtocolViolation("no")), "work", told.append)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage(), record.exc_info) == (logging.DEBUG, "work: no", None)
    assert len(told) == 1


@pytest.mark.parametrize("error", [ValueError("ours"), ProtocolViolation("theirs")])
async def test_nobody_needs_to_be_told(error: Exception) -> None:
    tasks = Tasks()
    await tasks.spawn(fails(error), "work")
    assert len(tasks) == 0


async def test_close_cancels_and_waits() -> None:
    tasks, ended = Tasks(), []
    told: list[BaseException] = []
    for _ in range(3):
        begun = asyncio.Event()
        tasks.spawn(waits(begun, ended), "wait", told.append)
        await begun.wait()
    await tasks.close()
    assert ended == ["waited"] * 3
    assert told == []
    assert len(tasks) == 0
    await tasks.close()


async def test_close_ends_tasks_that_never_began() -> None:
    tasks = Tasks()
    coroutine = returns()
    tasks.spawn(coroutine, "never")
    await tasks.close()
    assert len(tasks) == 0
    assert coroutine.cr_frame is None


async def test_a_task_cancelled_before_it_began_gives_its_place_back() -> None:
    tasks = Tasks(limit=1)
    coroutine = returns()
    task = tasks.spawn(coroutine, "never")
    task.cancel()
    await asyncio.wait([task])
    assert len(tasks) == 0
    assert coroutine.cr_frame is None
    await tasks.spawn(returns(), "next")


async def test_nothing_is_spawned_after_close() -> None:
    tasks = Tasks()
    await tasks.close()
    with pytest.raises(LimitExceeded, match="late"):
        tasks.spawn(returns(), "late")


async def test_the_limit_counts_what_runs() -> None:
    tasks = Tasks(limit=2)
    begun = asyncio.Event()
    tasks.spawn(waits(begun, []), "first")
    second = tasks.spawn(returns(), "second")
    with pytest.raises(LimitExceeded, match="third"):
        tasks.spawn(returns(), "third")
    await second
    await tasks.spawn(returns(), "fourth")
    await tasks.close()


async def test_a_task_may_close_its_owner() -> None:
    tasks, ended = Tasks(), []
    begun = asyncio.Event()
    tasks.spawn(waits(begun, ended), "wait")
    await begun.wait()
    await tasks.spawn(tasks.close(), "close")
    assert ended == ["waited"]
    assert len(tasks) == 0
