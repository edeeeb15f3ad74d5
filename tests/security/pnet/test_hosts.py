"""Real hosts on loopback: members talk, everybody else hears noise and is told why."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from aiolibp2p import Host, HostConfig, Limits, Multiaddr, PreSharedKey, Stream
from aiolibp2p.assembly import assemble
from aiolibp2p.errors import ConfigError, DialFailed, HandshakeFailed
from aiolibp2p.security.pnet import NONCE_BYTES
from aiolibp2p.security.pnet.connection import ProtectedConnection
from aiolibp2p.security.pnet.xsalsa20 import XSalsa20
from aiolibp2p.swarm import SwarmConfig
from aiolibp2p.swarm.upgrade.upgrader import UpgraderConfig

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]
KEY, OTHER = PreSharedKey(bytes(range(32))), PreSharedKey(bytes(32))
NOT_A_MEMBER = "the peer is not in this private network, or has another key"
ECHO = "/echo/1.0.0"
HURRIED = Limits(swarm=SwarmConfig(upgrade=UpgraderConfig(timeout_s=0.5)))
"""Limits under which the deadline comes soon, for cases where only it tells."""


async def echo(stream: Stream) -> None:
    async for chunk in stream:
        await stream.write(chunk)


async def exchange(client: Host, server: Host, size: int) -> None:
    server.set_stream_handler(ECHO, echo)
    async with await client.new_stream(server.addresses[0], ECHO) as stream:
        sent = bytes(range(256)) * (size // 256)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stream.write(sent))
            assert await stream.read_exactly(len(sent)) == sent


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """The port where something else than a host listens. At the end its connections have ended, too."""
    tasks: list[asyncio.Task[None]] = []

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await handler(reader, writer)
        await hang_up(writer)

    server = await asyncio.start_server(run, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def port_of(host: Host) -> int:
    return int(str(host.addresses[0]).split("/")[4])


class Tap:
    """Forwards one connection to a host, and keeps what passes each way."""

    def __init__(self, target: Host) -> None:
        self._target = target
        self.there, self.back = bytearray(), bytearray()

    async def __aenter__(self) -> Tap:
        self._listening = listening(self._forward)
        self.address = Multiaddr(f"/ip4/127.0.0.1/tcp/{await self._listening.__aenter__()}/p2p/{self._target.peer_id}")
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._listening.__aexit__(*error)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port_of(self._target))
        await asyncio.gather(_copy(reader, far_writer, self.there), _copy(far_reader, writer, self.back))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            kept += data
            writer.write(data)
            await writer.drain()
    await hang_up(writer)


@pytest.mark.spec("PNT-7")
@pytest.mark.parametrize("security", ["noise", "tls"])
@pytest.mark.parametrize("muxer", ["yamux", "mplex"])
async def test_members_talk(security: str, muxer: str, tmp_path: Path) -> None:
    """One has the key, the other its file; identities are proven above it as everywhere."""
    KEY.save(tmp_path / "swarm.key")
    async with (
        Host(listen=LOOPBACK, psk=KEY, security=[security], muxers=[muxer]) as server,
        Host(psk=tmp_path / "swarm.key", security=[security], muxers=[muxer]) as client,
    ):
        await exchange(client, server, 4 << 20)
        (connection,) = client.connections()
        assert security in connection.security
        assert muxer in connection.muxer
        assert (await client.identify(server.peer_id)).peer_id == server.peer_id


@pytest.mark.spec("PNT-2", "PNT-4")
async def test_what_passes_is_a_nonce_and_noise() -> None:
    """Opened with the key it is what it always was; without it nothing of a higher layer is to be seen."""
    async with Host(listen=LOOPBACK, psk=KEY) as server, Host(psk=KEY) as client, Tap(server) as tap:
        await client.connect(tap.address)
        for passed in (bytes(tap.there), bytes(tap.back)):
            assert b"multistream" not in passed
            assert b"noise" not in passed
            opened = XSalsa20(KEY.reveal(), passed[:NONCE_BYTES]).apply(passed[NONCE_BYTES:])
            assert opened.startswith(b"\x13/multistream/1.0.0\n\x07/noise\n")
        assert tap.there[:NONCE_BYTES] != tap.back[:NONCE_BYTES]
        await client.disconnect(server.peer_id)


@pytest.mark.spec("PNT-4", "PNT-5")
@pytest.mark.parametrize(
    ("server_key", "client_key"),
    [(KEY, OTHER), (KEY, None), (None, KEY)],
    ids=["another-key", "a-member-from-outside", "outside-from-a-member"],
)
async def test_nobody_else_connects(server_key: PreSharedKey | None, client_key: PreSharedKey | None) -> None:
    async with (
        Host(listen=LOOPBACK, psk=server_key, limits=HURRIED) as server,
        Host(psk=client_key, limits=HURRIED) as client,
    ):
        server.set_stream_handler(ECHO, echo)
        with pytest.raises(DialFailed) as caught:
            await client.new_stream(server.addresses[0], ECHO)
        assert not client.connections()
        assert not server.connections()
        assert "not set up within" not in str(caught.value), "noise is told from libp2p by its first bytes"
        if client_key is not None:
            ((_, reason),) = caught.value.attempts
            assert isinstance(reason, HandshakeFailed)
            assert NOT_A_MEMBER in str(caught.value)


@pytest.mark.spec("PNT-4", "PNT-5")
@pytest.mark.parametrize("key", [OTHER, None], ids=["another-key", "no-key"])
async def test_nothing_of_a_member_is_to_be_read_outside(key: PreSharedKey | None) -> None:
    """An outsider reads nothing of a member, as dialer or listener, whatever it says itself."""
    async with Host(listen=LOOPBACK, psk=KEY, limits=HURRIED) as member, Host(psk=key, limits=HURRIED) as outsider:
        async with Tap(member) as tap:
            with pytest.raises(DialFailed):
                await outsider.connect(tap.address)
        said = bytes(tap.back)
        if key is not None:
            said += XSalsa20(key.reveal(), said[:NONCE_BYTES]).apply(said[NONCE_BYTES:])
        assert b"/multistream" not in said
        assert member.peer_id.to_bytes() not in said
    async with (
        Host(listen=LOOPBACK, psk=key, limits=HURRIED) as outsider,
        Host(psk=KEY, limits=HURRIED) as member,
        Tap(outsider) as tap,
    ):
        with pytest.raises(DialFailed, match=NOT_A_MEMBER):
            await member.connect(tap.address)
        said = bytes(tap.there)
        if key is not None:
            said += XSalsa20(key.reveal(), said[:NONCE_BYTES]).apply(said[NONCE_BYTES:])
        assert b"/multistream" not in said
        assert member.peer_id.to_bytes() not in said


@pytest.mark.spec("PNT-10")
async def test_a_nonce_that_trickles_in() -> None:
    """A member that sends its bytes one at a time, and its nonce only after it has ours."""
    async with Host(listen=LOOPBACK, psk=KEY) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        theirs = await reader.readexactly(NONCE_BYTES)
        ours = bytes(reversed(range(NONCE_BYTES)))
        sealed = XSalsa20(KEY.reveal(), ours).apply(b"\x13/multistream/1.0.0\n\x03ls\n\x07/noise\n")
        for byte in ours + sealed:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        heard = XSalsa20(KEY.reveal(), theirs)
        said = b""
        async with asyncio.timeout(5):
            while b"/noise\n" not in said:
                said += heard.apply(await reader.read(1000))
        assert said.startswith(b"\x13/multistream/1.0.0\n")
        await hang_up(writer)


@pytest.mark.spec("PNT-10")
async def test_a_peer_that_never_ends_its_nonce_is_given_up() -> None:
    async with Host(listen=LOOPBACK, psk=KEY, limits=HURRIED) as server, Host(psk=KEY, limits=HURRIED) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(bytes(NONCE_BYTES - 1))
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        await hang_up(writer)

        async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"short")
            await reader.read()

        async with listening(trickle) as port:
            with pytest.raises(DialFailed, match=NOT_A_MEMBER):
                await client.connect(f"/ip4/127.0.0.1/tcp/{port}")


async def test_a_mirror_does_not_connect() -> None:
    async def reflect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _copy(reader, writer, bytearray())

    async with listening(reflect) as port, Host(psk=KEY) as client:
        with pytest.raises(DialFailed, match=NOT_A_MEMBER):
            await client.connect(f"/ip4/127.0.0.1/tcp/{port}")


@pytest.mark.spec("PNT-6")
def test_a_private_network_can_be_demanded() -> None:
    with pytest.raises(ConfigError, match="a private network is demanded"):
        Host(require_psk=True)
    assemble(HostConfig(require_psk=True, psk=KEY))


class Secured:
    """A transport whose connections come secured, as QUIC's do."""

    name = "quic"
    secures = True

    async def dial(self) -> None:
        raise AssertionError("never dialled")


@pytest.mark.spec("PNT-9")
def test_what_comes_secured_cannot_be_private() -> None:
    with pytest.raises(ConfigError, match="cannot protect connections by quic"):
        Host(psk=KEY, transports=[Secured()])  # type: ignore[list-item]


async def test_a_dead_connection_leaves_nothing_to_the_collector() -> None:
    async with Host(listen=LOOPBACK, psk=KEY) as server, Host(psk=KEY) as client:
        await exchange(client, server, 1024)
        await client.identify(server.peer_id)
        gc.collect()
        before = alive()
        gc.disable()
        try:
            await client.disconnect(server.peer_id)
            await fewer_than(before - 1)
        finally:
            gc.enable()


async def fewer_than(count: int) -> None:
    async with asyncio.timeout(5):
        while alive() >= count:
            await asyncio.sleep(0)


def alive() -> int:
    return sum(isinstance(one, ProtectedConnection) for one in gc.get_objects())
