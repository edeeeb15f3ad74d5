"""A py-libp2p peer for the benchmarks: that part of ../README.md which they use and which it can.

python peer.py [--listen MULTIADDR]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.metadata
import json
import logging
import os
import resource
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
from libp2p.security.noise.transport import Transport as Noise
from multiaddr import Multiaddr

ECHO_ID = "/bench/echo/1.0.0"
PERF_ID = "/perf/1.0.0"
CHUNK_BYTES = 64 * 1024
REQUEST_BYTES = 32
MOST_HELD = 60  # each takes it a quarter of a second

Request = dict[str, Any]
Answer = dict[str, Any]


def make_host() -> Any:
    """A host that knows TCP, noise and yamux."""
    key = create_new_key_pair()
    noise = Noise(libp2p_keypair=key, noise_privkey=create_noise_key_pair().private_key)
    return new_host(key_pair=key, sec_opt={NOISE_ID: noise}, muxer_preference="YAMUX")


async def read(stream: Any, n: int = CHUNK_BYTES) -> bytes:
    """Read `n` bytes at most; nothing at the end of the stream."""
    try:
        return bytes(await stream.read(n))
    except StreamEOF:
        return b""


async def read_exactly(stream: Any, n: int) -> bytes:
    """`n` bytes, or fewer at the end."""
    data = b""
    while len(data) < n and (more := await read(stream, n - len(data))):
        data += more
    return data


async def send_zeros(stream: Any, size: int, chunk: int = CHUNK_BYTES) -> None:
    """Write `size` bytes, `chunk` at a time."""
    zeros = bytes(chunk)
    for _ in range(size // chunk):
        await stream.write(zeros)
    if rest := size % chunk:
        await stream.write(zeros[:rest])


async def exchange(stream: Any) -> None:
    """A request and its echo."""
    payload = os.urandom(REQUEST_BYTES)
    await stream.write(payload)
    if await read_exactly(stream, REQUEST_BYTES) != payload:
        raise ValueError("what came back is not what was sent")


async def serve_echo(stream: Any) -> None:
    """Send back what comes. An error that left a handler would end the whole process."""
    with contextlib.suppress(Exception):
        while data := await read(stream):
            await stream.write(data)
        await stream.close()


async def serve_perf(stream: Any) -> None:
    """Read a size and everything behind it, then send that many bytes."""
    with contextlib.suppress(Exception):
        (size,) = struct.unpack(">Q", await read_exactly(stream, 8))
        while await read(stream):
            pass
        await send_zeros(stream, size)
        await stream.close()


async def race(workers: int, seconds: float, one_round: Callable[[int], Awaitable[None]]) -> Answer:
    """Run rounds on `workers` workers until the time is up."""
    now = time.perf_counter
    latencies: list[float] = []
    start = now()

    async def work(worker: int) -> None:
        began = now()
        while began < start + seconds:
            await one_round(worker)
            ended = now()
            latencies.append(ended - began)
            began = ended

    async with trio.open_nursery() as nursery:
        for worker in range(workers):
            nursery.start_soon(work, worker)
    elapsed = now() - start
    latencies.sort()
    return {
        "count": len(latencies),
        "seconds": elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
    }


def resident_bytes() -> int:
    """Resident memory without garbage."""
    gc.collect()
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


class Peer:
    """A host and the commands that drive it."""

    def __init__(self, host: Any, nursery: trio.Nursery) -> None:
        self.host, self.nursery = host, nursery
        self.released, self.emptied, self.standing = trio.Event(), trio.Event(), 0
        self.commands: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "perf": self.perf,
            "pings_rate": self.pings_rate,
            "bulk_pings_rate": self.bulk_pings_rate,
            "opens_rate": self.opens_rate,
            "dials_rate": self.dials_rate,
            "hold_connections": self.hold_connections,
            "release_connections": self.release_connections,
            "memory": self.memory,
            "usage": self.usage,
        }

    async def target(self, request: Request) -> Any:
        """The peer a command names, connected."""
        info = info_from_p2p_addr(Multiaddr(request["address"]))
        if info.peer_id not in self.host.get_connected_peers():
            await self.host.connect(info)
        return info.peer_id

    async def perf(self, request: Request) -> Answer:
        """Upload, then download, on one stream."""
        stream = await self.host.new_stream(await self.target(request), [PERF_ID])
        upload, download = request["upload_bytes"], request["download_bytes"]
        chunk = request.get("chunk", CHUNK_BYTES)
        start = time.perf_counter()
        await stream.write(struct.pack(">Q", download))
        await send_zeros(stream, upload, chunk)
        await stream.close_write()
        received = len(await read(stream, 1))
        uploaded = time.perf_counter()
        while data := await read(stream):
            received += len(data)
        ended = time.perf_counter()
        if received != download:
            raise ValueError(f"{received} bytes came, not {download}")
        return {
            "upload_bytes": upload,
            "download_bytes": download,
            "chunk": chunk,
            "upload_seconds": uploaded - start,
            "download_seconds": ended - uploaded,
        }

    async def pings_rate(self, request: Request) -> Answer:
        """One request in flight on each of some streams."""
        peer = await self.target(request)
        streams = [await self.host.new_stream(peer, [ECHO_ID]) for _ in range(request.get("streams", 1))]
        for stream in streams:
            await exchange(stream)
        answer = await race(len(streams), request["seconds"], lambda worker: exchange(streams[worker]))
        for stream in streams:
            await stream.close()
        return answer

    async def bulk_pings_rate(self, request: Request) -> Answer:
        """Measure pings on one stream, beside an upload on another."""
        stream = await self.host.new_stream(await self.target(request), [PERF_ID])
        await stream.write(bytes(8))
        sent = 0
        answer: Answer = {}

        async def upload(stopped: trio.Event) -> None:
            nonlocal sent
            while not stopped.is_set():
                await send_zeros(stream, CHUNK_BYTES)
                sent += CHUNK_BYTES

        async with trio.open_nursery() as nursery:
            stopped = trio.Event()
            nursery.start_soon(upload, stopped)
            answer = await self.pings_rate({**request, "streams": 1})
            stopped.set()
        await stream.close_write()
        await read(stream)
        return {**answer, "bulk_bytes": sent}

    async def opens_rate(self, request: Request) -> Answer:
        """Open, request, answer, close."""
        peer = await self.target(request)

        async def one_round(_worker: int) -> None:
            stream = await self.host.new_stream(peer, [ECHO_ID])
            await exchange(stream)
            await stream.close()

        return await race(request["concurrency"], request["seconds"], one_round)

    async def dials_rate(self, request: Request) -> Answer:
        """Dial, upgrade, request, answer, close; each worker has a host of its own."""
        info = info_from_p2p_addr(Multiaddr(request["address"]))
        async with contextlib.AsyncExitStack() as stack:
            hosts = [await stack.enter_async_context(running([])) for _ in range(request["concurrency"])]

            async def one_round(worker: int) -> None:
                host = hosts[worker]
                await host.connect(info)
                stream = await host.new_stream(info.peer_id, [ECHO_ID])
                await exchange(stream)
                await stream.close()
                await host.disconnect(info.peer_id)

            return await race(len(hosts), request["seconds"], one_round)

    async def hold_connections(self, request: Request) -> Answer:
        """Make hosts, then connect each once and keep it; memory before and after. Never more than `MOST_HELD`."""
        info = info_from_p2p_addr(Multiaddr(request["address"]))
        count = min(request["count"], MOST_HELD)
        waiting = [await self.nursery.start(self.stand, self.released) for _ in range(count)]
        await trio.sleep(0.3)
        before = resident_bytes()
        start = time.perf_counter()

        async def work() -> None:
            while waiting:
                await waiting.pop().connect(info)

        async with trio.open_nursery() as nursery:
            for _ in range(request["concurrency"]):
                nursery.start_soon(work)
        elapsed = time.perf_counter() - start
        await trio.sleep(1.0)  # identify runs beside, and nothing tells when it has ended
        after = resident_bytes()
        return {"count": count, "seconds": elapsed, "rss_before_bytes": before, "rss_after_bytes": after}

    async def release_connections(self, _request: Request) -> Answer:
        """Close what `hold_connections` keeps."""
        self.emptied = trio.Event()
        self.released.set()
        self.released = trio.Event()
        if self.standing:
            await self.emptied.wait()
        return {}

    async def stand(self, released: trio.Event, task_status: trio.TaskStatus[Any]) -> None:
        """A host that stays until it is released."""
        self.standing += 1
        async with running([]) as host:
            task_status.started(host)
            await released.wait()
        self.standing -= 1
        if not self.standing:
            self.emptied.set()

    async def memory(self, _request: Request) -> Answer:
        """What is resident without garbage."""
        return {"rss_bytes": resident_bytes()}

    async def usage(self, _request: Request) -> Answer:
        """Processor time so far."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "user_seconds": used.ru_utime,
            "system_seconds": used.ru_stime,
            "max_rss_bytes": used.ru_maxrss * 1024,
        }

    async def answer(self, request: Request) -> Answer:
        """The answer to one command; a failure is an answer, too."""
        command = self.commands.get(request["cmd"])
        if command is None:
            return {"id": request["id"], "ok": False, "error": f"no {request['cmd']}", "kind": "bad_command"}
        try:
            with trio.fail_after(request.get("timeout_ms", 30_000) / 1000):
                return {"id": request["id"], "ok": True, **await command(request)}
        except Exception as error:
            return {"id": request["id"], "ok": False, "error": f"{type(error).__name__}: {error}", "kind": "other"}


