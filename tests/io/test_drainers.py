"""Writers that wait for a connection."""

from __future__ import annotations

import asyncio

from aiolibp2p.io.drainers import Drainers


async def test_all_who_wait_are_woken_in_order() -> None:
    drainers = Drainers()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await drainers.wait(asyncio.get_running_loop().create_future())
        woken.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(3)]
    await asyncio.sleep(0)
    drainers.wake()
    await asyncio.gather(*tasks)
    assert woken == [0, 1, 2]


async def test_one_who_left_is_not_woken() -> None:
    drainers = Drainers()
    waiter = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(drainers.wait(waiter))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    drainers.wake()
    assert waiter.cancelled()


async def test_somebody_else_may_wake_one() -> None:
    drainers = Drainers()
    waiter = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(drainers.wait(waiter))
    await asyncio.sleep(0)
    waiter.set_result(None)
    await task
    drainers.wake()
