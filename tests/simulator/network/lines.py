"""Two interfaces and what lies between them, and a receiver that keeps what it hears."""

from __future__ import annotations

import asyncio

from aiolibp2p.simulator.network import Interface, InterfaceConfig, LinkConfig, Network, StreamSocket
from aiolibp2p.simulator.network.packet import Payload
from aiolibp2p.simulator.runtime import seeded_random
from aiolibp2p.simulator.trace import Trace

PORT = 4001


class Line:
    """`a` and `b`, on one network."""

    def __init__(self, link: LinkConfig | None = None, interface: InterfaceConfig | None = None, seed: int = 1) -> None:
        self.trace = Trace()
        self.network = Network(seeded_random(seed, "network"), self.trace, lambda a, b: link or LinkConfig())
        self.a, self.b = (self.network.attach(name, f"10.0.0.{name}", interface) for name in "12")

    async def connect(self) -> tuple[Heard, Heard]:
        """Two started sockets, the dialer's first."""
        accepted: asyncio.Future[StreamSocket] = asyncio.get_running_loop().create_future()
        self.b.listen(PORT, accepted.set_result)
        return Heard(await self.a.connect(self.b.ip, PORT)), Heard(await accepted)


class Heard:
    """A socket and all that it told."""

    def __init__(self, socket: StreamSocket) -> None:
        self.socket = socket
        self.chunks: list[bytes] = []
        self.times: list[float] = []
        self.said: list[str] = []
        self.lost_with: OSError | None = None
        self.lost = asyncio.get_running_loop().create_future()
        socket.start(self)

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)

    def segment_received(self, payload: Payload) -> None:
        assert isinstance(payload, bytes)
        self.chunks.append(payload)
        self.times.append(asyncio.get_running_loop().time())

    def eof_received(self) -> None:
        self.said.append("eof")
        self.socket.close()

    def connection_lost(self, error: OSError | None) -> None:
        self.lost_with = error
        self.said.append("lost")
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self.said.append("pause")

    def resume_writing(self) -> None:
        self.said.append("resume")


class Datagrams:
    """A datagram socket that keeps what comes, with its source and time."""

    def __init__(self, interface: Interface, port: int = 0) -> None:
        self.came: list[tuple[bytes, tuple[str, int]]] = []
        self.times: list[float] = []
        self.ip = interface.ip
        self.socket = interface.bind_udp(port, self._received)

    def _received(self, data: bytes, source: tuple[str, int]) -> None:
        self.came.append((data, source))
        self.times.append(asyncio.get_running_loop().time())
