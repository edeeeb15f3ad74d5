"""The command `p2p`, run as a user runs it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

STRANGER = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


def p2p(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiolibp2p", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)


def start_node(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aiolibp2p", "node", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def first_line(node: subprocess.Popen[str]) -> str:
    assert node.stdout is not None
    return node.stdout.readline()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    node = start_node("--json", "--listen", "/ip4/127.0.0.1/tcp/0")
    try:
        yield json.loads(first_line(node))["address"]
    finally:
        node.terminate()
        node.communicate(timeout=10)


def test_id_makes_saves_and_shows(tmp_path: Path) -> None:
    file = tmp_path / "me.key"
    made = json.loads(p2p("id", "--type", "secp256k1", "--out", str(file), "--json").stdout)
    assert made["peer_id"].startswith("16Uiu2HA")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(p2p("id", str(file), "--json").stdout)["peer_id"] == made["peer_id"]
    again = p2p("id", "--out", str(file))
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == 1
    assert json.loads(p2p("id", str(file), "--json").stdout)["peer_id"] == made["peer_id"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.alone
def test_node_closes_cleanly(number: signal.Signals) -> None:
    node = start_node("--listen", "/ip4/127.0.0.1/tcp/0")
    line = first_line(node)
    assert line.startswith("listening on /ip4/127.0.0.1/tcp/")
    assert "/p2p/12D3KooW" in line
    began = time.monotonic()
    node.send_signal(number)
    _output, errors = node.communicate(timeout=10)
    assert node.returncode == 0, errors
    assert time.monotonic() - began < 2


def test_node_keeps_its_identity(tmp_path: Path) -> None:
    file = tmp_path / "node.key"
    peer_id = json.loads(p2p("id", "--out", str(file), "--json").stdout)["peer_id"]
    node = start_node("--identity", str(file), "--json")
    try:
        assert json.loads(first_line(node))["address"].endswith(f"/p2p/{peer_id}")
    finally:
        node.terminate()
        node.communicate(timeout=10)


def test_ping(address: str) -> None:
    done = p2p("ping", address, "-c", "2", "-i", "0", "--json")
    assert done.returncode == 0, done.stderr
    *pings, summary = map(json.loads, done.stdout.splitlines())
    assert [(ping["event"], ping["seq"]) for ping in pings] == [("ping", 1), ("ping", 2)]
    assert all(0 < ping["rtt_ms"] < 10_000 for ping in pings)
    assert summary["event"] == "summary"
    assert summary["received"] == 2


def test_identify(address: str) -> None:
    done = p2p("identify", address, "--json")
    assert done.returncode == 0, done.stderr
    who = json.loads(done.stdout)
    assert who["agent_version"].startswith("aiolibp2p/")
    assert "/ipfs/ping/1.0.0" in who["protocols"]


def test_a_typo_is_a_usage_error_that_points_at_it(address: str) -> None:
    done = p2p("ping", address.replace("tcp", "tpc"), "-c", "1")
    assert done.returncode == 2
    assert "'tpc'" in done.stderr
    assert "did you mean tcp" in done.stderr


def test_a_refused_dial_names_address_and_reason() -> None:
    done = p2p("ping", f"/ip4/127.0.0.1/tcp/1/p2p/{STRANGER}", "-c", "1")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "/ip4/127.0.0.1/tcp/1: connection refused" in done.stderr


def test_a_wrong_peer_names_both_ids(address: str) -> None:
    bare, _, real = address.rpartition("/p2p/")
    done = p2p("ping", f"{bare}/p2p/{STRANGER}", "-c", "1")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert STRANGER in done.stderr
    assert real in done.stderr


def test_no_command_is_a_usage_error() -> None:
    assert p2p().returncode == 2
    assert p2p("node", "--listen", "nonsense").returncode == 2
    assert p2p("--version").stdout.strip()


def in_shell(command: str) -> subprocess.CompletedProcess[str]:
    shell = f'p2p() {{ {shlex.quote(sys.executable)} -m aiolibp2p "$@"; }}; {command}'
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=40, check=False, env=environment)


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    "arguments", ["id", "id --json", "--version", "--help", "ping ADDRESS -c 1", "identify ADDRESS"]
)
def test_a_closed_output_is_no_accident(address: str, arguments: str) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = in_shell(f"p2p {arguments.replace('ADDRESS', address)} {closed}")
        assert done.returncode == 0, (closed, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", ["id", "--version", "node"])
def test_a_full_disk_is_told_in_one_line(arguments: str) -> None:
    done = in_shell(f"p2p {arguments} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.endswith(": no space left on device\n")
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_option_names_the_command_it_was_given_to(address: str) -> None:
    assert p2p("ping", address, "--cuont", "3").stderr.startswith(
        "p2p ping: unrecognized arguments: --cuont 3; see p2p ping"
    )
    assert p2p("node", address).stderr.startswith("p2p node: unrecognized arguments")
    before = p2p("--json", "ping", address, "-c", "1")
    assert before.returncode == 2
    assert not before.stdout
    assert "options go behind the command" in before.stderr


@pytest.mark.parametrize("arguments", [["id", ""], ["id", "--out", ""], ["node", "--identity", ""]])
def test_an_empty_file_name_is_named_as_such(arguments: list[str]) -> None:
    done = p2p(*arguments)
    assert done.returncode == 1
    assert done.stderr.endswith(": the name of the private key file is empty\n")


def test_an_address_without_a_port_shows_one_with_it() -> None:
    done = p2p("ping", "/ip4/127.0.0.1")
    assert done.returncode == 1
    assert "TCP works, as in /ip4/127.0.0.1/tcp/4001" in done.stderr
