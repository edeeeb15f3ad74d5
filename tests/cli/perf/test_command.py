"""`p2p perf`, run as a user runs it, and as the common benchmarks do."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aiolibp2p import Host
from aiolibp2p.events import PeerIdentified
from aiolibp2p.protocols.perf import Perf

SERVER_ID = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
"""What the common benchmarks expect: the id of the Ed25519 key whose seed is 32 zeros."""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "aiolibp2p", "perf", *arguments]


def perf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=40, check=False)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def port_of(address: str) -> str:
    return address.split("/tcp/")[1].split("/")[0]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """HOST:PORT of a server."""
    with started("--run-server", "--server-address", "127.0.0.1:0", "--json") as process:
        yield f"127.0.0.1:{port_of(json.loads(first_line(process))['address'])}"


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_contract(server: str) -> None:
    done = perf(
        "--server-address", server, "--transport", "tcp", "--upload-bytes", "1000000", "--download-bytes", "2MiB"
    )
    assert done.returncode == 0, done.stderr
    final = lines(done.stdout)[-1]
    assert final.keys() == {"type", "timeSeconds", "uploadBytes", "downloadBytes"}
    assert (final["type"], final["uploadBytes"], final["downloadBytes"]) == ("final", 1_000_000, 2 * 1024 * 1024)
    assert isinstance(final["timeSeconds"], float)
    assert 0 < final["timeSeconds"] < 30
    said = done.stderr.splitlines()
    assert [line.split()[0] for line in said] == ["connected", "uploaded", "downloaded"]
    assert "\x1b" not in done.stderr


def test_one_byte_each_way(server: str) -> None:
    done = perf("--server-address", server, "--upload-bytes", "1", "--download-bytes", "1", "--json")
    assert done.returncode == 0, done.stderr
    (final,) = lines(done.stdout)
    assert (final["uploadBytes"], final["downloadBytes"]) == (1, 1)
    assert done.stderr == ""


@pytest.mark.spec("PRF-8")
@pytest.mark.alone
def test_a_line_a_second_adds_up_to_the_last(server: str) -> None:
    done = perf("--server-address", server, "--seconds", "0.7")
    assert done.returncode == 0, done.stderr
    *between, final = lines(done.stdout)
    assert between
    assert all(line["type"] == "intermediary" for line in between)
    assert all(0.5 < float(str(line["timeSeconds"])) < 10 for line in between)
    for name in ("uploadBytes", "downloadBytes"):
        told = sum(int(str(line[name])) for line in between)
        assert int(str(final[name])) >= told
        assert int(str(final[name])) > 0
    assert sum(int(str(line["uploadBytes"])) for line in between) > 0


@pytest.mark.parametrize(
    ("host", "number"), [("127.0.0.1", signal.SIGINT), ("[::1]", signal.SIGTERM), ("localhost", signal.SIGTERM)]
)
@pytest.mark.alone
def test_the_server_says_where_it_listens_and_ends_cleanly(host: str, number: signal.Signals) -> None:
    with started("--run-server", "--server-address", f"{host}:0") as process:
        line = first_line(process)
        assert line.startswith("listening on /ip")
        assert line.rstrip().endswith(f"/p2p/{SERVER_ID}")
        at = f"{host}:{port_of(line)}"
        with started("--server-address", at, "--upload-bytes", "9007199254740991") as client:
            assert lines(first_line(client))[0]["type"] == "intermediary"
            began = time.monotonic()
            process.send_signal(number)
            _output, errors = process.communicate(timeout=10)
            assert process.returncode == 0
            assert errors == ""
            assert time.monotonic() - began < 2
            output, errors = client.communicate(timeout=10)
            assert client.returncode == 1
            assert '"final"' not in output
            assert len(errors.splitlines()) == 1


@pytest.mark.parametrize(
    ("direction", "number"), [("--upload-bytes", signal.SIGINT), ("--download-bytes", signal.SIGTERM)]
)
@pytest.mark.alone
def test_the_client_ends_cleanly(server: str, number: signal.Signals, direction: str) -> None:
    with started("--server-address", server, direction, "9007199254740991") as client:
        assert lines(first_line(client))[0]["type"] == "intermediary"
        began = time.monotonic()
        client.send_signal(number)
        output, errors = client.communicate(timeout=10)
        assert time.monotonic() - began < 2
        assert client.returncode == 128 + number
        assert '"final"' not in output
        assert errors.startswith("stopped after ")
        assert len(errors.splitlines()) == 1
    assert perf("--server-address", server, "--download-bytes", "1").returncode == 0


def test_whoever_has_seen_enough_may_leave(server: str) -> None:
    with started("--server-address", server, "--download-bytes", "9007199254740991") as client:
        assert first_line(client)
        assert client.stdout is not None
        client.stdout.close()
        client.stdout = None
        _output, errors = client.communicate(timeout=10)
        assert client.returncode == 0
        assert errors == ""


def test_a_server_that_is_not_there() -> None:
    done = perf("--server-address", "127.0.0.1:1", "--upload-bytes", "1")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "/ip4/127.0.0.1/tcp/1: connection refused" in done.stderr


async def test_a_node_that_does_not_serve_it() -> None:
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"]) as host:
        at = f"127.0.0.1:{port_of(str(host.addresses[0]))}"
        done = await asyncio.to_thread(perf, "--server-address", at, "--download-bytes", "1")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "does not support /perf/1.0.0" in done.stderr


@pytest.mark.spec("PRF-5")
async def test_the_client_serves_nobody() -> None:
    """A client serves no measurements: who is measured cannot measure back."""
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"], services=[Perf()]) as host:
        told = host.events(PeerIdentified)
        at = f"127.0.0.1:{port_of(str(host.addresses[0]))}"
        done = await asyncio.to_thread(perf, "--server-address", at, "--seconds", "0.5")
        assert done.returncode == 0, done.stderr
        assert "/perf/1.0.0" not in (await anext(told)).protocols


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "--server-address HOST:PORT is missing"),
        (["--run-server"], "--server-address HOST:PORT is missing"),
        (["--server-address", "127.0.0.1:400l"], "'400l'"),
        (["--server-address", "127.0.0.1:0"], "'0'"),
        (["--server-address", "127.0.0.1:1", "--transport", "quic-v1"], "unknown --transport 'quic-v1'; known: tcp"),
        (["--server-address", "127.0.0.1:1", "--upload-bytes", "1XB"], "'XB'"),
        (["--server-address", "127.0.0.1:1", "--download-bytes=-1"], "--download-bytes"),
        (["--server-address", "127.0.0.1:1", "--seconds", "0"], "--seconds"),
        (["--server-address", "127.0.0.1:1", "--seconds", "nan"], "--seconds"),
        (["--server-address", "127.0.0.1:1", "--uplod-bytes", "1"], "--uplod-bytes"),
        (
            ["--run-server", "--server-address", "127.0.0.1:0", "--upload-bytes", "1"],
            "--upload-bytes is for the client",
        ),
    ],
)
def test_a_typo_is_a_usage_error_that_points_at_it(arguments: list[str], part: str) -> None:
    done = perf(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert part in done.stderr


def test_the_server_says_what_to_type_next() -> None:
    with started("--run-server", "--server-address", "127.0.0.1:0") as process:
        port = port_of(first_line(process))
        assert f" perf --server-address 127.0.0.1:{port} --seconds 5" in first_line(process)
