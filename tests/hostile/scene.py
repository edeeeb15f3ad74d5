"""A host under attack, a bystander who must not notice, and what is counted before and after."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, Unpack

import pytest

from aiolibp2p import Host, Limits, Multiaddr, PeerId, Stream
from aiolibp2p.errors import DialFailed, Libp2pError
from aiolibp2p.events import PeerConnected, PeerIdentified
from aiolibp2p.host import HostOptions, HostStatistics
from aiolibp2p.muxers.mplex import MplexConfig
from aiolibp2p.muxers.yamux import YamuxConfig
from aiolibp2p.resource_manager import ResourceLimits
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connections.connection import ConnectionConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig
from hostile.peer import Gone, Listener, Peer

T = TypeVar("T")

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
MAX_GROWTH_BYTES = 40 * 1024 * 1024
MAX_PAUSE_S = 3.0
"""The longest a round trip of the bystander may take: an attack may cost time, but not stop the host."""
PACE_S = 0.005
BULK_BYTES = 128 * 1024
WARM_UP_BYTES = 24 * 1024 * 1024

PROC = Path("/proc/self")


def resident_bytes() -> int:
    """Return the memory of the process in bytes; 0 where that cannot be told."""
    try:
        return int((PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        return 0


def open_files() -> int:
    """File descriptors in use; 0 where that cannot be told."""
    with contextlib.suppress(FileNotFoundError):
        return len(list((PROC / "fd").iterdir()))
    return 0


class Log(logging.Handler):
    """The lines that anybody logged at warning level and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        self.lines.append(f"{record.levelname} {record.name}: {self.format(record)}")

    def __enter__(self) -> Log:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


