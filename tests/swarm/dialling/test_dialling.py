"""Requests become dials: what is shared, who joins, what ends them. Over fakes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from aiolibp2p.abc.layers.admission import Gater
from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.errors import DialFailed, Gated, HostNotRunning, LimitedConnection, LimitExceeded, Unreachable
from aiolibp2p.io.tasks import Tasks
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.candidates import Selection
from aiolibp2p.swarm.dialling.config import DialerConfig
from aiolibp2p.swarm.dialling.dialling import Dialling, DiallingParts
from aiolibp2p.swarm.dialling.ranker import rank_addresses
from aiolibp2p.swarm.gates import Gates
from aiolibp2p.swarm.resolver import Resolver
from swarm.dialling.fakes import Attempts, connection
from swarm.fakes import THEM, turns
from waiting import after

pytestmark = pytest.mark.virtual_time

PEER = THEM.peer_id
NAME = Multiaddr("/dns4/example.com/tcp/1")


def tcp(*ports: int) -> list[Multiaddr]:
    return [Multiaddr(f"/ip4/1.1.1.1/tcp/{port}") for port in ports]


def quic(count: int) -> list[Multiaddr]:
    return [Multiaddr(f"/ip4/1.1.1.1/udp/{port}/quic-v1") for port in range(1, count + 1)]


class Names:
    """A resolver that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Multiaddr] = []
        self.answer: asyncio.Future[list[Multiaddr]] = asyncio.get_running_loop().create_future()

    async def resolve(self, name: Multiaddr) -> list[Multiaddr]:
        self.asked.append(name)
        return await asyncio.shield(self.answer)


class History:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.noted: list[tuple[PeerId | None, int | None, bool]] = []

    def refusal(self, peer: PeerId | None, address: Multiaddr, now: float) -> BaseException | None:
        return None

    def note(self, peer: PeerId | None, address: Multiaddr, outcome: BaseException | None, now: float) -> None:
        self.noted.append((peer, address.port, outcome is None))


class Desk:
    """Dialling and all it works with."""

    def __init__(self, config: DialerConfig | None = None, gater: Gater | None = None) -> None:
        self.attempts, self.names, self.history = Attempts(), Names(), History()
        self.tasks = Tasks()
        self.standing: list[Connection] = []
        gates = Gates(gater or Gater())
        selection = Selection(lambda address: "tcp" in address.protocols(), gates, self.history, rank_addresses)
        self.dialling = Dialling(
            DiallingParts(
                tasks=self.tasks,
                now=asyncio.get_running_loop().time,
                gates=gates,
                selection=selection,
                resolver=cast(Resolver, self.names),
                attempt=self.attempts.for_request,
                best=self._best,
            ),
            config or DialerConfig(),
        )

    def _best(self, peer: PeerId, allow_limited: bool) -> Connection | None:
        return next((one for one in self.standing if allow_limited or one.limits is None), None)

    def dial(
        self, addresses: Sequence[Multiaddr] = (), peer: PeerId | None = PEER, **options: object
    ) -> asyncio.Task[Connection]:
        return asyncio.ensure_future(self.dialling.dial(DialRequest(peer, addresses, **options)))  # type: ignore[arg-type]

    async def closed(self) -> None:
        self.dialling.close()
        await self.tasks.close()


async def failed(task: asyncio.Task[Connection]) -> DialFailed:
    with pytest.raises(DialFailed) as caught:
        await task
    return caught.value


# What is shared


async def test_one_dial_serves_all_who_ask_for_the_same() -> None:
    desk, made = Desk(), connection()
    tasks = [desk.dial(tcp(1)) for _ in range(3)]
    await turns()
    assert (len(desk.dialling), desk.attempts.ports) == (1, [1])
    desk.attempts.made[0].succeed(made)
    assert await asyncio.gather(*tasks) == [made] * 3
    assert len(desk.dialling) == 0


async def test_a_joiners_addresses_are_tried_at_once() -> None:
    desk, made = Desk(), connection()
    first = desk.dial(tcp(1))
    await after(5.0)
    second = desk.dial(tcp(2), deadline_s=2.0, reason="in a hurry")
    await after(0.1)
    assert (len(desk.dialling), desk.attempts.ports) == (1, [1, 2])
    desk.attempts.made[1].succeed(made)
    assert (await first, await second) == (made, made)


