"""Streams as users see them, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from aiolibp2p import Stream
from aiolibp2p.errors import (
    ConnectionLost,
    IncompleteRead,
    LimitExceeded,
    ProtocolViolation,
    StreamBusy,
    StreamClosed,
    StreamReset,
)
from aiolibp2p.events import PeerDisconnected
from stream_pair import echo, pair, turns

# Reading


async def test_pieces_messages_and_the_end() -> None:
    async with pair() as (server, client):
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await stream.write_message(b"one")
        await stream.write_message(b"")
        await stream.write_message(bytes(300_000))
        assert await stream.read_message() == b"one"
        assert await stream.read_message() == b""
        assert await stream.read_message() == bytes(300_000)
        await stream.write(bytearray(b"abcdef"))
        assert await stream.read(0) == b""
        assert await stream.read_exactly(0) == b""
        assert await stream.read_exactly(2) == b"ab"
        assert await stream.read(3) == b"cde"
        await stream.write(memoryview(b"xyz")[1:])
        await stream.close_write()
        assert [chunk async for chunk in stream][-1][-2:] == b"yz"
        assert await stream.read(1) == await stream.read() == b""


@pytest.mark.spec("XC-2")
async def test_an_end_too_soon_hands_over_what_came() -> None:
    async with pair() as (server, client):
        asks: list[Callable[[Stream], Awaitable[bytes]]] = [lambda s: s.read_exactly(5), lambda s: s.read_message()]
        for ask in asks:
            stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
            await stream.write(b"\x09cut")
            await stream.close_write()
            with pytest.raises(IncompleteRead) as caught:
                await ask(stream)
            assert caught.value.partial == b"\x09cut"
            assert await stream.read() == b""
            with pytest.raises(IncompleteRead) as caught:
                await stream.read_message()
            assert caught.value.partial == b""  # between messages nothing is cut


@pytest.mark.spec("XC-2")
async def test_reads_have_limits() -> None:
    async with pair(max_read_bytes=100_000) as (server, client):
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        with pytest.raises(LimitExceeded, match="max_read_bytes"):
            await stream.read_exactly(100_001)
        await stream.write_message(bytes(2000))
        with pytest.raises(ProtocolViolation, match="over the limit of 1999"):
            await stream.read_message(1999)
        assert len(await stream.read_message(2000)) == 2000
        await stream.write(bytes(100_001))
        await stream.close_write()
        with pytest.raises(LimitExceeded, match="max_read_bytes"):
            await stream.read()
        stream.reset()


async def test_a_cancelled_read_loses_nothing() -> None:
    async with pair() as (server, client):
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        asks: list[Callable[[], Awaitable[bytes]]] = [
            lambda: stream.read_exactly(4),
            stream.read_message,
            lambda: stream.read(4),
        ]
        for ask in asks:
            reader = asyncio.ensure_future(ask())
            await turns()
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            await stream.write(b"\x03")
            partial = asyncio.ensure_future(stream.read_exactly(4))
            await client.ping(server.peer_id)
            partial.cancel()
            await asyncio.wait([partial])
            await stream.write(b"abc")
            assert await stream.read_message() == b"abc"
        await stream.close()


async def test_one_reader_and_one_writer_at_a_time() -> None:
    async with pair() as (server, client):
        stream = await client.new_stream(server.addresses[0], "/hold/1.0.0")
        assert await stream.read(1) == b"!"
        reader = asyncio.ensure_future(stream.read(1))
        writer = asyncio.ensure_future(stream.write(bytes(10_000_000)))
        await turns()
        asks: list[Callable[[], Awaitable[object]]] = [
            lambda: stream.read(1),
            stream.read,
            lambda: stream.read_exactly(1),
            stream.read_message,
            lambda: stream.write(b"x"),
            lambda: stream.write_message(b"x"),
            stream.close_write,
        ]
        for ask in asks:
            with pytest.raises(StreamBusy):
                await ask()
        stream.reset()
        for task in (reader, writer):
            with pytest.raises(StreamClosed):
                await task


# Writing


@pytest.mark.spec("CONN-11")
async def test_a_reader_that_waits_makes_the_writer_wait() -> None:
    async with pair() as (server, client):
        go = asyncio.Event()
        whole = bytes(range(256)) * 20_000

        @server.handler("/slow/1.0.0")
        async def slow(stream: Stream) -> None:
            await go.wait()
            await stream.write(b"whole" if await stream.read() == whole else b"spoilt")

        @server.handler("/quick/1.0.0")
        async def quick(stream: Stream) -> None:
            while await stream.read(65536):
                pass

        writer = asyncio.ensure_future((await client.new_stream(server.addresses[0], "/quick/1.0.0")).write(whole))
        pings = 10
        while not writer.done():
            await client.ping(server.peer_id)
            pings += 1
        stream = await client.new_stream(server.addresses[0], "/slow/1.0.0")
        writer = asyncio.ensure_future(stream.write(whole))
        for _ in range(3 * pings):
            await client.ping(server.peer_id)
        assert not writer.done()
        go.set()
        await writer
        await stream.close_write()
        assert await stream.read() == b"whole"


async def test_a_cancelled_write_that_sent_a_part_resets() -> None:
    async with pair() as (server, client):
        outcome = asyncio.get_running_loop().create_future()
        go = asyncio.Event()

        @server.handler("/never/1.0.0")
        async def never(stream: Stream) -> None:
            await go.wait()
            try:
                await stream.read()
            except StreamReset as error:
                outcome.set_result(error)

        stream = await client.new_stream(server.addresses[0], "/never/1.0.0")
        writer = asyncio.ensure_future(stream.write(bytes(10_000_000)))
        await client.ping(server.peer_id)
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer
        go.set()
        assert isinstance(await outcome, StreamReset)
        with pytest.raises(StreamClosed):
            await stream.write(b"x")


@pytest.mark.spec("CONN-10")
async def test_each_direction_ends_alone() -> None:
    async with pair() as (server, client):

        @server.handler("/half/1.0.0")
        async def half(stream: Stream) -> None:
            await stream.write(b"first")
            await stream.close_write()
            heard.set_result(await stream.read())

        heard = asyncio.get_running_loop().create_future()
        stream = await client.new_stream(server.addresses[0], "/half/1.0.0")
        await stream.write(b"a")
        assert await stream.read() == b"first"
        await stream.write(b"b")
        await stream.close_write()
        assert await heard == b"ab"


# Ends


async def test_closing_twice_is_closing_once() -> None:
    async with pair() as (server, client):
        stream = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await stream.write(b"a")
        await stream.close_write()
        await stream.close_write()
        with pytest.raises(StreamClosed):
            await stream.write(b"b")
        assert await stream.read() == b"a"
        await stream.close()
        await stream.close()
        stream.reset()
        stream.reset()
        await stream.close_write()
        for ask in (lambda: stream.read(1), stream.read_message, lambda: stream.write(b"x")):
            with pytest.raises(StreamClosed):
                await ask()


async def test_leaving_the_block_closes_and_an_error_resets() -> None:
    async with pair() as (server, client):
        ends: asyncio.Queue[bytes | StreamReset] = asyncio.Queue(2)

        @server.handler("/end/1.0.0")
        async def end(stream: Stream) -> None:
            await stream.write(b"!")
            try:
                ends.put_nowait(await stream.read())
            except StreamReset as error:
                ends.put_nowait(error)

        async with await client.new_stream(server.addresses[0], "/end/1.0.0") as stream:
            await stream.write(b"a")
        assert await ends.get() == b"a"
        stream = await client.new_stream(server.addresses[0], "/end/1.0.0")
        assert await stream.read(1) == b"!"
        with pytest.raises(ZeroDivisionError):
            async with stream:
                raise ZeroDivisionError
        assert isinstance(await ends.get(), StreamReset)


async def test_a_reset_frees_a_writer_that_the_transport_holds() -> None:
    async with pair() as (server, client):
        stream = await client.new_stream(server.addresses[0], "/hold/1.0.0")
        assert await stream.read(1) == b"!"
        client.connections()[0].flow.pause_writing()  # type: ignore[attr-defined]
        writer = asyncio.ensure_future(stream.write(b"x"))
        await turns()
        assert not writer.done()
        stream.reset()
        with pytest.raises(StreamClosed):
            await writer


async def test_a_reset_from_afar_ends_reader_and_writer() -> None:
    async with pair() as (server, client):

        @server.handler("/reset/1.0.0")
        async def reset(stream: Stream) -> None:
            await stream.read_exactly(1)
            stream.reset()

        stream = await client.new_stream(server.addresses[0], "/reset/1.0.0")
        reader = asyncio.ensure_future(stream.read())
        writer = asyncio.ensure_future(stream.write(bytes(10_000_000)))
        for task in (reader, writer):
            with pytest.raises(StreamReset):
                await task
        with pytest.raises(StreamReset):
            await stream.read(1)
        await stream.close()


async def test_a_vanished_peer_ends_its_streams() -> None:
    async with pair() as (server, client):
        gone = client.events(PeerDisconnected)
        stream = await client.new_stream(server.addresses[0], "/hold/1.0.0")
        assert await stream.read(1) == b"!"
        reader = asyncio.ensure_future(stream.read())
        writer = asyncio.ensure_future(stream.write(bytes(10_000_000)))
        await turns()
        server.connections()[0].flow.abort(ConnectionError("pulled"))  # type: ignore[attr-defined]
        assert (await anext(gone)).peer == server.peer_id
        for task in (reader, writer):
            with pytest.raises((StreamReset, ConnectionLost)):
                await task
        assert client.statistics().streams == client.statistics().connections == 0


async def test_a_failing_handler_costs_only_its_stream(caplog: pytest.LogCaptureFixture) -> None:
    async with pair() as (server, client):

        @server.handler("/fail/1.0.0")
        async def fail(stream: Stream) -> None:
            await stream.read(1)
            raise RuntimeError("of the test")

        good = await client.new_stream(server.addresses[0], "/echo/1.0.0")
        await good.write(b"a")
        assert await good.read_exactly(1) == b"a"
        bad = await client.new_stream(server.peer_id, "/fail/1.0.0")
        await bad.write(b"x")
        with caplog.at_level(logging.INFO), pytest.raises(StreamReset):
            await bad.read()
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "of the test" in caplog.text
        await good.write(b"b")
        assert await good.read_exactly(1) == b"b"


async def test_a_failing_match_function_costs_only_its_stream(caplog: pytest.LogCaptureFixture) -> None:
    async with pair() as (server, client):
        server.set_stream_handler("/m/1.0.0", echo, match=lambda protocol_id: bool(1 / 0))
        connection = await client.connect(server.addresses[0])
        stream = await client.new_stream(server.peer_id, "/other/1.0.0")
        with caplog.at_level(logging.INFO), pytest.raises(StreamReset):
            await stream.read(1)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert await client.ping(server.peer_id) > 0
        assert client.connections() == [connection]


async def test_asyncio_streams_look_alike() -> None:
    async with pair() as (server, client):

        @server.handler("/lines/1.0.0")
        async def lines(stream: Stream) -> None:
            reader, writer = stream.as_asyncio()
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()
            await writer.wait_closed()

        reader, writer = (await client.new_stream(server.addresses[0], "/lines/1.0.0")).as_asyncio()
        writer.writelines([b"hello\n", b"you\n"])
        await writer.drain()
        assert await reader.readline() == b"HELLO\n"
        writer.write(b"x" * 10_000 + b"\n")
        writer.write_eof()
        assert await reader.read() == b"YOU\n" + b"X" * 10_000 + b"\n"
        writer.close()
        await writer.wait_closed()
