"""A simulated machine: a host that starts, stops, crashes and comes back, on an interface that stays."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from aiolibp2p.abc.layers.transport import Transport
from aiolibp2p.abc.services.service import Service
from aiolibp2p.assembly import HostConfig, HostParameters
from aiolibp2p.errors import LocalError
from aiolibp2p.host import Host
from aiolibp2p.multiformats.multiaddr import Multiaddr
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.peer.peer_id import PeerId
from aiolibp2p.simulator.fast_path import MuxedTransport
from aiolibp2p.simulator.network import Interface
from aiolibp2p.simulator.runtime import SimulatedRuntime, seeded_random
from aiolibp2p.simulator.transport import StreamTransport

if TYPE_CHECKING:
    from aiolibp2p.simulator.simulation import Simulation

PORT = 4001
"""The TCP port at which every node listens: the usual one of libp2p hosts."""


@dataclass(frozen=True)
class NodeConfig:
    """The services and options that a node's host is made with, each time it starts."""

    services: Callable[[Node], Sequence[Service]] | None = None
    """Makes the services at each start: services, like hosts, are started once."""
    options: HostParameters = field(default_factory=HostParameters)
    """Options of `Host`; key, runtime and transports replace the simulation's own."""


class Node:
    """One machine of a simulation, made by `Simulation.add_node`."""

    def __init__(self, simulation: Simulation, name: str, interface: Interface, config: NodeConfig) -> None:
        self.name = name
        self.index = len(simulation.nodes)
        self.interface = interface
        self.host: Host | None = None
        """The host that runs; None while the node is down."""
        self.disk: dict[str, bytes] = {}
        """The bytes by name that outlive a host: services that keep something keep it here."""
        self.runtime = SimulatedRuntime(
            asyncio.get_running_loop().time, seeded_random(simulation.seed, name, "runtime")
        )
        """The clocks and random bits of the node, the same through all its restarts."""
        self._simulation = simulation
        self._config = config
        self._incarnation = 0
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    @property
    def is_up(self) -> bool:
        """Whether the node's host runs."""
        return self.host is not None

    @cached_property
    def key(self) -> PrivateKey:
        """The identity of the node, as long as it keeps its disk."""
        source = seeded_random(self._simulation.seed, self.name, str(self._incarnation))
        return PrivateKey.generate("ed25519", source.randbytes)

    @property
    def peer_id(self) -> PeerId:
        """The id that the node's key stands for."""
        return self.key.peer_id

    @cached_property
    def address(self) -> Multiaddr:
        """The address at which the node listens when it is up, ending in /p2p."""
        return Multiaddr(f"/ip4/{self.interface.ip}/tcp/{PORT}/p2p/{self.peer_id}")

    @property
    def running(self) -> Host:
        """The host that runs. Raises LocalError while the node is down."""
        if self.host is None:
            raise LocalError(f"{self.name} is down")
        return self.host

    async def start(self) -> None:
        """Make a host and start it; nothing happens when it runs."""
        async with self._turn:
            if self.host is not None:
                return
            self._simulation.record(f"{self.name} start")
            host = self._make_host()
            await host.start()
            self.host = host

    def _make_host(self) -> Host:
        config = HostConfig(
            key=self.key,
            listen=[f"/ip4/{self.interface.ip}/tcp/{PORT}"],
            services=() if self._config.services is None else self._config.services(self),
            transports=[self._transport()],
            runtime=self.runtime,
        )
        return Host(dataclasses.replace(config, **self._config.options))

    def _transport(self) -> Transport:
        if self._simulation.fidelity == "fast":
            return MuxedTransport(self.interface, self.key)
        return StreamTransport(self.interface, self._simulation.transport)

    async def stop(self) -> None:
        """Close the host as its user would: peers are told. Nothing happens when it is down."""
        async with self._turn:
            host, self.host = self.host, None
            if host is not None:
                self._simulation.record(f"{self.name} stop")
                await self._close(host)

    async def crash(self) -> None:
        """Stop between two instructions: no peer is told, nothing more reaches the disk.

        The host is then closed where nobody sees it, which takes some virtual time.
        """
        async with self._turn:
            host, self.host = self.host, None
            if host is None:
                return
            self._simulation.record(f"{self.name} crash")
            self.interface.take_down()
            disk = dict(self.disk)
            await self._close(host)
            self.disk = disk

    async def _close(self, host: Host) -> None:
        await host.close()
        self._simulation.leaks.closed(self.name, host)

    async def restart(self, with_disk: bool = True) -> None:
        """Stop if it runs, and start again; without its disk as somebody else, with a new key and nothing known."""
        await self.stop()
        if not with_disk:
            self.disk = {}
            self._incarnation += 1
            for cached in ("key", "address"):
                self.__dict__.pop(cached, None)
            self._simulation.record(f"{self.name} lost its disk")
        if not self.interface.is_up:
            self.interface.bring_up()
        await self.start()
