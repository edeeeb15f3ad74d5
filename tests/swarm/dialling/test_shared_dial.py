"""The callers of one dial: each is settled once, whatever ends it."""

from __future__ import annotations

import asyncio

import pytest

from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.errors import DialFailed, HostNotRunning
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.shared_dial import SharedDial
from swarm.dialling.fakes import connection
from swarm.fakes import THEM, turns
from waiting import after

pytestmark = pytest.mark.virtual_time

ADDRESS = "/ip4/1.1.1.1/tcp/1"


class Office:
    """A dial, whether it is over, and those who wait."""

    def __init__(self, request: DialRequest | None = None) -> None:
        self.over: list[bool] = []
        self.failures: list[tuple[str, BaseException]] = [(ADDRESS, OSError("refused"))]
        self.dial = SharedDial(request or DialRequest(THEM.peer_id), self.over.append)
        self.dial.explain_by(lambda: list(self.failures))

    def call(self, timeout_s: float = 30.0) -> asyncio.Task[Connection]:
        return asyncio.ensure_future(self.dial.wait(self.dial.join(timeout_s)))


async def test_a_connection_settles_all_callers() -> None:
    office, made = Office(), connection()
    callers = [office.call(), office.call()]
    office.dial.made(made)
    assert office.over == [False]
    assert await asyncio.gather(*callers) == [made, made]
    assert office.over == [False]


async def test_one_that_came_in_spares_attempts_that_were_accepted() -> None:
    office, made = Office(), connection()
    caller = office.call()
    await turns()
    office.dial.came_in(made)
    assert (await caller, office.over) == (made, [True])


async def test_with_nothing_left_each_gets_an_error_of_its_own() -> None:
    office = Office()
    callers = [office.call(), office.call()]
    await turns()
    office.dial.made(None)
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(error, DialFailed) and "refused" in str(error) for error in errors)
    assert errors[0] is not errors[1]
    assert office.over == [False]


async def test_a_dial_without_an_address_says_so() -> None:
    office = Office()
    office.failures.clear()
    caller = office.call()
    office.dial.made(None)
    with pytest.raises(DialFailed, match="no address of it is known"):
        await caller


async def test_without_a_peer_the_addresses_are_named() -> None:
    office = Office(DialRequest(None, [Multiaddr(ADDRESS)]))
    caller = office.call()
    office.dial.made(None)
    with pytest.raises(DialFailed, match=f"cannot reach {ADDRESS}: {ADDRESS}: refused"):
        await caller


async def test_each_caller_has_a_deadline_of_its_own() -> None:
    office = Office()
    hasty, patient = office.call(1.0), office.call(5.0)
    await after(1.5)
    assert isinstance(hasty.exception(), DialFailed)
    assert "gave up after 1 s" in str(hasty.exception())
    assert not patient.done()
    assert office.over == []
    await after(4.0)
    assert "gave up after 5 s" in str(patient.exception())
    assert office.over == [False]


async def test_a_dial_is_over_in_the_very_turn_in_which_its_last_callers_time_is_up() -> None:
    office = Office()
    caller = office.dial.join(1.0)
    seen: list[tuple[bool, list[bool]]] = []
    asyncio.get_running_loop().call_later(1.0, lambda: seen.append((caller.future.done(), list(office.over))))
    waiting = asyncio.ensure_future(office.dial.wait(caller))
    await after(2.0)
    assert seen == [(True, [False])]
    with pytest.raises(DialFailed):
        await waiting


async def test_whoever_is_settled_keeps_no_timer() -> None:
    office = Office()
    caller = office.dial.join(30.0)
    timer = caller.timer
    assert timer is not None
    office.dial.made(connection())
    assert timer.cancelled()
    await office.dial.wait(caller)


async def test_the_last_to_leave_ends_it() -> None:
    office = Office()
    first, last = office.call(), office.call()
    await turns()
    first.cancel()
    await turns()
    assert office.over == []
    last.cancel()
    await turns()
    assert office.over == [False]
    office.dial.made(connection())
    office.dial.close()
    await after(60.0)
    assert office.over == [False]


async def test_whoever_is_cancelled_as_the_answer_comes_disturbs_nobody() -> None:
    office, made = Office(), connection()
    cancelled, other = office.call(), office.call()
    await turns()
    cancelled.cancel()
    office.dial.made(made)
    assert await other is made
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    office, callers = Office(), []
    callers = [office.call(), office.call()]
    await turns()
    callers[0].cancel()
    office.dial.made(None)
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [asyncio.CancelledError, DialFailed]


async def test_a_closing_host_is_told_to_each() -> None:
    office = Office()
    callers = [office.call(), office.call()]
    await turns()
    office.dial.close()
    office.dial.close()
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in errors] == [HostNotRunning] * 2


async def test_a_limited_connection_will_do_for_whoever_says_so() -> None:
    limited = connection(ConnectionLimits(max_bytes=1))
    assert not Office().dial.accepts(limited)
    assert Office(DialRequest(THEM.peer_id, allow_limited=True)).dial.accepts(limited)
    assert Office().dial.accepts(connection())
