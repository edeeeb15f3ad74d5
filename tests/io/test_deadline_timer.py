"""One timer for a machine's deadlines, under virtual time."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from aiolibp2p.errors import ConnectionLost, RemoteError
from aiolibp2p.io.deadline_timer import DeadlineTimer
from waiting import after

pytestmark = pytest.mark.virtual_time


class Machine:
    """Wants to be asked again after each of `waits` seconds, and notes when it was."""

    def __init__(self, *waits: float) -> None:
        self.due: float | None = waits[0] if waits else None
        self.waits = list(waits[1:])
        self.asked: list[float] = []
        self.fails = False

    def next_timeout(self) -> float | None:
        return self.due

    def handle_timeout(self, now: float) -> None:
        self.asked.append(now)
        if self.fails:
            raise ConnectionLost("the peer fell silent")
        self.due = now + self.waits.pop(0) if self.waits else None


def timer(machine: Machine, failures: list[RemoteError]) -> DeadlineTimer:
    made = DeadlineTimer(machine, asyncio.get_running_loop().time, failures.append)
    made.start()
    return made


async def test_a_machine_is_asked_at_each_of_its_deadlines() -> None:
    machine, failures = Machine(1.0, 2.0, 0.5), list[RemoteError]()
    timer(machine, failures)
    await after(10)
    assert machine.asked == [1.0, 3.0, 3.5]
    assert failures == []


async def test_a_deadline_that_comes_nearer_is_kept_and_one_that_moves_away_costs_one_look() -> None:
    machine, failures = Machine(5.0), list[RemoteError]()
    made = timer(machine, failures)
    machine.due = 1.0
    made.changed()
    await after(2)
    assert machine.asked == [1.0]
    machine.due = 4.0
    made.changed()
    machine.due = 9.0
    made.changed()
    await after(3)
    assert machine.asked == [1.0, 4.0]


async def test_without_a_deadline_it_rests_until_one_is_announced() -> None:
    machine, failures = Machine(), list[RemoteError]()
    made = timer(machine, failures)
    await after(1)
    machine.due = 3.0
    made.changed()
    await after(5)
    assert machine.asked == [3.0]


async def test_what_the_peer_failed_to_do_is_passed_on_and_the_machine_is_asked_no_more() -> None:
    machine, failures = Machine(1.0, 1.0), list[RemoteError]()
    machine.fails = True
    made = timer(machine, failures)
    await after(5)
    assert [str(error) for error in failures] == ["the peer fell silent"]
    machine.due = 6.0
    made.changed()
    await after(5)
    assert machine.asked == [1.0]


async def test_stopped_it_lets_go_of_the_machine_at_once() -> None:
    machine, failures = Machine(1.0), list[RemoteError]()
    made = timer(machine, failures)
    made.stop()
    made.stop()
    await after(2)
    assert machine.asked == []
    gc.disable()
    try:
        gone = weakref.ref(machine)
        del machine
        assert gone() is None
    finally:
        gc.enable()
