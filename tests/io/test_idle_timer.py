from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiolibp2p.errors import StreamClosed
from aiolibp2p.io.idle_timer import IdleTimer
from aiolibp2p.io.runtime import SystemRuntime


class Watched:
    """Notes its reset."""

    def __init__(self) -> None:
        self.was_reset = asyncio.Event()

    def reset(self, code: int = 0) -> None:
        self.was_reset.set()


class Clock:
    """Stands still until the test moves it."""

    time = 50.0

    def now(self) -> float:
        return self.time


async def test_silence_resets() -> None:
    stream: Any = Watched()
    timer = IdleTimer(stream, SystemRuntime(), 0.01)
    assert not timer.expired
    async with asyncio.timeout(5):
        await stream.was_reset.wait()
    assert timer.expired


async def test_what_happens_puts_the_end_off() -> None:
    stream: Any = Watched()
    clock: Any = Clock()
    timer = IdleTimer(stream, clock, 0.01)
    loop = asyncio.get_running_loop()
    for _ in range(3):
        clock.time += 0.009
        timer.touch()
        fired = loop.create_future()
        loop.call_later(0.011, fired.set_result, None)
        await fired
        assert not stream.was_reset.is_set()
    clock.time += 0.02
    async with asyncio.timeout(5):
        await stream.was_reset.wait()


async def test_a_cancelled_timer_never_fires() -> None:
    stream: Any = Watched()
    timer = IdleTimer(stream, SystemRuntime(), 0)
    timer.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not timer.expired


async def test_a_block_that_its_reset_ended_ends_quietly_and_no_other() -> None:
    stream: Any = Watched()
    with IdleTimer(stream, SystemRuntime(), 0.01):
        async with asyncio.timeout(5):
            await stream.was_reset.wait()
        raise StreamClosed("reset on our side")
    with pytest.raises(StreamClosed), IdleTimer(stream, SystemRuntime(), 60):
        raise StreamClosed("somebody else closed it")
    other: Any = Watched()
    with pytest.raises(KeyError), IdleTimer(other, SystemRuntime(), 0.01):
        async with asyncio.timeout(5):
            await other.was_reset.wait()
        raise KeyError("not the stream's end")
