"""A peer of this library for the benches: the part of interop/README.md's JSON lines that they use.

python -m bench.ours --loop stdlib|uvloop [--listen MULTIADDR] [--security NAME,...] [--muxer NAME,...] [--profile NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from aiolibp2p import Host, Limits, PeerId, Stream
from aiolibp2p.abc.services.context import ServiceContext
from aiolibp2p.protocols.perf import HEADER_BYTES, PERF_ID, Perf, PerfConfig
from aiolibp2p.resource_manager import ResourceLimits
from bench.process_usage import allow_many_files, resident_bytes, usage

ECHO_ID = "/bench/echo/1.0.0"
CHUNK_BYTES = 64 * 1024
REQUEST_BYTES = 32
MANY = 1_000_000
SETTLE_S = 0.3

UNLIMITED = Limits(resources=ResourceLimits(MANY, MANY, MANY))
"""The limits of the benched hosts, which no bench reaches. Windows stay as they are: a bench measures them, too."""

Request = dict[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class Layers:
    """The names of the security and the muxer of its connections."""

    security: tuple[str, ...] = ("noise",)
    muxers: tuple[str, ...] = ("yamux",)

    def host(self, **more: Any) -> Host:
        """Return a host that speaks these alone."""
        return Host(security=self.security, muxers=self.muxers, limits=UNLIMITED, **more)

    def __str__(self) -> str:
        return "-".join((*self.security, *self.muxers))


async def serve_echo(stream: Stream) -> None:
    """Send back what comes."""
    while chunk := await stream.read(CHUNK_BYTES):
        await stream.write(chunk)


async def exchange(stream: Stream, payload: bytes) -> None:
    """Send a request and wait for its echo."""
    await stream.write(payload)
    if await stream.read_exactly(len(payload)) != payload:
        raise ValueError("what came back is not what was sent")


async def race(workers: int, seconds: float, one_round: Callable[[int], Awaitable[None]]) -> Answer:
    """Run rounds on `workers` workers until the time is up."""
    now = time.perf_counter
    latencies: list[float] = []
    start = now()
    deadline = start + seconds

    async def work(worker: int) -> None:
        began = now()
        while began < deadline:
            await one_round(worker)
            ended = now()
            latencies.append(ended - began)
            began = ended

    await asyncio.gather(*(work(worker) for worker in range(workers)))
    elapsed = now() - start
    latencies.sort()
    return {
        "count": len(latencies),
        "seconds": elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
    }


async def identified(host: Host, address: str) -> PeerId:
    """The peer there, connected and identified."""
    peer = (await host.connect(address)).remote_peer
    if host.peerstore.protocols(peer) is None:
        await host.identify(peer)
    return peer


async def start_hosts(layers: Layers, count: int) -> list[Host]:
    """Start `count` hosts that listen nowhere."""
    hosts = [layers.host() for _ in range(count)]
    for host in hosts:
        await host.start()
    return hosts


class BenchPeer:
    """A host and the commands that drive it."""

    def __init__(self, listen: list[str], layers: Layers) -> None:
        self.layers = layers
        self.host = layers.host(listen=listen, services=[Perf()])
        self.host.set_stream_handler(ECHO_ID, serve_echo)
        self.commands: dict[str, Callable[[Request], Coroutine[Any, Any, Answer]]] = {
            "perf": self.perf,
            "pings_rate": self.pings_rate,
            "opens_rate": self.opens_rate,
            "dials_rate": self.dials_rate,
            "bulk_pings_rate": self.bulk_pings_rate,
            "hold_connections": self.hold_connections,
            "release_connections": self.release_connections,
            "memory": self.memory,
            "usage": self.usage,
        }
        self.held: list[Host] = []

    async def target(self, request: Request) -> PeerId:
        """The peer a command names, connected and identified."""
        return await identified(self.host, request["address"])

    async def perf(self, request: Request) -> Answer:
        """Upload, then download, on one stream."""
        upload, download = request["upload_bytes"], request["download_bytes"]
        chunk = request.get("chunk", CHUNK_BYTES)
        perf = Perf(PerfConfig(chunk_bytes=chunk, allowed_peers=()))  # measures alone; the host's own one serves
        await perf.start(cast(ServiceContext, SimpleNamespace(host=self.host)))  # all it asks of one, serving nobody
        result = await perf.measure(await self.target(request), upload, download)
        return {
            "upload_bytes": result.uploaded_bytes,
            "download_bytes": result.downloaded_bytes,
            "chunk": chunk,
            "upload_seconds": result.upload_s,
            "download_seconds": result.download_s,
        }

    async def pings_rate(self, request: Request) -> Answer:
        """One request in flight on each of some streams."""
        peer = await self.target(request)
        streams = [await self.host.new_stream(peer, ECHO_ID) for _ in range(request["streams"])]
        for stream in streams:
            await exchange(stream, random.randbytes(REQUEST_BYTES))

        async def one_round(worker: int) -> None:
            await exchange(streams[worker], random.randbytes(REQUEST_BYTES))

        answer = await race(len(streams), request["seconds"], one_round)
        for stream in streams:
            await stream.close()
        return answer

    async def opens_rate(self, request: Request) -> Answer:
        """Open, request, answer, close."""
        peer, host = await self.target(request), self.host

        async def one_round(_worker: int) -> None:
            stream = await host.new_stream(peer, ECHO_ID)
            await exchange(stream, random.randbytes(REQUEST_BYTES))
            await stream.close()

        return await race(request["concurrency"], request["seconds"], one_round)

    async def dials_rate(self, request: Request) -> Answer:
        """Dial, upgrade, request, answer, close; each worker has a host of its own."""
        address = request["address"]
        hosts = await start_hosts(self.layers, request["concurrency"])

        async def one_round(worker: int) -> None:
            host = hosts[worker]
            stream = await host.new_stream(address, ECHO_ID)
            await exchange(stream, random.randbytes(REQUEST_BYTES))
            await stream.close()
            await host.disconnect(stream.remote_peer)

        answer = await race(len(hosts), request["seconds"], one_round)
        for host in hosts:
            await host.close()
        return answer

    async def bulk_pings_rate(self, request: Request) -> Answer:
        """One request in flight on one stream, beside an upload on another of the same connection."""
        peer = await self.target(request)
        echo = await self.host.new_stream(peer, ECHO_ID)
        await exchange(echo, random.randbytes(REQUEST_BYTES))

        async def one_round(_worker: int) -> None:
            await exchange(echo, random.randbytes(REQUEST_BYTES))

        async with self.uploading(peer) as sent:
            answer = await race(1, request["seconds"], one_round)
        await echo.close()
        return {**answer, "bulk_bytes": sum(sent)}

    @contextlib.asynccontextmanager
    async def uploading(self, peer: PeerId) -> AsyncIterator[list[int]]:
        """Upload to /perf/1.0.0 without a pause meanwhile; the sizes of the writes so far."""
        stream = await self.host.new_stream(peer, PERF_ID)
        await stream.write(bytes(HEADER_BYTES))  # nothing is wanted back
        zeros = bytes(CHUNK_BYTES)
        sent: list[int] = []
        ended = False

        async def upload() -> None:
            while not ended:
                await stream.write(zeros)
                sent.append(CHUNK_BYTES)

        task = asyncio.create_task(upload())
        try:
            yield sent
        finally:
            ended = True
            await task
        await stream.close_write()
        await stream.read()
        await stream.close()

    async def hold_connections(self, request: Request) -> Answer:
        """Make hosts, then connect each of them once and keep it; memory before and after."""
        address, waiting = request["address"], await start_hosts(self.layers, request["count"])
        self.held += waiting
        await asyncio.sleep(SETTLE_S)
        before = resident_bytes()
        waiting = waiting[::-1]

        async def work() -> None:
            while waiting:
                host = waiting.pop()
                await identified(host, address)

        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(request["concurrency"])))
        elapsed = time.perf_counter() - start
        await asyncio.sleep(SETTLE_S)
        return {
            "count": request["count"],
            "seconds": elapsed,
            "rss_before_bytes": before,
            "rss_after_bytes": resident_bytes(),
        }

    async def release_connections(self, _request: Request) -> Answer:
        """Close what `hold_connections` keeps."""
        while self.held:
            await self.held.pop().close()
        return {}

    async def memory(self, _request: Request) -> Answer:
        """Return the resident memory without garbage."""
        return {"rss_bytes": resident_bytes()}

    async def usage(self, _request: Request) -> Answer:
        """Return the processor time so far."""
        return usage()

    async def answer(self, request: Request) -> Answer:
        """The answer to one command; a failure is an answer, too."""
        command = self.commands.get(request["cmd"])
        if command is None:
            error = f"no command {request['cmd']!r}"
            return {"id": request.get("id"), "ok": False, "error": error, "kind": "bad_command"}
        try:
            result = await command(request)
        except Exception as error:
            return {"id": request.get("id"), "ok": False, "error": f"{type(error).__name__}: {error}", "kind": "other"}
        return {"id": request.get("id"), "ok": True, **result}


async def run(listen: list[str], layers: Layers) -> None:
    """Answer commands until stdin ends."""
    peer = BenchPeer(listen, layers)
    async with peer.host:
        lines = asyncio.StreamReader(limit=2**20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        addresses = [str(address) for address in peer.host.addresses]
        print(json.dumps({"event": "listening", "peer_id": str(peer.host.peer_id), "addresses": addresses}), flush=True)
        async for line in lines:
            print(json.dumps(await peer.answer(json.loads(line))), flush=True)


def names(text: str) -> tuple[str, ...]:
    """Return the names of a comma-separated list."""
    return tuple(text.split(","))


def main() -> None:
    """Run on the loop asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", choices=["stdlib", "uvloop"], default="stdlib")
    parser.add_argument("--listen", action="append", default=[])
    parser.add_argument("--security", type=names, default=Layers.security, help="in order of preference")
    parser.add_argument("--muxer", type=names, default=Layers.muxers, help="in order of preference")
    parser.add_argument("--profile", help="write what cProfile saw to NAME-<layers>.prof at the end")
    options = parser.parse_args()
    layers = Layers(options.security, options.muxer)
    allow_many_files()
    start = asyncio.run
    if options.loop == "uvloop":
        import uvloop

        start = uvloop.run
    if not options.profile:
        start(run(options.listen, layers))
        return
    with cProfile.Profile() as profile:
        start(run(options.listen, layers))
    profile.dump_stats(f"{options.profile}-{layers}.prof")


if __name__ == "__main__":
    main()
