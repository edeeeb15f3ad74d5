"""Perf: how fast is the way to a peer? Spec: perf/perf.md, r0 of 2022-11-16.

`/perf/1.0.0`, no framing: the client says how many bytes it wants (a big-endian uint64), sends as many as it likes and
closes its side; only then does the server send what it was asked for, and close.

A server works as hard as strangers tell it to, so no host runs this unless told: `Host(services=[Perf()])`; one that
the world can reach should name those it serves (`allowed_peers`). It serves 4 streams of a peer at once and 16 in all;
past that a stream is reset. So is one on which for 30 s nothing comes, or no chunk (64 KiB) is taken.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiolibp2p.abc.services.context import ServiceContext, StreamLimits
from aiolibp2p.abc.services.service import Service
from aiolibp2p.errors import ConfigError, HostNotRunning, ProtocolViolation, StreamClosed, StreamCode, TimeoutExpired
from aiolibp2p.io.idle_timer import IdleTimer

if TYPE_CHECKING:
    from aiolibp2p.abc.host import Host, Target
    from aiolibp2p.abc.runtime import Runtime
    from aiolibp2p.abc.stream import Stream
    from aiolibp2p.peer.peer_id import PeerId

PERF_ID = "/perf/1.0.0"

HEADER_BYTES = 8
"""Bytes of the header: one big-endian uint64, as the spec has it."""
MAX_SIZE_BYTES = 2**64 - 1
"""The most bytes that the header can ask for; nobody waits for them, so it stands for "until I stop you"."""

MAX_CHUNK_BYTES = 16 * 1024 * 1024
"""The most bytes of a chunk: yamux's largest window, past which none leaves at once."""

OnProgress = Callable[[int, int], None]
"""A callback `on_progress(uploaded, downloaded)`, with the bytes so far."""


@dataclass(frozen=True)
class PerfConfig:
    """Limits of the perf service: who is served, how much at once, how long it waits."""

    allowed_peers: Collection[PeerId] | None = None
    """Peers that are served: everybody if None, nobody if empty, and then the protocol is not offered at all."""
    inbound_streams: int = 16
    """Streams served at once: each keeps a processor busy, and a measurement among more says little."""
    inbound_streams_per_peer: int = 4
    """Streams of one peer served at once, so that four peers at least have their turn."""
    chunk_bytes: int = 64 * 1024
    """Bytes written or read at once: all the memory that a stream takes beside its window."""
    idle_timeout_s: float = 30.0
    """Seconds for the next byte to come, or for a chunk to be taken; both as client and as server."""


@dataclass(frozen=True)
class PerfResult:
    """The result of a measurement, in bytes and seconds."""

    uploaded_bytes: int
    downloaded_bytes: int
    connect_s: float
    """Seconds until there was a connection; next to nothing if one stood already."""
    upload_s: float
    """Seconds from opening the stream to the server's first byte, or its end: by then it has all that was sent."""
    download_s: float
    """Seconds from the server's first byte to the end of the stream."""

    @property
    def total_s(self) -> float:
        """Seconds of the whole measurement, connecting included."""
        return self.connect_s + self.upload_s + self.download_s


