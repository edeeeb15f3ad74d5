"""A carrier ends once, for the first reason; who waits hears of it, and nothing is kept."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from aiolibp2p.errors import ConnectionLost, Libp2pError, ProtocolViolation
from aiolibp2p.io.carrier_end import CLOSE_TIMEOUT_S, CarrierEnd, without_frames
from waiting import after


class Carrier:
    """Ends as carriers do, over nothing."""

    def __init__(self) -> None:
        self.told: list[BaseException] = []
        self.aborts: list[float] = []
        self.end = CarrierEnd(self.lost)

    def lost(self, error: BaseException) -> None:
        self.told.append(error)

    def abort(self) -> None:
        self.aborts.append(asyncio.get_running_loop().time())
        self.end.lost(None)

    def fail(self, error: BaseException) -> None:
        if self.end.begin(error):
            self.end.close_soon(self.abort)

    async def drain(self) -> None:
        await self.end.drain(asyncio.get_running_loop().create_future())


async def test_the_first_reason_stays_and_is_told_once() -> None:
    carrier = Carrier()
    first = ConnectionLost("first")
    carrier.fail(first)
    carrier.fail(ConnectionLost("second"))
    assert carrier.told == []
    carrier.end.lost(OSError("reset"))
    carrier.end.lost(None)
    assert carrier.told == [first]
    assert carrier.end.error is first


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, "the connection was closed"),
        (OSError("no route"), "the connection broke: no route"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection broke: connection reset by peer"),
        (BrokenPipeError(32, "Broken pipe"), "the peer closed the connection"),
    ],
)
async def test_an_end_without_a_reason_says_what_happened(error: OSError | None, text: str) -> None:
    carrier = Carrier()
    carrier.end.lost(error)
    assert [str(reason) for reason in carrier.told] == [text]
    assert isinstance(carrier.told[0], ConnectionLost)


async def test_whoever_comes_late_is_told_soon() -> None:
    end = CarrierEnd()
    end.lost(None)
    told: list[BaseException] = []
    end.tell(told.append)
    assert told == []
    await asyncio.sleep(0)
    assert told == [end.error]
    end.lost(None)
    assert len(told) == 1


async def test_whoever_comes_in_time_is_told_at_once() -> None:
    end = CarrierEnd()
    told: list[BaseException] = []
    end.tell(told.append)
    end.lost(None)
    assert told == [end.error]


@pytest.mark.virtual_time
async def test_a_close_that_hangs_is_cut_short_and_one_in_time_is_not() -> None:
    slow, quick = Carrier(), Carrier()
    slow.fail(ConnectionLost("enough"))
    quick.fail(ConnectionLost("enough"))
    quick.end.lost(None)
    await after(10)
    assert slow.aborts == [CLOSE_TIMEOUT_S]
    assert [str(reason) for reason in slow.told] == ["enough"]
    assert quick.aborts == []
    quick.end.close_soon(quick.abort)
    await after(10)
    assert quick.aborts == []


async def test_all_who_wait_are_woken_in_order() -> None:
    carrier = Carrier()
    carrier.end.pause_writing()
    woken: list[int] = []

    async def wait(number: int) -> None:
        await carrier.drain()
        woken.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(3)]
    await asyncio.sleep(0)
    carrier.end.resume_writing()
    await asyncio.gather(*tasks)
    assert woken == [0, 1, 2]
    await carrier.drain()


async def test_one_who_left_is_not_woken_and_somebody_else_may_wake_one() -> None:
    end = CarrierEnd()
    end.pause_writing()
    waiters = [asyncio.get_running_loop().create_future() for _ in range(2)]
    left, woken = [asyncio.create_task(end.drain(waiter)) for waiter in waiters]
    await asyncio.sleep(0)
    left.cancel()
    waiters[1].set_result(None)
    await asyncio.wait([left])
    await woken
    end.wake()
    assert waiters[0].cancelled()


@pytest.mark.parametrize("is_lost", [True, False])
async def test_writers_hear_of_the_end(is_lost: bool) -> None:
    carrier = Carrier()
    carrier.end.pause_writing()
    waiting = asyncio.create_task(carrier.drain())
    await asyncio.sleep(0)
    if is_lost:
        carrier.end.lost(None)
    else:
        carrier.fail(ConnectionLost("enough"))
    text = "the connection was closed" if is_lost else "enough"
    with pytest.raises(ConnectionLost, match=text):
        await waiting
    for _ in range(2):
        with pytest.raises(ConnectionLost, match=text):
            await carrier.drain()
        carrier.end.resume_writing()
    carrier.end.lost(None)


async def test_a_dead_carrier_is_freed_at_once() -> None:
    def failed() -> weakref.ref[Carrier]:
        carrier = Carrier()
        try:
            try:
                raise ValueError("low")
            except ValueError as error:
                raise ProtocolViolation("high") from error
        except Libp2pError as error:
            carrier.fail(without_frames(error))
        carrier.end.lost(None)
        assert [str(reason) for reason in carrier.told] == ["high"]
        return weakref.ref(carrier)

    gc.collect()
    gc.disable()
    try:
        assert failed()() is None
    finally:
        gc.enable()
