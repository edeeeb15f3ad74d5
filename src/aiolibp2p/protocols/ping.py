"""Ping: is the peer there, and how long does a round trip take? Spec: ping/ping.md, r0 of 2022-11-04.

`/ipfs/ping/1.0.0`, no framing: 32 random bytes go out, the same 32 come back, as often as the dialer likes.

We keep one outbound ping stream a peer: whoever pings a peer at the same time takes turns on it. Of a peer we
serve two streams at once; a third is reset. A stream on which nothing comes for 10 s is reset, as go does;
unlike go we put no end to one that is in use.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiolibp2p.abc.services.context import ServiceContext, StreamLimits
from aiolibp2p.abc.services.pinger import Pinger
from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import (
    HostNotRunning,
    IncompleteRead,
    Libp2pError,
    ProtocolViolation,
    StreamCode,
    TimeoutExpired,
)
from aiolibp2p.io.idle_timer import IdleTimer

if TYPE_CHECKING:
    from aiolibp2p.abc.host import Host, Target
    from aiolibp2p.abc.stream import MuxedConnection, Stream
    from aiolibp2p.peer.peer_id import PeerId

PING_ID = "/ipfs/ping/1.0.0"

PAYLOAD_BYTES = 32
"""Bytes of one ping and of its echo, as the spec has it."""


@dataclass(frozen=True)
class PingConfig:
    """Limits of the ping service: how long it waits, how much it serves."""

    timeout_s: float = 10.0
    """Seconds for an echo to come back, as in go."""
    idle_timeout_s: float = 10.0
    """Seconds for the next payload to come on a stream that is served, as in go."""
    inbound_streams_per_peer: int = 2
    """Streams of one peer served at once: ping/ping.md has a dialer keep to one, and a listener take two at most."""


class Ping(Service, Pinger):
    """The ping service of a host: answers pings, and sends them."""

    name = "ping"
    provides = (Pinger,)

    def __init__(self, config: PingConfig | None = None) -> None:
        self.config = config or PingConfig()
        self._context: ServiceContext | None = None
        self._outbound: dict[PeerId, _PingStream] = {}

    async def start(self, context: ServiceContext) -> None:
        self._context = context
        context.handle(PING_ID, self._serve, limits=StreamLimits(per_peer=self.config.inbound_streams_per_peer))

    async def close(self) -> None:
        self._context = None

    # Sending

    async def ping(self, target: Target) -> float:
        """Return the seconds of one round trip to the peer; connects first if need be.

        Raises TimeoutExpired when no echo comes in time, ProtocolViolation when it is not what was sent.
        """
        async with self._stream_to(target) as stream:
            return await stream.exchange()

    async def pings(self, target: Target, count: int | None = None) -> AsyncIterator[float]:
        """Yield the seconds of round trips one after the other on one stream, `count` of them or without end.

        The next ping is sent when it is asked for: the caller sets the pace. Raises as `ping` does.
        """
        async with self._stream_to(target) as stream:
            done = 0
            while count is None or done < count:
                yield await stream.exchange()
                done += 1

    @contextlib.asynccontextmanager
    async def _stream_to(self, target: Target) -> AsyncIterator[_PingStream]:
        if self._context is None:
            raise HostNotRunning("ping: the host is not running")
        host = self._context.host
        connection = await host.connect(target, allow_limited=True)
        peer = connection.remote_peer
        stream = self._outbound.get(peer)
        if stream is None or stream.is_lost:
            stream = self._outbound[peer] = _PingStream(host, connection, self.config.timeout_s)
        stream.users += 1
        try:
            yield stream
        finally:
            stream.users -= 1
            if not stream.users:
                await self._hang_up(peer, stream)

    async def _hang_up(self, peer: PeerId, stream: _PingStream) -> None:
        if self._outbound.get(peer) is stream:
            del self._outbound[peer]
        await stream.close()

    # Answering

    async def _serve(self, stream: Stream) -> None:
        if self._context is None:
            stream.reset(StreamCode.SHUTDOWN)
            return
        with IdleTimer(stream, self._context.runtime, self.config.idle_timeout_s) as idle:
            await _echo(stream, idle)


async def _echo(stream: Stream, idle: IdleTimer) -> None:
    while True:
        try:
            payload = await stream.read_exactly(PAYLOAD_BYTES)
        except IncompleteRead as end:
            if end.partial:
                raise
            await stream.close()
            return
        await stream.write(payload)
        idle.touch()


class _PingStream:
    """The outbound ping stream to one peer, opened at the first exchange, shared by all who ping the peer."""

    def __init__(self, host: Host, connection: MuxedConnection, timeout_s: float) -> None:
        self.users = 0
        self._host = host
        self._connection = connection
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._stream: Stream | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the connection under the stream has ended."""
        return self._connection.is_closed

    async def exchange(self) -> float:
        """Wait for a turn, send a payload, take its echo, return the seconds that took. A failure resets the stream."""
        async with self._turn:
            return await self._timed_exchange()

    async def _timed_exchange(self) -> float:
        timeout = asyncio.timeout(self._timeout_s)
        try:
            async with timeout:
                return await self._exchange()
        except BaseException as error:
            self._reset()
            if not timeout.expired():
                raise
            peer = self._connection.remote_peer
            raise TimeoutExpired(f"ping: no echo from peer {peer} within {self._timeout_s:g} s") from error

    def _reset(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.reset()

    async def _exchange(self) -> float:
        if self._stream is None:
            self._stream = await self._host.new_stream_on(self._connection, PING_ID, allow_limited=True)
        runtime = self._host.runtime
        payload = runtime.entropy(PAYLOAD_BYTES)
        sent_at = runtime.now()
        await self._stream.write(payload)
        echo = await self._stream.read_exactly(PAYLOAD_BYTES)
        seconds = runtime.now() - sent_at
        if echo != payload:
            raise ProtocolViolation(f"ping: peer {self._connection.remote_peer} echoed other bytes than were sent")
        return seconds

    async def close(self) -> None:
        """Tell the peer that this was the last payload."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(Libp2pError):
                await stream.close_write()
                await stream.close()
