"""When each attempt of a race begins, what it waits for, and how it ends: over fakes, in virtual time."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aiolibp2p.errors import HandshakeFailed, LimitExceeded, TimeoutExpired, Unreachable, UnsupportedAddress
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.candidates import Candidates
from aiolibp2p.swarm.dialling.race import Allowance, Race, RaceParts
from aiolibp2p.swarm.dialling.ranker import RankedAddress
from swarm.dialling.fakes import Attempts, connection
from swarm.fakes import turns
from waiting import after

pytestmark = pytest.mark.virtual_time

NAME = Multiaddr("/dns4/example.com/tcp/1")


def address(n: int) -> Multiaddr:
    return Multiaddr(f"/ip4/1.1.1.1/tcp/{n}")


def ranked(*ports: int, stagger_s: float = 1.0) -> Candidates:
    return Candidates([RankedAddress(address(port), turn * stagger_s) for turn, port in enumerate(ports)])


class Track:
    """A race over fake attempts, and what it told."""

    def __init__(self, max_parallel: int = 8, max_tasks: int = 100) -> None:
        self.attempts = Attempts()
        self.ended: list[Connection | None] = []
        self.noted: list[tuple[int | None, type[BaseException] | None]] = []
        self.tasks = Tasks(max_tasks)
        self.race = Race(
            RaceParts(
                tasks=self.tasks,
                now=asyncio.get_running_loop().time,
                attempt=self.attempts,
                note=lambda where, error: self.noted.append((where.port, None if error is None else type(error))),
                ended=self.ended.append,
                max_parallel=max_parallel,
            )
        )

    def add(self, candidates: Candidates, limit: int = 64) -> None:
        self.race.add(candidates, Allowance(limit))

    def failures(self) -> list[tuple[str, str]]:
        return [(where, str(error)) for where, error in self.race.failures()]


async def test_each_begins_when_its_time_has_come() -> None:
    track = Track()
    start = asyncio.get_running_loop().time()
    track.add(ranked(1, 2, 3))
    await after(10.0)
    assert [attempt.began_s - start for attempt in track.attempts.made] == pytest.approx([0.0, 1.0, 2.0])
    track.race.finish()
    await turns()


async def test_a_failure_lets_the_next_one_begin_at_once() -> None:
    track = Track()
    track.add(ranked(1, 2, 3))
    await turns()
    track.attempts.made[0].fail()
    await turns()
    assert track.attempts.ports == [1, 2]
    await after(0.5)
    assert track.attempts.ports == [1, 2]
    track.race.finish()
    await turns()


async def test_whoever_joins_while_nothing_runs_does_not_wait() -> None:
    track = Track()
    late = Candidates([RankedAddress(address(2), 5.0)])
    track.add(ranked(1))
    track.add(late)
    await turns()
    assert track.attempts.ports == [1]
    track.attempts.made[0].fail()
    await turns()
    assert track.attempts.ports == [1, 2]
    track.race.finish()
    await turns()


async def test_failures_of_the_past_hurry_no_one_who_joins_later() -> None:
    track = Track()
    track.add(ranked(1, 2, stagger_s=0.0))
    await turns()
    track.attempts.made[0].fail()
    await turns()
    track.add(Candidates([RankedAddress(address(3), 1.0)]))
    await turns()
    assert track.attempts.ports == [1, 2]
    await after(1.1)
    assert track.attempts.ports == [1, 2, 3]
    track.race.finish()
    await turns()


async def test_no_more_than_so_many_run_at_the_same_time() -> None:
    track = Track(max_parallel=2)
    track.add(ranked(1, 2, 3, stagger_s=0.0))
    await after(10.0)
    assert track.attempts.ports == [1, 2]
    track.attempts.made[1].fail()
    await turns()
    assert track.attempts.ports == [1, 2, 3]
    track.race.finish()
    await turns()


async def test_the_connection_is_told_and_the_rest_is_cancelled_by_whoever_hears_it() -> None:
    track = Track()
    track.add(ranked(1, 2, stagger_s=0.0))
    await turns()
    winner = connection()
    track.attempts.made[1].succeed(winner)
    await turns()
    assert track.ended == [winner]
    track.race.finish()
    await turns()
    assert [attempt.was_cancelled for attempt in track.attempts.made] == [True, False]
    assert track.noted == [(2, None)]
    assert len(track.tasks) == 0


async def test_when_nothing_is_left_it_says_so_with_every_reason() -> None:
    track = Track()
    candidates = ranked(1, 2, stagger_s=0.0)
    candidates.refused.append((address(3), UnsupportedAddress("no transport")))
    track.add(candidates)
    await turns()
    track.attempts.made[0].fail(Unreachable("refused"))
    track.attempts.made[1].fail(HandshakeFailed("it lies"))
    await turns()
    assert track.ended == [None]
    assert track.noted == [(1, Unreachable), (2, HandshakeFailed)]
    assert track.failures() == [
        (str(address(3)), "no transport"),
        (str(address(1)), "refused"),
        (str(address(2)), "it lies"),
    ]


async def test_a_race_without_anybody_is_over_at_once() -> None:
    track = Track()
    track.add(Candidates())
    assert track.ended == [None]


async def test_what_joins_is_tried_once() -> None:
    track = Track()
    for candidates in (ranked(1, 2, stagger_s=0.0), ranked(2, 3, 1, stagger_s=0.0)):
        candidates.refused.append((address(9), UnsupportedAddress("no transport")))
        track.add(candidates)
    await turns()
    assert track.attempts.ports == [1, 2, 3]
    assert len([where for where, _ in track.failures() if where.endswith("/9")]) == 1
    track.race.finish()
    await turns()


async def test_past_the_allowance_of_its_request_none_joins_and_each_is_named() -> None:
    track = Track()
    track.add(ranked(1, 2, 3, 4, stagger_s=0.0), limit=2)
    await turns()
    assert track.attempts.ports == [1, 2]
    cut = [where for where, why in track.failures() if "past the 2 addresses" in why]
    assert cut == [str(address(3)), str(address(4))]
    # Another caller has an allowance of its own.
    track.add(ranked(3, stagger_s=0.0), limit=2)
    await turns()
    assert track.attempts.ports == [1, 2, 3]
    track.race.finish()
    await turns()


async def test_what_joins_for_one_request_shares_its_allowance() -> None:
    track = Track()
    allowance = Allowance(3)
    track.race.add(ranked(1, 2, stagger_s=0.0), allowance)
    track.race.add(ranked(3, 4, stagger_s=0.0), allowance)
    await turns()
    assert (track.attempts.ports, allowance.left) == ([1, 2, 3], 0)
    track.race.finish()
    await turns()


async def test_a_name_is_waited_for_and_what_it_leads_to_joins() -> None:
    track = Track()
    allowance = Allowance(2)
    answer: asyncio.Future[Candidates] = asyncio.get_running_loop().create_future()
    asked: list[int] = []

    async def resolve() -> None:
        asked.append(1)
        track.race.add(await answer, allowance, NAME)

    track.race.expect(NAME, resolve)
    track.race.expect(NAME, resolve)
    track.race.add(Candidates(), allowance)
    await turns()
    assert track.ended == []
    assert track.failures() == [(str(NAME), "its name was not resolved yet")]
    answer.set_result(ranked(1, 2, 3, stagger_s=0.0))
    await turns()
    assert (asked, track.attempts.ports) == ([1], [1, 2])
    assert (str(NAME), "1 of its addresses are past the limit of this dial") in track.failures()
    track.race.finish()
    await turns()


async def test_a_name_that_does_not_resolve_is_a_reason() -> None:
    track = Track()

    async def resolve() -> None:
        raise Unreachable("no such name")

    track.race.expect(NAME, resolve)
    track.add(Candidates())
    await turns()
    assert (track.ended, track.failures()) == ([None], [(str(NAME), "no such name")])


async def test_what_is_not_over_is_told_in_the_order_of_its_state() -> None:
    track = Track()

    async def resolve() -> None:
        await asyncio.get_running_loop().create_future()

    track.race.expect(NAME, resolve)
    track.add(ranked(1, 2))
    await turns()
    assert [str(error) for _, error in track.race.failures()] == [
        "its name was not resolved yet",
        "no answer yet",
        "its turn had not come yet",
    ]
    assert all(isinstance(error, TimeoutExpired) for _, error in track.race.failures())
    track.race.finish()
    await turns()
    assert (track.ended, len(track.tasks)) == ([], 0)


async def test_one_that_the_peer_has_accepted_can_be_spared() -> None:
    track = Track()
    track.add(ranked(1, 2, stagger_s=0.0))
    await turns()
    track.attempts.made[0].is_upgrading = True
    track.race.finish(spare_upgrades=True)
    await turns()
    assert [attempt.was_cancelled for attempt in track.attempts.made] == [False, True]
    track.attempts.made[0].succeed(connection())
    await turns()
    assert (track.ended, len(track.tasks)) == ([], 0)


async def test_an_attempt_that_breaks_is_logged_and_counts_as_failed(caplog: pytest.LogCaptureFixture) -> None:
    track = Track()
    track.add(ranked(1))
    await turns()
    with caplog.at_level(logging.ERROR):
        track.attempts.made[0].fail(ZeroDivisionError("a bug"))
        await turns()
    assert track.ended == [None]
    assert track.failures() == [(str(address(1)), "a bug")]
    assert len(caplog.records) == 1


async def test_without_room_for_tasks_each_address_fails_with_that_reason() -> None:
    track = Track(max_tasks=0)

    async def resolve() -> None:
        raise NotImplementedError

    track.race.expect(NAME, resolve)
    track.add(ranked(1, 2))
    assert track.ended == [None]
    assert [type(error) for _, error in track.race.failures()] == [LimitExceeded] * 3


async def test_tasks_that_are_cancelled_before_their_first_step_end_it_all_the_same() -> None:
    track = Track()
    track.add(ranked(1, 2, stagger_s=0.0))
    await track.tasks.close()
    await turns()
    assert track.ended == [None]
