from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiolibp2p.errors import StreamClosed
from aiolibp2p.io.idle_timer import IdleTimer
from aiolibp2p.io.runtime import SystemRuntime
from waiting import after

pytestmark = pytest.mark.virtual_time


class Watched:
    """Notes its reset."""

    def __init__(self) -> None:
        self.was_reset = asyncio.Event()

    def reset(self, code: int = 0) -> None:
        self.was_reset.set()


class LoopRuntime(SystemRuntime):
    """The loop's own time, which is virtual here."""

    def __init__(self) -> None:
        super().__init__()
        self.now = asyncio.get_running_loop().time


class Clock:
    """Stands still until the test moves it."""

    time = 50.0

    def now(self) -> float:
        return self.time


async def test_silence_resets() -> None:
    stream: Any = Watched()
    timer = IdleTimer(stream, LoopRuntime(), 10)
    assert not timer.expired
    await stream.was_reset.wait()
    assert timer.expired
    assert asyncio.get_running_loop().time() == 10


async def test_what_happens_puts_the_end_off() -> None:
    stream: Any = Watched()
    clock: Any = Clock()
    timer = IdleTimer(stream, clock, 10)
    for _ in range(3):
        clock.time += 9
        timer.touch()
        await after(11)
        assert not stream.was_reset.is_set()
    clock.time += 20
    await stream.was_reset.wait()


async def test_a_cancelled_timer_never_fires() -> None:
    stream: Any = Watched()
    timer = IdleTimer(stream, LoopRuntime(), 10)
    timer.cancel()
    await after(60)
    assert not timer.expired


async def test_a_block_that_its_reset_ended_ends_quietly_and_no_other() -> None:
    stream: Any = Watched()
    with IdleTimer(stream, LoopRuntime(), 10):
        await stream.was_reset.wait()
        raise StreamClosed("reset on our side")
    with pytest.raises(StreamClosed), IdleTimer(stream, LoopRuntime(), 60):
        raise StreamClosed("somebody else closed it")
    other: Any = Watched()
    with pytest.raises(KeyError), IdleTimer(other, LoopRuntime(), 10):
        await other.was_reset.wait()
        raise KeyError("not the stream's end")