@pytest.mark.parametrize(
    "options", [{"role": Role.RESPONDER}, {"fresh": True}, {"allow_limited": True}, {"simultaneous": True}]
)
async def test_requests_that_mean_something_else_share_nothing(options: dict[str, object]) -> None:
    desk = Desk()
    tasks = [desk.dial(tcp(1)), desk.dial(tcp(1), **options)]
    await turns()
    assert (len(desk.dialling), len(desk.attempts.made)) == (2, 2)
    assert desk.attempts.requests[0] != desk.attempts.requests[1]
    await desk.closed()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_without_a_peer_only_the_same_addresses_are_shared() -> None:
    desk = Desk()
    tasks = [desk.dial(tcp(1), None), desk.dial(tcp(1), None), desk.dial(tcp(2), None)]
    await turns()
    assert (len(desk.dialling), desk.attempts.ports) == (2, [1, 2])
    desk.dialling.came_in(connection())
    assert len(desk.dialling) == 2
    await desk.closed()
    await asyncio.gather(*tasks, return_exceptions=True)


# What stands, and what comes in


async def test_what_stands_is_used_unless_a_fresh_one_is_wanted() -> None:
    desk, made = Desk(), connection()
    desk.standing.append(made)
    assert await desk.dial(tcp(1)) is made
    fresh = desk.dial(tcp(1), fresh=True)
    await turns()
    assert desk.attempts.ports == [1]
    desk.attempts.made[0].succeed(other := connection())
    assert await fresh is other


async def test_a_limited_one_that_stands_is_for_whoever_says_that_it_will_do() -> None:
    desk, relayed = Desk(), connection(ConnectionLimits(max_s=120))
    desk.standing.append(relayed)
    assert await desk.dial(tcp(1), allow_limited=True) is relayed
    assert "no address" in str(await failed(desk.dial()))


async def test_one_that_is_made_is_kept_and_does_not_end_the_dial() -> None:
    desk, direct = Desk(), connection()
    task = desk.dial(tcp(1, 2))
    await turns()
    desk.attempts.made[0].succeed(connection(ConnectionLimits(max_s=120)))
    await after(1.0)
    assert desk.attempts.ports == [1, 2]
    desk.attempts.made[1].succeed(direct)
    assert await task is direct
    task = desk.dial(tcp(3))
    await turns()
    desk.attempts.made[2].succeed(connection(ConnectionLimits(max_s=120)))
    (reason,) = [reason for _, reason in (await failed(task)).attempts]
    assert isinstance(reason, LimitedConnection)


async def test_one_that_comes_in_ends_the_dials_to_its_peer() -> None:
    desk, inbound = Desk(), connection()
    tasks = [desk.dial(tcp(1)), desk.dial(tcp(1), role=Role.RESPONDER)]
    fresh = desk.dial(tcp(1), fresh=True)
    await turns()
    accepted = desk.attempts.made[1]
    accepted.is_upgrading = True
    desk.dialling.came_in(inbound)
    assert len(desk.dialling) == 1
    assert await asyncio.gather(*tasks) == [inbound, inbound]
    await turns()
    assert [attempt.was_cancelled for attempt in desk.attempts.made] == [True, False, False]
    assert not fresh.done()
    await desk.closed()
    await asyncio.gather(fresh, return_exceptions=True)


async def test_a_limited_one_that_comes_in_ends_those_that_allow_for_it() -> None:
    desk, relayed = Desk(), connection(ConnectionLimits(max_s=120))
    content, strict = desk.dial(tcp(1), allow_limited=True), desk.dial(tcp(1))
    await turns()
    desk.dialling.came_in(relayed)
    assert await content is relayed
    assert len(desk.dialling) == 1
    strict.cancel()
    await asyncio.gather(strict, return_exceptions=True)


async def test_a_dial_that_ran_out_of_addresses_looks_at_the_table_once_more() -> None:
    desk, made = Desk(), connection()
    task = desk.dial(tcp(1))
    await turns()
    desk.standing.append(made)
    desk.attempts.made[0].fail()
    assert await task is made


# How it ends


async def test_a_dial_that_was_given_up_spoils_no_other() -> None:
    desk, made = Desk(), connection()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await desk.dialling.dial(DialRequest(PEER, tcp(1)))
    second = desk.dial(tcp(1))
    await turns()
    assert [attempt.was_cancelled for attempt in desk.attempts.made] == [True, False]
    desk.attempts.made[1].succeed(made)
    assert await second is made


