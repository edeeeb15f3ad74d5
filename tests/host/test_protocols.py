"""Who serves a protocol, who may take it away, and how many streams of it run at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiolibp2p.abc.services.context import StreamLimits
from aiolibp2p.errors import ConfigError, StreamCode
from aiolibp2p.host.protocols import Protocols
from aiolibp2p.peer.peer_id import PeerId
from host.fakes import FakeStream, Scene, peer, serve

ID = "/mine"


class Served:
    def __init__(self, limits: StreamLimits | None = None) -> None:
        self.changes: list[bool] = []
        self.handlers = Scene().parts.handlers
        self.gates: list[asyncio.Future[None]] = []
        parts: Any = type("Parts", (), {"handlers": self.handlers})
        self.protocols = Protocols(parts, self.changes.append)
        self.registration = self.protocols.serve(ID, self.hold, limits=limits)

    async def hold(self, stream: Any) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        await gate

    async def stream(self, remote: PeerId) -> tuple[FakeStream, asyncio.Future[None]]:
        connection: Any = None
        handler: Any = self.handlers.find(ID, connection)
        stream = FakeStream(remote)
        running = asyncio.ensure_future(handler(stream))
        await asyncio.sleep(0)
        return stream, running

    async def end(self, *running: asyncio.Future[None]) -> None:
        for gate in self.gates:
            if not gate.done():
                gate.set_result(None)
        await asyncio.gather(*running)


async def test_changes_are_told_with_whether_it_is_offered_elsewhere() -> None:
    served = Served()
    served.protocols.serve(ID, serve, offered_on=lambda connection: True)
    served.protocols.remove(ID)
    served.protocols.remove(ID)
    assert served.changes == [False, True, True]


async def test_a_bad_id_changes_nothing() -> None:
    served = Served()
    with pytest.raises(ConfigError):
        served.protocols.serve("", serve)
    assert served.handlers.protocols == [ID]
    served.protocols.drop("", object())
    assert served.changes == [False]


async def test_only_the_last_to_serve_it_can_drop_it() -> None:
    served = Served()
    second = served.protocols.serve(ID, serve)
    served.protocols.drop(ID, served.registration)
    assert served.handlers.protocols == [ID]
    served.protocols.drop(ID, second)
    served.protocols.drop(ID, second)
    assert served.handlers.protocols == []


async def test_what_the_user_removed_and_set_anew_is_the_users() -> None:
    served = Served()
    served.protocols.remove(ID)
    served.protocols.serve(ID, serve)
    served.protocols.drop(ID, served.registration)
    assert served.handlers.protocols == [ID]


async def test_streams_of_one_peer_are_limited_and_a_place_is_given_back() -> None:
    served = Served(StreamLimits(per_peer=2))
    taken = [await served.stream(peer(1)) for _ in range(3)]
    other = await served.stream(peer(2))
    assert [stream.reset_code for stream, _ in taken] == [None, None, StreamCode.LIMIT_EXCEEDED]
    assert other[0].reset_code is None
    served.gates[0].set_result(None)
    await taken[0][1]
    again = await served.stream(peer(1))
    assert again[0].reset_code is None
    await served.end(*(running for _, running in (*taken, other, again)))


async def test_streams_of_all_peers_together_are_limited() -> None:
    served = Served(StreamLimits(total=3))
    taken = [await served.stream(peer(n)) for n in range(1, 6)]
    assert [stream.reset_code for stream, _ in taken] == [None] * 3 + [StreamCode.LIMIT_EXCEEDED] * 2
    await served.end(*(running for _, running in taken))
    assert (await served.stream(peer(9)))[0].reset_code is None
    await served.end()


async def test_both_limits_hold_at_once() -> None:
    served = Served(StreamLimits(total=3, per_peer=2))
    codes = [(await served.stream(peer(n)))[0].reset_code is None for n in (1, 1, 1, 2, 2)]
    assert codes == [True, True, False, True, False]
    await served.end()


async def test_a_handler_that_raises_or_is_cancelled_gives_its_place_back() -> None:
    served = Served(StreamLimits(per_peer=1))
    _, running = await served.stream(peer(1))
    served.gates[0].set_exception(RuntimeError("in the handler"))
    with pytest.raises(RuntimeError, match="in the handler"):
        await running
    _, running = await served.stream(peer(1))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await served.stream(peer(1)))[0].reset_code is None
    await served.end()
