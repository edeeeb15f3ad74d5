"""Fixtures of the interop tests. Without a peer's toolchain its tests skip, or fail with INTEROP=require."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from interop.builds import BuildFailed, ToolchainMissing
from interop.kinds import KINDS
from interop.peers import Peer, StartPeer
from interop.table import PAGE, Outcomes, tell_cell

FAILED: dict[type[Peer], Exception] = {}
"""Peers that could not be built: each of their tests says so, and none tries again."""


OUTCOMES = Outcomes()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `make interop`, only where this folder is what pytest was called for."""
    parser.addoption(
        "--interop-table", action="store_true", help="print the table of layers, and write docs/interop.md"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have the report say which cell of the table it is about."""
    report = yield
    tell_cell(item, report)
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what came of each cell: here come the reports of all processes that share the tests."""
    OUTCOMES.record(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, if it was asked for; write the page only if no cell is missing."""
    if not config.getoption("--interop-table", False) or not OUTCOMES.passed:
        return
    terminalreporter.section("interop")
    for line in OUTCOMES.table():
        terminalreporter.write_line(line)
    if OUTCOMES.is_whole:
        PAGE.write_text(OUTCOMES.page(), encoding="utf-8")
        terminalreporter.write_line(f"wrote {PAGE.relative_to(config.rootpath)}")
    else:
        terminalreporter.write_line("not all cells were tested: docs/interop.md stays as it is")


def build(kind: type[Peer]) -> None:
    """Build a peer. Raises ToolchainMissing, BuildFailed."""
    if kind in FAILED:
        raise FAILED[kind]
    try:
        kind.program()
    except (ToolchainMissing, BuildFailed) as reason:
        FAILED[kind] = reason
        raise


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the collected tests need now, where no test's time limit counts."""
    if session.config.option.collectonly:
        return
    cases = [item.callspec.params for item in session.items if hasattr(item, "callspec")]
    kinds = [params["kind"] for params in cases if "kind" in params]
    wanted = dict.fromkeys(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Peer))
    with session.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        for kind in wanted:
            with suppress(ToolchainMissing, BuildFailed):  # each test says so by itself
                build(kind)


@pytest.fixture(params=[pytest.param(kind, id=kind.name) for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> type[Peer]:
    """Which implementation the test runs with."""
    chosen: type[Peer] = request.param
    return chosen


@pytest.fixture
async def start_peer(kind: type[Peer]) -> AsyncIterator[StartPeer]:
    """`await start_peer(key="rsa")`: peers of this kind that end with the test."""
    try:
        build(kind)
    except ToolchainMissing as missing:
        if os.environ.get("INTEROP") == "require":
            pytest.fail(f"INTEROP=require, but {missing}")
        pytest.skip(str(missing))
    async with AsyncExitStack() as running:

        async def start(**settings: Any) -> Peer:
            return await running.enter_async_context(kind(**settings))

        yield start


@pytest.fixture
async def peer(start_peer: StartPeer) -> Peer:
    """A peer with the usual settings: Ed25519, noise, yamux, one TCP address on 127.0.0.1."""
    return await start_peer()
