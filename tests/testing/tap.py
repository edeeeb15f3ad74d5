"""A tap on a TCP line: everything passes through, and something may be put in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiolibp2p import Multiaddr

CHUNK_BYTES = 64 * 1024


class Tap:
    """Listens at `address` for one connection, and passes it on."""

    def __init__(self, host: str, port: int) -> None:
        self.address = ""
        self._target = host, port
        self._to_client: asyncio.StreamWriter | None = None
        self._to_server: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other, self._to_server = await asyncio.open_connection(*self._target)
        self._to_client = writer
        await asyncio.gather(pass_on(reader, self._to_server), pass_on(other, writer))

    def put_in(self, data: bytes, to_server: bool) -> None:
        """Put bytes into the line, towards the server or the client."""
        writer = self._to_server if to_server else self._to_client
        assert writer is not None
        writer.write(data)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()


@asynccontextmanager
async def tapped(address: Multiaddr) -> AsyncIterator[Tap]:
    """A tap on the line to `address`, which is a TCP one with a peer id."""
    _, _, host, _, port, _, peer = str(address).split("/")
    tap = Tap(host, int(port))
    server = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    async with server:
        tap.address = f"/ip4/127.0.0.1/tcp/{server.sockets[0].getsockname()[1]}/p2p/{peer}"
        yield tap
