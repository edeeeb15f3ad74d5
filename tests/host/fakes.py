"""A host's parts over a swarm that makes no connections, and services that fail in one way each."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

from aiolibp2p.abc.services.context import ServiceContext
from aiolibp2p.abc.services.service import Service
from aiolibp2p.assembly import HostConfig, Parts, assemble
from aiolibp2p.errors import ListenFailed
from aiolibp2p.host.context import Context, Hallway
from aiolibp2p.host.life import Life
from aiolibp2p.host.protocols import Protocols
from aiolibp2p.host.service_runner import ServiceRunner
from aiolibp2p.host.watchers import Watchers
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.simulator.runtime import SimulatedRuntime
from aiolibp2p.swarm.own_addresses import OwnAddresses

ADDRESS = "/ip4/10.0.0.1/tcp/4001"


def peer(n: int) -> PeerId:
    return PrivateKey.generate("ed25519", lambda size: bytes([n]) * size).peer_id


class FakeConnection:
    def __init__(self, remote: int = 2, is_outbound: bool = True) -> None:
        self.remote_peer = peer(remote)
        self.remote_address = Multiaddr(f"/ip4/10.0.0.{remote}/tcp/4001")
        self.is_outbound = is_outbound


class FakeStream:
    def __init__(self, remote: PeerId) -> None:
        self.remote_peer = remote
        self.reset_code: int | None = None

    def reset(self, code: int = 0) -> None:
        self.reset_code = code


class FakeSwarm:
    """Listens on what it is told, and remembers what was asked of it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.listen_addresses: list[Multiaddr] = []
        self.live: list[FakeConnection] = []
        self.gate: asyncio.Event | None = None
        """Listening waits for it."""
        self.on_opened: Callable[[FakeConnection], None]
        self.on_closed: Callable[[FakeConnection, str], None]
        self.own_addresses: OwnAddresses

    async def listen(self, addresses: Sequence[Multiaddr]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        for address in addresses:
            if address.port == 1:
                raise ListenFailed("port 1 is taken")
            self.listen_addresses.append(address)
        self.said.append("listen")

    async def close(self) -> None:
        self.listen_addresses.clear()
        self.said.append("close")


class FakeHost:
    def __init__(self, parts: Parts, swarm: FakeSwarm) -> None:
        self.peer_id = parts.key.peer_id
        self.runtime, self.peerstore = parts.runtime, parts.peerstore
        self._swarm = swarm

    def connections(self, peer: PeerId | None = None) -> list[FakeConnection]:
        return list(self._swarm.live)


class Scene:
    """A life over these services, not started yet; and a hallway for contexts without a life."""

    def __init__(self, *services: Service, listen: Sequence[str] = (ADDRESS,), **options: Any) -> None:
        runtime = SimulatedRuntime(asyncio.get_running_loop().time, random.Random(1))
        self.swarm = FakeSwarm()
        parts = assemble(HostConfig(services=services, runtime=runtime, **options))
        self.swarm.own_addresses = OwnAddresses(
            parts.key.peer_id, lambda: self.swarm.listen_addresses, lambda bound: [bound], parts.bus.emit
        )
        self.parts = dataclasses.replace(parts, swarm=self.swarm)  # type: ignore[arg-type]
        self.host: Any = FakeHost(parts, self.swarm)
        self.life = Life(self.host, self.parts, listen)

    def hallway(self) -> Hallway:
        """What contexts share when they are made without the life."""
        seams = self.parts.seams
        return Hallway(
            self.host,
            Protocols(self.parts, lambda offered_elsewhere: None),
            Watchers(),
            self.parts.bus,
            seams.meter,
            seams.tags,
            lambda contract: None,
        )

    def runner(self) -> ServiceRunner:
        return ServiceRunner(self.parts.services[3:], self.parts.resources)


class Noted(Service):
    """Notes its start and its close in a list that services share, and has one of each thing a context makes."""

    def __init__(self, name: str, said: list[str] | None = None) -> None:
        self.name = name
        self.said = [] if said is None else said
        self.context: ServiceContext

    async def start(self, context: ServiceContext) -> None:
        self.context = context
        self.said.append(f"start {self.name}")
        context.handle(f"/{self.name}", serve)
        context.call_at(context.runtime.now() + 3600, lambda: None)
        context.spawn(forever(), f"{self.name} waits")

    async def close(self) -> None:
        self.said.append(f"close {self.name}")


class FailsToStart(Noted):
    async def start(self, context: ServiceContext) -> None:
        await super().start(context)
        raise RuntimeError("not today")


class HangsAtStart(Noted):
    async def start(self, context: ServiceContext) -> None:
        await super().start(context)
        await forever()


class FailsToClose(Noted):
    async def close(self) -> None:
        await super().close()
        raise RuntimeError("not today")


class HangsAtClose(Noted):
    async def close(self) -> None:
        await super().close()
        await forever()


class HeedsNothing(Noted):
    """Does not even heed its cancellation."""

    async def close(self) -> None:
        while self.said.count("no") < 3:
            with contextlib.suppress(asyncio.CancelledError):
                await forever()
            self.said.append("no")


class CancelsItself(Noted):
    async def close(self) -> None:
        raise asyncio.CancelledError


async def serve(stream: Any) -> None:
    await forever()


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def made(scene: Scene, service: Service) -> Context:
    """A context of this service alone."""
    return Context(scene.hallway(), service, scene.parts.resources.service_scope(service.name))
