"""Real peers: perf, by the library and by `p2p perf`."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aiolibp2p.protocols.perf import MAX_SIZE_BYTES, PERF_ID, Perf
from interop.ours import our_host, within
from interop.peers import Peer

pytestmark = pytest.mark.interop

MEBIBYTE = 1024 * 1024
SIZES = [(0, 0), (1, 0), (0, 1), (MEBIBYTE + 1, 3 * MEBIBYTE + 5), (8 * MEBIBYTE, 8 * MEBIBYTE)]


def p2p_perf(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "aiolibp2p", "perf", *arguments]


@pytest.mark.spec("PRF-1", "PRF-2", "PRF-4", "PRF-7")
@pytest.mark.parametrize(("upload", "download"), SIZES)
async def test_we_measure(peer: Peer, upload: int, download: int) -> None:
    async with our_host(services=[Perf()]) as host:
        result = await within(20, host.service(Perf).measure(peer.address, upload, download))
        assert (result.uploaded_bytes, result.downloaded_bytes) == (upload, download)


@pytest.mark.spec("PRF-1", "PRF-2", "PRF-4", "PRF-7")
@pytest.mark.parametrize(("upload", "download"), SIZES)
async def test_they_measure(peer: Peer, upload: int, download: int) -> None:
    async with our_host(services=[Perf()]) as host:
        address = str(host.addresses[0])
        done = await peer.command("perf", address=address, upload_bytes=upload, download_bytes=download)
        assert (done["upload_bytes"], done["download_bytes"]) == (upload, download)


@pytest.mark.spec("PRF-1", "PRF-7", "PRF-8")
async def test_a_timed_download_ends_and_the_connection_goes_on(peer: Peer) -> None:
    async with our_host(services=[Perf()]) as host:
        perf = host.service(Perf)
        result = await within(20, perf.measure(peer.address, 0, MAX_SIZE_BYTES, duration_s=0.2))
        assert MEBIBYTE < result.downloaded_bytes < MAX_SIZE_BYTES
        again = await within(20, perf.measure(peer.address, 1, 1))
        assert again.downloaded_bytes == 1
        assert len(host.connections()) == 1


@pytest.mark.spec("PRF-2", "PRF-3")
async def test_they_send_nothing_before_all_has_come(peer: Peer) -> None:
    async with our_host() as host:
        stream = await host.new_stream(peer.address, PERF_ID)
        await stream.write((5).to_bytes(8, "big") + b"some")
        reading = asyncio.ensure_future(stream.read(100))
        await host.ping(peer.address)
        await host.ping(peer.address)
        assert not reading.done()
        await stream.close_write()
        assert await within(5, reading) == bytes(5)


async def test_the_command_measures_them(peer: Peer) -> None:
    host, port = peer.address.split("/")[2], peer.address.split("/")[4]
    sizes = ("--upload-bytes", "5MB", "--download-bytes", "3MB")
    done = await asyncio.to_thread(
        subprocess.run,
        p2p_perf("--server-address", f"{host}:{port}", "--transport", "tcp", *sizes),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    final = json.loads(done.stdout.splitlines()[-1])
    assert (final["type"], final["uploadBytes"], final["downloadBytes"]) == ("final", 5_000_000, 3_000_000)


@asynccontextmanager
async def command_serving() -> AsyncIterator[str]:
    """The address of a running `p2p perf --run-server`."""
    process = await asyncio.create_subprocess_exec(
        *p2p_perf("--run-server", "--server-address", "127.0.0.1:0", "--json"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield json.loads(await within(20, process.stdout.readline()))["address"]
    finally:
        process.terminate()
        await process.wait()


async def test_they_measure_the_command(peer: Peer) -> None:
    async with command_serving() as address:
        done = await peer.command("perf", address=address, upload_bytes=5 * MEBIBYTE, download_bytes=3 * MEBIBYTE)
        assert (done["upload_bytes"], done["download_bytes"]) == (5 * MEBIBYTE, 3 * MEBIBYTE)
