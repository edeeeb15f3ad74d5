"""Fixtures of the interop tests. Without a peer's toolchain its tests skip, or fail with INTEROP=require."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from interop.builds import BuildFailed, ToolchainMissing
from interop.peers import GoPeer, Peer, StartPeer

PEERS: dict[str, type[Peer]] = {"start_go": GoPeer}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the collected tests need now, where no test's time limit counts."""
    if session.config.option.collectonly:
        return
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for fixture, kind in PEERS.items():
        if fixture in wanted:
            with suppress(ToolchainMissing, BuildFailed):  # each test says so by itself
                kind.program()


async def _starting(kind: type[Peer]) -> AsyncIterator[StartPeer]:
    try:
        kind.program()
    except ToolchainMissing as missing:
        if os.environ.get("INTEROP") == "require":
            pytest.fail(f"INTEROP=require, but {missing}")
        pytest.skip(str(missing))
    async with AsyncExitStack() as running:

        async def start(**settings: Any) -> Peer:
            return await running.enter_async_context(kind(**settings))

        yield start


@pytest.fixture
async def start_go() -> AsyncIterator[StartPeer]:
    """`await start_go(key="rsa")`: go peers that end with the test."""
    async for start in _starting(GoPeer):
        yield start


@pytest.fixture
async def go_peer(start_go: StartPeer) -> Peer:
    """A go peer with the usual settings: Ed25519, noise, yamux, one TCP address on 127.0.0.1."""
    return await start_go()
