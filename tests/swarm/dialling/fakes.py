"""Attempts that end when they are told to, for races and what lies above them."""

from __future__ import annotations

import asyncio
from typing import cast

from aiolibp2p.abc.layers.transport import DialRequest
from aiolibp2p.abc.stream import ConnectionLimits
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.swarm.connections.connection import Connection
from aiolibp2p.swarm.dialling.attempt import Attempt
from swarm.fakes import THEM, THERE


class FakeConnection:
    """A connection, as much of it as dialling looks at."""

    def __init__(self, limits: ConnectionLimits | None = None, peer: PeerId = THEM.peer_id) -> None:
        self.limits = limits
        self.remote_peer = peer
        self.remote_address = THERE


def connection(limits: ConnectionLimits | None = None) -> Connection:
    """Return a fake connection, typed as a real one."""
    return cast(Connection, FakeConnection(limits))


class FakeAttempt:
    """Runs until it is told how it ends."""

    def __init__(self, address: Multiaddr) -> None:
        self.address = address
        self.is_upgrading = False
        self.began_s = asyncio.get_running_loop().time()
        self.was_cancelled = False
        self._outcome: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    async def run(self) -> Connection:
        try:
            return await self._outcome
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise

    def fail(self, error: BaseException | None = None) -> None:
        self._outcome.set_exception(error or OSError("refused"))

    def succeed(self, connected: Connection) -> None:
        self._outcome.set_result(connected)


class Attempts:
    """Makes attempts, and keeps them in the order in which they began."""

    def __init__(self) -> None:
        self.made: list[FakeAttempt] = []
        self.requests: list[DialRequest] = []

    def __call__(self, address: Multiaddr) -> Attempt:
        self.made.append(FakeAttempt(address))
        return cast(Attempt, self.made[-1])

    def for_request(self, request: DialRequest, address: Multiaddr) -> Attempt:
        self.requests.append(request)
        return self(address)

    @property
    def ports(self) -> list[int]:
        """The ports of the attempts made, by which the tests tell them apart."""
        return [attempt.address.port or 0 for attempt in self.made]
