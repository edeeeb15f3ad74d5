"""A small simulated network for tests, and receivers that keep what they are told."""

from __future__ import annotations

import asyncio
import random

from aiolibp2p.simulator.network import Interface, InterfaceConfig, LinkConfig, Network, StreamSocket
from aiolibp2p.simulator.network.packet import Payload
from aiolibp2p.simulator.trace import Trace


class Collector:
    """A socket's receiver."""

    def __init__(self) -> None:
        self.payloads: list[Payload] = []
        self.said: list[str] = []
        self.error: OSError | None = None
        self.times: list[float] = []

    @property
    def received(self) -> int:
        """The number of bytes that have come."""
        return sum(len(payload) for payload in self.payloads if isinstance(payload, bytes))

    @property
    def data(self) -> bytes:
        """All bytes that have come."""
        return b"".join(payload for payload in self.payloads if isinstance(payload, bytes))

    def segment_received(self, payload: Payload) -> None:
        self.payloads.append(payload)
        self.times.append(asyncio.get_running_loop().time())

    def eof_received(self) -> None:
        self.said.append("eof")

    def connection_lost(self, error: OSError | None) -> None:
        self.said.append("lost")
        self.error = error

    def pause_writing(self) -> None:
        self.said.append("pause")

    def resume_writing(self) -> None:
        self.said.append("resume")


class Ends:
    """A connection: both sockets and what their receivers were told."""

    def __init__(self, client: StreamSocket, server: StreamSocket) -> None:
        self.client, self.server = client, server
        self.at_client, self.at_server = Collector(), Collector()
        client.start(self.at_client)
        server.start(self.at_server)


class Lab:
    """Interfaces a (10.0.0.1) and b (10.0.0.2), the same link both ways. Made in the running loop."""

    def __init__(
        self,
        link: LinkConfig | None = None,
        a: InterfaceConfig | None = None,
        b: InterfaceConfig | None = None,
        seed: int = 1,
    ) -> None:
        self.trace = Trace()
        self.link = link or LinkConfig()
        self.network = Network(random.Random(seed), self.trace, lambda _from, _to: self.link)
        self.a = self.network.attach("a", "10.0.0.1", a or InterfaceConfig())
        self.b = self.network.attach("b", "10.0.0.2", b or InterfaceConfig())
        self.loop = asyncio.get_running_loop()

    async def connect(self, client: Interface | None = None, port: int = 4001) -> Ends:
        """Connect from `client` (a) to b."""
        accepted: asyncio.Future[StreamSocket] = self.loop.create_future()
        self.b.listen(port, accepted.set_result)
        socket = await (client or self.a).connect(self.b.ip, port)
        server = await accepted
        self.b.stop_listening(port)
        return Ends(socket, server)

    async def wait(self, seconds: float) -> None:
        """Let virtual time pass, in seconds."""
        over = self.loop.create_future()
        self.loop.call_later(seconds, over.set_result, None)
        await over

    async def until(self, seconds: float) -> None:
        """Let virtual time pass until then."""
        await self.wait(seconds - self.loop.time())
