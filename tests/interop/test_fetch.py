"""Real peers: fetch, by the library and by `p2p fetch`. js alone has it, and runs it at its own defaults."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aiolibp2p import PeerId
from aiolibp2p.errors import StreamReset
from aiolibp2p.protocols.fetch import FETCH_ID, MAX_VALUE_BYTES, Fetch, FetchConfig, FetchFailed
from interop.js_peer import JsPeer
from interop.ours import our_host, within
from interop.peers import Peer, PeerError

pytestmark = [pytest.mark.interop, pytest.mark.parametrize("kind", [pytest.param(JsPeer, id="js")])]

SIZES = [0, 1, 65_536, 1_000_000, MAX_VALUE_BYTES]
ODD_KEYS = ["/interop/ключ/🔑", "/interop/" + "k" * 60_000]


def zeros_and_ones(size: int) -> bytes:
    """The value that every peer has for the key that names this size."""
    return (b"\0\1" * (size // 2 + 1))[:size]


async def interop_values(key: bytes, peer: PeerId) -> bytes | None:
    """Answer keys under /interop/ as interop/README.md has it."""
    name = key.decode().removeprefix("/interop/")
    if name == "error":
        raise StreamReset("asked to fail")
    return zeros_and_ones(int(name)) if name.isdecimal() else None


async def own_key(key: bytes, peer: PeerId) -> bytes | None:
    """Answer each key by itself."""
    return key


def serving() -> Fetch:
    fetch = Fetch()
    fetch.register("/interop/", interop_values)
    fetch.register("/interop/key", own_key)
    return fetch


@pytest.mark.spec("FET-1", "FET-5")
@pytest.mark.parametrize("size", SIZES)
async def test_we_fetch(peer: Peer, size: int) -> None:
    async with our_host(services=[Fetch()]) as host:
        value = await within(20, host.service(Fetch).fetch(peer.address, f"/interop/{size}"))
        assert value == zeros_and_ones(size)


@pytest.mark.spec("FET-1", "FET-5")
@pytest.mark.parametrize("size", SIZES)
async def test_they_fetch(peer: Peer, size: int) -> None:
    async with our_host(services=[serving()]) as host:
        done = await peer.command("fetch", address=str(host.addresses[0]), key=f"/interop/{size}")
        assert done["found"]
        assert (done["bytes"], done["sha256"]) == (size, hashlib.sha256(zeros_and_ones(size)).hexdigest())


@pytest.mark.spec("FET-2", "FET-3", "FET-6")
async def test_we_fetch_what_they_do_not_have(peer: Peer) -> None:
    async with our_host(services=[Fetch()]) as host:
        fetch = host.service(Fetch)
        assert await within(5, fetch.fetch(peer.address, "/interop/nothing")) is None
        with pytest.raises(FetchFailed, match="asked to fail"):
            await within(5, fetch.fetch(peer.address, "/interop/error"))
        with pytest.raises(FetchFailed, match="No lookup function registered for key"):
            await within(5, fetch.fetch(peer.address, "/elsewhere"))
        assert await within(5, fetch.fetch(peer.address, "/interop/1")) == b"\0"
        assert len(host.connections()) == 1


@pytest.mark.spec("FET-2", "FET-3", "FET-6")
async def test_they_fetch_what_we_do_not_have(peer: Peer) -> None:
    async with our_host(services=[serving()]) as host:
        address = str(host.addresses[0])
        for key in ("/interop/nothing", "/elsewhere", ""):
            assert not (await peer.command("fetch", address=address, key=key))["found"]
        with pytest.raises(PeerError, match="Error in fetch protocol response: the lookup failed"):
            await peer.command("fetch", address=address, key="/interop/error")


@pytest.mark.spec("FET-4")
@pytest.mark.parametrize("key", ODD_KEYS, ids=["unicode", "long"])
async def test_keys_of_all_kinds(peer: Peer, key: str) -> None:
    async with our_host(services=[serving()]) as host:
        assert await within(5, host.service(Fetch).fetch(peer.address, key)) is None
        assert not (await peer.command("fetch", address=str(host.addresses[0]), key=key))["found"]


@pytest.mark.spec("FET-4")
async def test_a_key_that_is_no_text(peer: Peer) -> None:
    async with our_host(services=[Fetch()]) as host:
        assert await within(5, host.service(Fetch).fetch(peer.address, b"/interop/key")) == b"/interop/key"
        assert await within(5, host.service(Fetch).fetch(peer.address, b"/interop/\xff\xfe")) is None


@pytest.mark.spec("FET-7")
async def test_we_fetch_much_at_once(peer: Peer) -> None:
    async with our_host(services=[Fetch()]) as host:
        fetch = host.service(Fetch)
        values = await within(20, asyncio.gather(*(fetch.fetch(peer.address, "/interop/999") for _ in range(300))))
        assert values == [zeros_and_ones(999)] * 300


async def test_who_does_not_wait_for_its_turn_is_reset(peer: Peer) -> None:
    async with our_host(services=[Fetch(FetchConfig(outbound_streams_per_peer=300))]) as host:
        await host.identify(peer.address)
        fetch = host.service(Fetch)
        asking = (fetch.fetch(peer.address, "/interop/999") for _ in range(300))
        outcomes = await within(20, asyncio.gather(*asking, return_exceptions=True))
        assert any(isinstance(outcome, StreamReset) for outcome in outcomes)


@pytest.mark.spec("FET-7")
async def test_they_fetch_much_at_once(peer: Peer) -> None:
    async with our_host(services=[serving()]) as host:
        done = await peer.command("fetch", address=str(host.addresses[0]), key="/interop/999", count=30)
        assert done["bytes"] == 999


@pytest.mark.spec("FET-8")
async def test_they_take_nonsense_for_nothing_worse(peer: Peer) -> None:
    async with our_host(services=[Fetch()]) as host:
        stream = await host.new_stream(peer.address, FETCH_ID)
        await stream.write_message(b"\xff\xff")
        with pytest.raises(StreamReset):
            await within(5, stream.read())
        assert await within(5, host.service(Fetch).fetch(peer.address, "/interop/1")) == b"\0"


def p2p(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "aiolibp2p", *arguments]


async def test_the_command_fetches_theirs(peer: Peer) -> None:
    command = p2p("fetch", peer.address, "/interop/5")
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, zeros_and_ones(5), b"")


@asynccontextmanager
async def node_with(key: str, file: Path) -> AsyncIterator[str]:
    """The address of a running `p2p node --fetch`."""
    process = await asyncio.create_subprocess_exec(
        *p2p("node", "--fetch", f"{key}={file}", "--json"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield json.loads(await within(20, process.stdout.readline()))["address"]
    finally:
        process.terminate()
        await process.wait()


async def test_they_fetch_from_the_command(peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_bytes(zeros_and_ones(200_000))
    async with node_with("/file", file) as address:
        done = await peer.command("fetch", address=address, key="/file")
        assert (done["bytes"], done["sha256"]) == (200_000, hashlib.sha256(file.read_bytes()).hexdigest())
        assert not (await peer.command("fetch", address=address, key="/fil"))["found"]