@dataclass(frozen=True)
class HandshakesResult:
    """A count of connections that were made one after the other, and the seconds it took."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        """The number of connections made in a second."""
        return self.count / self.seconds if self.seconds else 0.0


class Perf(Service):
    """The perf service of a host: measures the way to others, and lets others measure. Raises ConfigError."""

    name = "perf"

    def __init__(self, config: PerfConfig | None = None) -> None:
        self.config = config or PerfConfig()
        if not 0 < self.config.chunk_bytes <= MAX_CHUNK_BYTES:
            raise ConfigError(f"chunk_bytes takes 1 to {MAX_CHUNK_BYTES}, not {self.config.chunk_bytes}")
        self._payload = bytes(self.config.chunk_bytes)
        self._host: Host | None = None

    async def start(self, context: ServiceContext) -> None:
        self._host = context.host
        if self.config.allowed_peers is None or len(self.config.allowed_peers):
            limits = StreamLimits(self.config.inbound_streams, self.config.inbound_streams_per_peer)
            context.handle(PERF_ID, self._serve, limits=limits)

    async def close(self) -> None:
        self._host = None

    # Measuring

    async def measure(
        self,
        target: Target,
        upload_bytes: int = 0,
        download_bytes: int = 0,
        *,
        duration_s: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> PerfResult:
        """Connect if need be, upload, then download, on one stream.

        With `duration_s` each direction ends after that time, even if bytes are left: sizes of MAX_SIZE_BYTES then
        measure what passes in it. `on_progress` is called after every chunk; a byte counts as uploaded once the stream
        has taken it. Raises ConfigError for impossible sizes, TimeoutExpired when nothing moves any more,
        ProtocolViolation when another number of bytes comes back, and what `connect` and `new_stream` raise.
        """
        host = self._require_host()
        for size in (upload_bytes, download_bytes):
            if not 0 <= size <= MAX_SIZE_BYTES:
                raise ConfigError(f"perf: sizes are 0 to 2^64-1 bytes, not {size}")
        now = host.runtime.now
        began_at = now()
        connection = await host.connect(target)
        connected_at = now()
        stream = await host.new_stream_on(connection, PERF_ID)
        idle = IdleTimer(stream, host.runtime, self.config.idle_timeout_s)
        exchange = _Exchange(stream, host.runtime, idle, self._payload, on_progress)
        try:
            answered_at = await exchange.run(upload_bytes, download_bytes, duration_s)
        except BaseException as error:
            stream.reset()
            if not (idle.expired and isinstance(error, StreamClosed)):
                raise
            raise TimeoutExpired(
                f"perf: nothing moved to or from peer {connection.remote_peer} for {self.config.idle_timeout_s:g} s"
            ) from error
        finally:
            idle.cancel()
        return PerfResult(
            uploaded_bytes=exchange.sent,
            downloaded_bytes=exchange.received,
            connect_s=connected_at - began_at,
            upload_s=answered_at - connected_at,
            download_s=now() - answered_at,
        )

    async def handshakes(self, target: Target, duration_s: float) -> HandshakesResult:
        """Connect and hang up, over and over, until the time is up. For many clients run it on as many hosts.

        Raises ConfigError when the host is connected to the target already, and what `connect` raises.
        """
        host = self._require_host()
        now = host.runtime.now
        standing = host.connections()
        count, began_at = 0, now()
        while now() - began_at < duration_s:
            connection = await host.connect(target)
            if connection in standing:
                raise ConfigError(f"perf: this host is connected to {connection.remote_peer} already: take another one")
            await connection.close()
            count += 1
        return HandshakesResult(count, now() - began_at)

    def _require_host(self) -> Host:
        if self._host is None:
            raise HostNotRunning("perf: the host is not running")
        return self._host

    # Serving

    async def _serve(self, stream: Stream) -> None:
        host, config, peer = self._host, self.config, stream.remote_peer
        if config.allowed_peers is not None and peer not in config.allowed_peers:
            stream.reset(StreamCode.GATED)
            return
        if host is None:
            stream.reset(StreamCode.SHUTDOWN)
            return
        with IdleTimer(stream, host.runtime, config.idle_timeout_s) as idle:
            await _Exchange(stream, host.runtime, idle, self._payload).serve()


class _Exchange:
    """One stream, as either side drives it. Both send the same zeros over and over: nothing has to make them."""

    def __init__(
        self, stream: Stream, runtime: Runtime, idle: IdleTimer, payload: bytes, on_progress: OnProgress | None = None
    ) -> None:
        self.sent = 0
        self.received = 0
        self._stream = stream
        self._now = runtime.now
        self._idle = idle
        self._payload = payload
        self._on_progress = on_progress
        # One call less for each chunk where nobody watches.
        self._moved = idle.touch if on_progress is None else self._tell

    async def serve(self) -> None:
        """Play the server: nothing is sent before all has come."""
        wanted = int.from_bytes(await self._stream.read_exactly(HEADER_BYTES), "big")
        await self._receive_all()
        await self._send(wanted, math.inf)

    async def run(self, upload_bytes: int, download_bytes: int, duration_s: float | None) -> float:
        """Play the client, and return the time at which the server's answer began."""
        until = math.inf if duration_s is None else self._now() + duration_s
        await self._stream.write(download_bytes.to_bytes(HEADER_BYTES, "big"))
        await self._send(upload_bytes, until)
        await self._stream.close_write()
        more = await self._receive(download_bytes)
        answered_at = self._now()
        if more:
            await self._receive_rest(download_bytes, duration_s)
        elif download_bytes:
            raise self._miscount(download_bytes)
        await self._stream.close()
        return answered_at

    async def _send(self, size: int, until: float) -> None:
        payload = self._payload
        endless = until == math.inf
        left = size
        while left and (endless or self._now() < until):
            chunk = payload if left >= len(payload) else payload[:left]
            await self._stream.write(chunk)
            left -= len(chunk)
            self.sent += len(chunk)
            self._moved()

    async def _receive(self, most: float) -> bool:
        """Take what is there, and return False at the end."""
        return self._took(await self._stream.read(len(self._payload)), most)

    def _took(self, chunk: bytes, most: float) -> bool:
        if not chunk:
            return False
        self.received += len(chunk)
        if self.received > most:
            raise self._miscount(most)
        self._moved()
        return True

    async def _receive_rest(self, size: int, duration_s: float | None) -> None:
        timeout = asyncio.timeout(duration_s)
        try:
            async with timeout:
                await self._receive_all(size)
        except TimeoutError:
            if not timeout.expired():
                raise
            self._stream.reset()  # closing alone would let the server go on
            return
        if self.received != size:
            raise self._miscount(size)

    async def _receive_all(self, most: float = math.inf) -> None:
        read, n = self._stream.read, len(self._payload)
        while self._took(await read(n), most):
            pass

    def _tell(self) -> None:
        self._idle.touch()
        if self._on_progress is not None:
            self._on_progress(self.sent, self.received)

    def _miscount(self, wanted: float) -> ProtocolViolation:
        came = f"{self.received} bytes came" if self.received <= wanted else f"more than {wanted} bytes came"
        return ProtocolViolation(f"perf: {came} from peer {self._stream.remote_peer}, {wanted} were asked for")
