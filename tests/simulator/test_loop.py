"""The loop under virtual time."""

from __future__ import annotations

import asyncio
import gc

import pytest

from aiolibp2p.errors import LimitExceeded, LocalError
from aiolibp2p.simulator import loop as loop_module
from aiolibp2p.simulator.loop import NAMED_TASKS, Deadlock, VirtualTimeLoop, run_virtual


async def _after(seconds: float) -> float:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    await done
    return loop.time()


def test_waiting_passes_virtual_time_only() -> None:
    a_year_s = 365 * 24 * 3600.0
    assert run_virtual(_after(a_year_s)) == pytest.approx(a_year_s, rel=1e-12)


def test_timeouts_fire_in_order_and_at_their_time() -> None:
    async def expires(limit: float) -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), limit)
        return asyncio.get_running_loop().time()

    async def main() -> list[float]:
        return [await expires(limit) for limit in (3.0, 1.0, 2.0)]

    assert run_virtual(main()) == [3.0, 4.0, 6.0]


def test_it_begins_at_zero() -> None:
    async def main() -> float:
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0.0


def test_a_deadlock_is_an_error_that_names_who_waits() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.gather(*(asyncio.create_task(stuck(), name=f"waiter {n}") for n in range(2)))

    with pytest.raises(Deadlock, match="waiter 0, waiter 1") as caught:
        run_virtual(main())
    assert len(caught.value.tasks) == 3


def test_a_deadlock_of_many_names_some() -> None:
    names = [f"t{n}" for n in range(NAMED_TASKS + 5)]
    assert str(Deadlock(names)).endswith("t19 and 5 more")


def test_a_run_that_does_not_end_is_ended() -> None:
    async def main() -> None:
        while True:
            await _after(10)

    with pytest.raises(LimitExceeded, match="60 s of virtual time"):
        run_virtual(main(), limit_s=60)


def test_tasks_that_are_left_are_cancelled() -> None:
    ended: list[str] = []

    async def left(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async def main() -> None:
        tasks = [asyncio.create_task(left(name), name=name) for name in "cab"]
        await asyncio.sleep(0)
        assert len(tasks) == 3

    run_virtual(main())
    assert ended == ["a", "b", "c"]


def test_what_an_executor_is_given_runs_in_place() -> None:
    async def main() -> tuple[int, float]:
        return await asyncio.to_thread(lambda: 7), asyncio.get_running_loop().time()

    assert run_virtual(main()) == (7, 0.0)


def test_what_fails_in_an_executor_fails_there() -> None:
    async def main() -> None:
        await asyncio.to_thread(int, "seven")

    with pytest.raises(ValueError, match="seven"):
        run_virtual(main())


@pytest.mark.parametrize("what", ["connect", "listen", "resolve", "datagrams"])
def test_the_real_network_is_refused(what: str) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        if what == "connect":
            await asyncio.open_connection("127.0.0.1", 1)
        elif what == "listen":
            await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        elif what == "resolve":
            await loop.getaddrinfo("localhost", 1)
        else:
            await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))

    with pytest.raises(LocalError, match="under virtual time"):
        run_virtual(main())


def test_garbage_is_collected_by_the_allocator_again_afterwards() -> None:
    async def main() -> bool:
        return gc.isenabled()

    assert gc.isenabled()
    assert run_virtual(main()) is False
    assert gc.isenabled()


def test_threads_that_call_are_heard_in_step() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        heard: list[int] = []
        loop.call_soon_threadsafe(heard.append, 1)
        await asyncio.sleep(0)
        return heard

    assert run_virtual(main()) == [1]


def test_a_loop_has_a_clock_that_counts_its_turns() -> None:
    loop = VirtualTimeLoop()
    loop.run_until_complete(asyncio.sleep(0))
    assert loop.clock.turns > 0
    loop.close()


def test_what_spins_without_time_passing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "MAX_TURNS_AT_ONCE", 1000)

    async def main() -> None:
        await _after(2)
        while True:
            await asyncio.sleep(0)

    with pytest.raises(LimitExceeded, match="it is 2 s still"):
        run_virtual(main(), limit_s=60)


def test_timers_that_are_due_later_are_listed_in_order() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        assert loop.timers() == []
        late, soon, cancelled = (loop.call_later(delay_s, print) for delay_s in (5, 3, 4))
        cancelled.cancel()
        assert loop.timers() == [soon, late]
        await asyncio.sleep(0)
        soon.cancel()
        late.cancel()
        assert loop.timers() == []

    run_virtual(main())