@contextlib.asynccontextmanager
async def running(listen: list[Multiaddr]) -> AsyncIterator[Any]:
    """A host, started, that serves what the benchmarks ask for."""
    host = make_host()
    async with host.run(listen_addrs=listen):
        host.set_stream_handler(ECHO_ID, serve_echo)
        host.set_stream_handler(PERF_ID, serve_perf)
        yield host


async def main(listen: list[str]) -> None:
    """Answer commands until stdin ends."""
    async with running([Multiaddr(address) for address in listen]) as host, trio.open_nursery() as nursery:
        peer = Peer(host, nursery)
        own = f"/p2p/{host.get_id()}"
        addresses = [f"{str(address).removesuffix(own)}{own}" for address in host.get_addrs()] if listen else []
        version = importlib.metadata.version("libp2p")
        first = {"event": "listening", "peer_id": str(host.get_id()), "addresses": addresses}
        print(json.dumps(first | {"implementation": f"py-libp2p {version}"}), flush=True)
        async for line in trio.wrap_file(sys.stdin):
            print(json.dumps(await peer.answer(json.loads(line))), flush=True)
        os._exit(0)  # closing takes it longer than anybody wants to wait


if __name__ == "__main__":
    logging.disable()
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", action="append", default=[])
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    trio.run(main, parser.parse_args().listen)
