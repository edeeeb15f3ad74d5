"""A peer of this library for the benches: the part of interop/README.md's JSON lines that they use.

python -m bench.ours --loop stdlib|uvloop [--listen MULTIADDR] [--profile FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiolibp2p import Host, Limits, PeerId, Stream
from aiolibp2p.muxers.yamux import YamuxConfig
from aiolibp2p.protocols.perf import Perf
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connection import ConnectionConfig
from bench.process_usage import usage

ECHO_ID = "/bench/echo/1.0.0"
CHUNK_BYTES = 64 * 1024
REQUEST_BYTES = 32
MANY = 1_000_000

UNLIMITED = Limits(
    swarm=SwarmConfig(connection=ConnectionConfig(max_running_handlers=MANY)),
    yamux=YamuxConfig(max_inbound_streams=MANY),
)
"""Limits must not be what a bench measures. Windows stay as they are: they are a part of what it measures."""

Request = dict[str, Any]
Answer = dict[str, Any]


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
    """Rounds on so many workers until the time is up."""
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


class BenchPeer:
    """A host and the commands that drive it."""

    def __init__(self, listen: list[str]) -> None:
        self.host = Host(listen=listen, limits=UNLIMITED, services=[Perf()])
        self.host.set_stream_handler(ECHO_ID, serve_echo)
        self.commands: dict[str, Callable[[Request], Coroutine[Any, Any, Answer]]] = {
            "perf": self.perf,
            "pings_rate": self.pings_rate,
            "opens_rate": self.opens_rate,
            "dials_rate": self.dials_rate,
            "usage": self.usage,
        }

    async def target(self, request: Request) -> PeerId:
        """The peer a command names, connected and identified."""
        connection = await self.host.connect(request["address"])
        if self.host.peerstore.protocols(connection.remote_peer) is None:
            await self.host.identify(connection.remote_peer)
        return connection.remote_peer

    async def perf(self, request: Request) -> Answer:
        """Upload, then download, on one stream."""
        upload, download = request["upload_bytes"], request["download_bytes"]
        result = await self.host.service(Perf).measure(await self.target(request), upload, download)
        return {
            "upload_bytes": result.uploaded_bytes,
            "download_bytes": result.downloaded_bytes,
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
        hosts = [Host(limits=UNLIMITED) for _ in range(request["concurrency"])]
        for host in hosts:
            await host.start()

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

    async def usage(self, _request: Request) -> Answer:
        """Processor time so far."""
        return usage()

    async def answer(self, request: Request) -> Answer:
        """The answer to one command; a failure is an answer, too."""
        try:
            result = await self.commands[request["cmd"]](request)
        except Exception as error:
            return {"id": request.get("id"), "ok": False, "error": f"{type(error).__name__}: {error}", "kind": "other"}
        return {"id": request.get("id"), "ok": True, **result}


async def run(listen: list[str]) -> None:
    """Answer commands until stdin ends."""
    peer = BenchPeer(listen)
    async with peer.host:
        lines = asyncio.StreamReader(limit=2**20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        addresses = [str(address) for address in peer.host.addresses]
        print(json.dumps({"event": "listening", "peer_id": str(peer.host.peer_id), "addresses": addresses}), flush=True)
        async for line in lines:
            print(json.dumps(await peer.answer(json.loads(line))), flush=True)


def main() -> None:
    """Run on the loop asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", choices=["stdlib", "uvloop"], default="stdlib")
    parser.add_argument("--listen", action="append", default=[])
    parser.add_argument("--profile", help="write what cProfile saw to this file at the end")
    options = parser.parse_args()
    start = asyncio.run
    if options.loop == "uvloop":
        import uvloop

        start = uvloop.run
    if not options.profile:
        start(run(options.listen))
        return
    with cProfile.Profile() as profile:
        start(run(options.listen))
    profile.dump_stats(options.profile)


if __name__ == "__main__":
    main()