async def test_the_deadline_of_the_host_or_of_the_request() -> None:
    desk = Desk(DialerConfig(timeout_s=7.0))
    tasks = [desk.dial(tcp(1)), desk.dial(tcp(1), deadline_s=2.0)]
    start = asyncio.get_running_loop().time()
    error = await failed(tasks[1])
    assert asyncio.get_running_loop().time() - start == pytest.approx(2.0)
    assert "gave up after 2 s" in str(error)
    assert "no answer yet" in str(error)
    assert "gave up after 7 s" in str(await failed(tasks[0]))
    assert asyncio.get_running_loop().time() - start == pytest.approx(7.0)
    assert len(desk.dialling) == 0


async def test_a_host_that_closes_tells_all_callers_even_of_a_dial_that_has_just_begun() -> None:
    desk = Desk()
    begun = desk.dial(tcp(1))
    await turns()
    just_begun = desk.dial(tcp(2), fresh=True)
    await turns(1)
    await desk.closed()
    for task in (begun, just_begun):
        with pytest.raises(HostNotRunning, match="closing"):
            await task
    with pytest.raises(HostNotRunning, match="closed"):
        await desk.dialling.dial(DialRequest(PEER, tcp(1)))


async def test_each_attempt_is_noted_but_those_that_were_cancelled() -> None:
    desk = Desk()
    task = desk.dial(tcp(1, 2, 3))
    await after(3.0)
    desk.attempts.made[0].fail()
    desk.attempts.made[1].succeed(connection())
    await task
    await turns()
    assert desk.history.noted == [(PEER, 1, False), (PEER, 2, True)]


# Which addresses


async def test_the_gater_is_asked_for_the_peer_first() -> None:
    class Wary(Gater):
        def allow_peer(self, peer: PeerId) -> bool:
            return False

    desk = Desk(gater=Wary())
    ((who, reason),) = (await failed(desk.dial(tcp(1)))).attempts
    assert (who, type(reason), desk.attempts.made) == (str(PEER), Gated, [])


async def test_what_cannot_be_dialled_takes_no_ones_place() -> None:
    desk = Desk(DialerConfig(max_addresses=2))
    task = desk.dial([*quic(70), *tcp(1, 2, 3)])
    await after(3.0)
    assert desk.attempts.ports == [1, 2]
    for attempt in desk.attempts.made:
        attempt.fail()
    error = await failed(task)
    assert f"{tcp(3)[0]}: past the 2 addresses" in str(error)
    assert str(error).count("no transport") == 70


async def test_names_join_when_they_are_resolved() -> None:
    desk = Desk(DialerConfig(max_resolved=2))
    task = desk.dial([NAME, *tcp(1)])
    await turns()
    assert (desk.names.asked, desk.attempts.ports) == ([NAME.with_p2p(PEER.to_bytes())], [1])
    desk.names.answer.set_result([one.with_p2p(PEER.to_bytes()) for one in tcp(2, 3, 4)])
    await after(3.0)
    assert desk.attempts.ports == [1, 2, 3]
    assert [attempt.address.p2p_bytes for attempt in desk.attempts.made] == [None] * 3
    for attempt in desk.attempts.made:
        attempt.fail()
    assert "1 of its addresses are past the limit of 2 for a name" in str(await failed(task))


async def test_names_past_the_limit_are_not_asked_for() -> None:
    desk = Desk(DialerConfig(max_addresses=2))
    task = desk.dial([Multiaddr(f"/dns4/{n}.example.com/tcp/1") for n in range(5)])
    await turns()
    assert len(desk.names.asked) == 2
    desk.names.answer.set_exception(Unreachable("no such name"))
    error = await failed(task)
    assert [type(reason) for _, reason in error.attempts].count(LimitExceeded) == 3


async def test_without_a_peer_what_a_name_says_of_it_is_kept() -> None:
    desk = Desk()
    task = desk.dial([NAME], None)
    desk.names.answer.set_result([tcp(2)[0].with_p2p(PEER.to_bytes())])
    await turns()
    assert (desk.names.asked, desk.attempts.made[0].address.p2p_bytes) == ([NAME], PEER.to_bytes())
    await desk.closed()
    await asyncio.gather(task, return_exceptions=True)
