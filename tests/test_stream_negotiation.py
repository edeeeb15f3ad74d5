"""How streams settle their protocol, as users see it, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from aiolibp2p import Host, Stream
from aiolibp2p.errors import (
    NegotiationFailed,
    ProtocolNotSupported,
    StreamReset,
)
from aiolibp2p.events import PeerIdentified
from aiolibp2p.swarm.connections.connection import ConnectionConfig
from aiolibp2p.swarm.stream import Stream as SwarmStream
from stream_pair import echo, pair, turns


@pytest.mark.spec("CONN-26")
@pytest.mark.parametrize("payload", [[b"x"], [bytes(8)], [b"\x05abcde"], [bytes(8), bytes(8)], [bytes(200_000)]])
async def test_a_refusal_comes_with_the_first_read(payload: list[bytes]) -> None:
    async with pair() as (server, client):
        stream = await client.new_stream(server.addresses[0], "/none/1.0.0")
        for part in payload:
            await stream.write(part)
        with pytest.raises(ProtocolNotSupported, match=r"/none/1\.0\.0"):
            await stream.read(1)
        with pytest.raises(ProtocolNotSupported):
            await stream.write(b"y")
        await stream.close()


@pytest.mark.spec("CONN-26")
@pytest.mark.parametrize("words", [b"", b"only written"])
async def test_a_lazy_stream_that_nobody_reads_is_negotiated_all_the_same(words: bytes) -> None:
    async with pair() as (server, client):
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        @server.handler("/hear/1.0.0")
        async def hear(stream: Stream) -> None:
            heard.set_result(await stream.read())

        stream = await client.new_stream(server.addresses[0], "/hear/1.0.0")
        await stream.write(words)
        await stream.close()
        assert await heard == words


@pytest.mark.spec("CONN-27")
@pytest.mark.parametrize(("end", "error"), [("close_write", NegotiationFailed), ("reset_stream", StreamReset)])
async def test_a_peer_that_ends_instead_of_answering(
    end: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair() as (server, client):
        connection = await client.connect(server.addresses[0])
        real = SwarmStream.data_received

        def data_received(stream: SwarmStream, chunk: bytes) -> None:
            if stream.connection.local_peer == server.peer_id:
                getattr(server.connections()[0].session, end)(stream.stream_id)  # type: ignore[attr-defined]
            else:
                real(stream, chunk)

        monkeypatch.setattr(SwarmStream, "data_received", data_received)
        lazy = await client.new_stream(server.peer_id, "/echo/1.0.0")
        await lazy.write(b"x")
        with pytest.raises(error):
            await lazy.read(1)
        with pytest.raises(error):
            await client.new_stream(server.peer_id, "/a/1.0.0", "/b/1.0.0")
        await turns(50)
        assert connection.stream_count == 0


@pytest.mark.spec("CONN-21")
async def test_what_identify_told_speeds_things_up_and_is_not_the_last_word() -> None:
    async with pair() as (server, client):
        told = client.events(PeerIdentified)
        await client.connect(server.addresses[0])
        await anext(told)
        with pytest.raises(ProtocolNotSupported, match="/none"):
            await client.new_stream(server.peer_id, "/none/1.0.0")
        server.set_stream_handler("/late/1.0.0", echo)
        async with await client.new_stream(server.peer_id, "/late/1.0.0") as stream:
            await stream.write(b"a")
            assert await stream.read(1) == b"a"
        server.remove_stream_handler("/echo/1.0.0")
        stream = await client.new_stream(server.peer_id, "/echo/1.0.0")
        with pytest.raises(ProtocolNotSupported):
            await stream.read(1)


@pytest.mark.spec("CONN-13", "CONN-14")
async def test_several_ids_are_settled_before_it_returns() -> None:
    async with pair() as (server, client):
        seen = []

        async def versions(stream: Stream) -> None:
            seen.append(stream.protocol_id)

        server.set_stream_handler("/v/1.0.0", versions, match=lambda protocol_id: protocol_id.startswith("/v/"))
        stream = await client.new_stream(server.addresses[0], "/w/1.0.0", "/v/1.2.0", "/v/1.0.0")
        assert stream.protocol_id == "/v/1.2.0"
        assert await stream.read() == b""
        assert seen == ["/v/1.2.0"]
        with pytest.raises(ProtocolNotSupported, match=r"/w/1\.0\.0 or /w/2\.0\.0"):
            await client.new_stream(server.peer_id, "/w/1.0.0", "/w/2.0.0")


def mute(server: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every stream hang at this host: it never answers a proposal."""
    real = SwarmStream.data_received

    def data_received(stream: SwarmStream, chunk: bytes) -> None:
        if stream.connection.local_peer != server.peer_id:
            real(stream, chunk)

    monkeypatch.setattr(SwarmStream, "data_received", data_received)


@pytest.mark.spec("CONN-28")
async def test_a_negotiation_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ConnectionConfig().negotiation_timeout_s == 10
    async with pair(negotiation_timeout_s=0.1) as (server, client):
        mute(server, monkeypatch)
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await stream.write(b"x")
        with pytest.raises(NegotiationFailed, match=r"within 0\.1 s"):
            await stream.read(1)
        with pytest.raises(NegotiationFailed):
            await client.new_stream(server.peer_id, "/a/1.0.0", "/b/1.0.0")
        lazy = await client.new_stream(server.peer_id, "/echo/1.0.0")
        await lazy.close()
        await lazy.close()
        assert client.connections()[0].stream_count == 0


async def test_who_stops_waiting_leaves_no_stream_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair() as (server, client):
        mute(server, monkeypatch)
        connection = await client.connect(server.addresses[0])
        await turns()
        before = connection.stream_count
        opening = asyncio.ensure_future(client.new_stream(server.peer_id, "/a/1.0.0", "/b/1.0.0"))
        stream = await client.new_stream(server.peer_id, "/echo/1.0.0")
        leaving = asyncio.ensure_future(stream.__aexit__(None, None, None))
        await turns()
        assert connection.stream_count == before + 2
        for task in (opening, leaving):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert connection.stream_count == before


async def test_a_cancelled_close_write_can_be_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair() as (server, client):
        with monkeypatch.context() as patch:
            mute(server, patch)
            stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
            closing = asyncio.ensure_future(stream.close_write())
            await turns()
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
        await stream.write(b"still open")
        stream.reset()