class Bystander:
    """An honest peer of the host: one stream of small round trips, one of large ones, all the time."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.rounds = 0
        self.peak_bytes = 0
        self.longest_s = 0.0
        self.streams: list[Stream] = []
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, target: Multiaddr, protocol_id: str) -> None:
        """Begin both streams."""
        for size in (100, BULK_BYTES):
            stream = await self.host.new_stream(target, protocol_id)
            self.streams.append(stream)
            await self._round_trip(stream, os.urandom(size))
            self._tasks.append(asyncio.ensure_future(self._carry_on(stream, os.urandom(size))))

    async def _carry_on(self, stream: Stream, words: bytes) -> None:
        now = asyncio.get_running_loop().time
        while not self._over.is_set():
            begun = now()
            await self._round_trip(stream, words)
            self.rounds += 1
            self.longest_s = max(self.longest_s, now() - begun)
            self.peak_bytes = max(self.peak_bytes, resident_bytes())
            await self._rest()
        await stream.close()

    async def _rest(self) -> None:
        """Read until the end, and for a short while at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PACE_S):
                await self._over.wait()

    async def _round_trip(self, stream: Stream, words: bytes) -> None:
        await stream.write(words)
        assert await stream.read_exactly(len(words)) == words

    def forget_figures(self) -> None:
        """Measure from now on."""
        self.longest_s, self.peak_bytes = 0.0, resident_bytes()

    async def is_well(self) -> None:
        """Some more rounds come and go on the same streams, and none took too long."""
        await self.carries_on(4)
        assert self.longest_s < MAX_PAUSE_S

    async def carries_on(self, rounds: int) -> None:
        """Wait for `rounds` rounds of the bystander."""
        wanted = self.rounds + rounds
        await until(lambda: self.rounds >= wanted or any(task.done() for task in self._tasks))
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End both streams."""
        self._over.set()
        await asyncio.gather(*self._tasks)


class Scene:
    """The host under attack, with handlers to attack."""

    def __init__(self, host: Host, bystander: Bystander) -> None:
        self.host = host
        self.bystander = bystander
        self.over = asyncio.Event()
        self._arrivals = host.events(PeerConnected)
        self.expected_errors = 0
        """The lines at error level that the attack may cost."""
        self.poured = 0
        self.ends: asyncio.Queue[Libp2pError | int] = asyncio.Queue(1000)
        """The end of each read on `/read`: the error that was raised, or the bytes that came."""
        handlers = {"echo": echo, "hold": self._hold, "raise": fail, "drop": drop, "pour": self._pour}
        for name, handler in handlers.items():
            host.set_stream_handler(f"/{name}/1.0.0", handler)
        host.set_stream_handler("/read/1.0.0", self._read)

    @property
    def port(self) -> int:
        """Where the host listens."""
        port = self.host.addresses[0].port
        assert port is not None
        return port

    async def attack(self, attack: Callable[[Peer], T], kind: type[Peer] = Peer, listens: bool = False) -> T:
        """Run the attack in a thread, on a connection that stands; the host dials if the peer `listens`."""
        if not listens:
            return await asyncio.to_thread(self._dial_and, attack, kind)
        with Listener() as listener:
            connecting = asyncio.ensure_future(self.host.connect(listener.address))
            try:
                return await asyncio.to_thread(_accept_and, listener, attack, kind)
            finally:
                await connecting

    def _dial_and(self, attack: Callable[[Peer], T], kind: type[Peer]) -> T:
        with kind.dial(self.port) as peer:
            peer.shake_hands()
            return attack(peer)

    async def next_peer(self) -> PeerId:
        """Return the peer of the next connection."""
        async for event in self._arrivals:
            if event.peer != self.bystander.host.peer_id:
                return event.peer
        raise AssertionError("the host has closed")

    async def raw_attack(self, attack: Callable[[Peer], T], kind: type[Peer] = Peer) -> T:
        """Run the attack in a thread, on a connection on which nothing was said."""

        def dial_and() -> T:
            with kind.dial(self.port) as peer:
                return attack(peer)

        return await asyncio.to_thread(dial_and)

    async def dial(self, answer: Callable[[Peer], object], kind: type[Peer] = Peer, peer_id: str = "") -> DialFailed:
        """Have the host dial a listener that answers in this way, once on each connection; return why that failed."""
        with Listener() as listener:
            answering = asyncio.ensure_future(asyncio.to_thread(_answer_all, listener, answer, kind))
            with pytest.raises(DialFailed) as caught:
                await self.host.connect(listener.address + (f"/p2p/{peer_id}" if peer_id else ""))
            listener.stop()
            await answering
        return caught.value

    async def _hold(self, stream: Stream) -> None:
        """Hold the connection without reading or writing."""
        await self.over.wait()

    async def _pour(self, stream: Stream) -> None:
        """Write without end."""
        while True:
            await stream.write(bytes(32 * 1024))
            self.poured += 32 * 1024

    async def _read(self, stream: Stream) -> None:
        """Read to the end, and note how that went."""
        total = 0
        try:
            while chunk := await stream.read(65536):
                total += len(chunk)
        except Libp2pError as error:
            self.ends.put_nowait(error)
            raise
        self.ends.put_nowait(total)


def _accept_and(listener: Listener, attack: Callable[[Peer], T], kind: type[Peer]) -> T:
    with listener.accept(kind) as peer:
        peer.shake_hands()
        return attack(peer)


def _answer_all(listener: Listener, answer: Callable[[Peer], object], kind: type[Peer]) -> None:
    """Answer each connection until the listener stops."""
    with contextlib.suppress(OSError):
        while True:
            with listener.accept(kind) as peer, contextlib.suppress(Gone):
                answer(peer)


async def echo(stream: Stream) -> None:
    """Send everything back."""
    async for chunk in stream:
        await stream.write(chunk)


async def fail(stream: Stream) -> None:
    """Raise, once something came."""
    await stream.read(1)
    raise RuntimeError("of the test")


async def drop(stream: Stream) -> None:
    """Return at once: what comes is dropped."""


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Let others run until it holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0)


def short_limits(
    upgrade: UpgraderConfig | None = None,
    connection: ConnectionConfig | None = None,
    yamux: YamuxConfig | None = None,
    mplex: MplexConfig | None = None,
    resources: ResourceLimits | None = None,
) -> Limits:
    """Deadlines that a test can wait for."""
    return Limits(
        swarm=SwarmConfig(
            upgrade=upgrade or UpgraderConfig(timeout_s=5.0),
            connection=connection or ConnectionConfig(negotiation_timeout_s=5.0),
        ),
        yamux=yamux or YamuxConfig(linger_s=0.5),
        mplex=mplex or MplexConfig(linger_s=0.5),
        resources=resources or ResourceLimits(),
    )


@asynccontextmanager
async def scene(limits: Limits | None = None, **options: Unpack[HostOptions]) -> AsyncIterator[Scene]:
    """A host under attack. On the way out: it lives, the bystander is well, and nothing is left of the attack.

    The bystander has the same `options`.
    """
    # Made outside of the log: a host warns of the weak layers that it is told to have.
    host, friend = Host(listen=LOOPBACK, limits=limits or short_limits(), **options), Host(**options)
    with Log() as log:
        async with host, friend:
            acquainted = [one.events(PeerIdentified) for one in (host, friend)]
            bystander = Bystander(friend)
            stage = Scene(host, bystander)
            await bystander.start(host.addresses[0], "/echo/1.0.0")
            for events in acquainted:
                await anext(events)
            await _warm_up(stage)
            await until(lambda: _is_at_rest(stage))
            before = _Count(host)
            bystander.forget_figures()
            try:
                yield stage
                await bystander.is_well()
                stage.over.set()
                await before.is_reached_again(host)
            finally:
                await bystander.stop()
            grown = bystander.peak_bytes - before.resident
            assert grown < MAX_GROWTH_BYTES, f"{grown} bytes more than before"
        assert len(log.lines) == stage.expected_errors, "\n".join(log.lines)


def _is_at_rest(stage: Scene) -> bool:
    """Nothing runs but the bystander's streams, with a handler each."""
    now, streams = stage.host.statistics(), len(stage.bystander.streams)
    return (now.streams, now.tasks) == (streams, streams)


async def _warm_up(stage: Scene) -> None:
    """Have the allocator take what bulk traffic needs, so that it is not put down to the attack."""
    stream = await stage.bystander.host.new_stream(stage.host.peer_id, "/read/1.0.0")
    await stream.write(bytes(WARM_UP_BYTES))
    await stream.close()
    assert await stage.ends.get() == WARM_UP_BYTES
    gc.collect()


class _Count:
    """The numbers that must be as before the attack."""

    def __init__(self, host: Host) -> None:
        self.figures = _figures(host)
        self.resident = resident_bytes()

    async def is_reached_again(self, host: Host) -> None:
        """Wait until the numbers are as before the attack."""
        try:
            await until(lambda: _figures(host) == self.figures)
        except TimeoutError:
            names = [task.get_name() for task in asyncio.all_tasks()]
            raise AssertionError(f"{_figures(host)}, not {self.figures}; {names}") from None


def _figures(host: Host) -> tuple[HostStatistics, int, int]:
    return host.statistics(), len(asyncio.all_tasks()), open_files()
