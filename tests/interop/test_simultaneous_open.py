"""Simultaneous open with go-multistream 0.4.1, which still knew it: both roles, and its listener."""

from __future__ import annotations

import asyncio
import json
import os
import random
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aiolibp2p.abc.layers.roles import Role
from aiolibp2p.multistream import MAX_NUMBER, AgreedInRole, SimultaneousOpen
from interop.builds import SOURCES, ToolchainMissing
from interop.go_peer import go_program

pytestmark = pytest.mark.interop

PATIENCE_S = 10.0


@asynccontextmanager
async def go_multistream(*arguments: str) -> AsyncIterator[tuple[Process, int]]:
    """The process, and the port it listens on."""
    try:
        program = await asyncio.to_thread(go_program, SOURCES / "go-multistream")
    except ToolchainMissing as missing:
        if os.environ.get("INTEROP") == "require":
            pytest.fail(f"INTEROP=require, but {missing}")
        pytest.skip(str(missing))
    process = await asyncio.create_subprocess_exec(program, *arguments, stdout=PIPE)
    try:
        yield process, int(await read_line(process))
    finally:
        process.kill()
        await process.communicate()


async def read_line(process: Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        return await process.stdout.readline()


async def negotiate(port: int, number: int, source: random.Random) -> AgreedInRole:
    """Agree over a connection read in pieces; what each side sends behind the agreement reaches the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    machine = SimultaneousOpen(["/a", "/b"], lambda: number)
    writer.write(machine.start().to_send)
    async with asyncio.timeout(PATIENCE_S):
        while not (output := machine.receive_data(await reader.read(source.choice((1, 3, 1000))))).events:
            writer.write(output.to_send)
        writer.write(output.to_send + b"hello")
        assert output.trailing + await reader.read() == b"payload"
    writer.close()
    await writer.wait_closed()
    return output.events[0]


async def outcome(process: Process) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await read_line(process))
    return found


@pytest.mark.timeout(300)  # the first run builds the program
@pytest.mark.spec("SIMO-2", "SIMO-3", "SIMO-4")
async def test_go_dialled_too() -> None:
    source = random.Random(1)
    roles = []
    async with go_multistream() as (process, port):
        for number in (0, MAX_NUMBER, *(source.getrandbits(64) for _ in range(20))):
            ours = await negotiate(port, number, source)
            assert await outcome(process) == {
                "protocol": "/b",
                "is_responder": ours.role is Role.INITIATOR,
                "error": "",
                "heard": "hello",
            }
            assert ours.protocol_id == "/b"
            roles.append(ours.role)
    assert roles[:2] == [Role.RESPONDER, Role.INITIATOR]


@pytest.mark.timeout(300)
@pytest.mark.spec("SIMO-1")
async def test_go_listened() -> None:
    async with go_multistream("responder") as (process, port):
        assert await negotiate(port, 0, random.Random(1)) == AgreedInRole("/b", Role.INITIATOR)
        assert await outcome(process) == {"protocol": "/b", "is_responder": True, "error": "", "heard": "hello"}
