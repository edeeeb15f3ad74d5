"""A server that echoes or holds, and a client with limits of its own, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiolibp2p import Host, Limits, Stream
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.connections.connection import ConnectionConfig

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def hold(stream: Stream) -> None:
    """Send a byte, then neither read nor write."""
    await stream.write(b"!")
    await asyncio.get_running_loop().create_future()


@asynccontextmanager
async def pair(**connection: float) -> AsyncIterator[tuple[Host, Host]]:
    """A server that echoes or holds, and a client with these limits, within ten seconds."""
    limits = Limits(swarm=SwarmConfig(connection=ConnectionConfig(**connection)))  # type: ignore[arg-type]
    async with asyncio.timeout(10), Host(listen=LOOPBACK) as server, Host(limits=limits) as client:
        server.set_stream_handler("/echo/1.0.0", echo)
        server.set_stream_handler("/hold/1.0.0", hold)
        yield server, client


async def turns(count: int = 10) -> None:
    """Let everybody else run for a while."""
    for _ in range(count):
        await asyncio.sleep(0)
