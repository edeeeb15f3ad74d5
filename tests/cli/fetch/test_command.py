"""`p2p fetch`, and `p2p node --fetch`, run as a user runs them."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiolibp2p.cli.failures import UsageError
from aiolibp2p.cli.fetch import command, files
from aiolibp2p.protocols.fetch import FETCH_ID, MAX_VALUE_BYTES
from aiolibp2p.protocols.fetch.service import FetchConfig
from cli.running import complaint, environment, listening, p2p

BINARY = bytes(range(256)) * 1000
TEXT = "grüße\n".encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served")
    (place / "notes.txt").write_bytes(TEXT)
    (place / "binary").write_bytes(BINARY)
    (place / "empty").touch()
    (place / "changing").write_bytes(b"before")
    return place


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    served = {"/notes": "notes.txt", "binary": "binary", "/empty": "empty", "ключ": "binary", "/changing": "changing"}
    options = [word for key, name in served.items() for word in ("--fetch", f"{key}={folder / name}")]
    with listening("node", *options) as found:
        yield found


def fetched(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The command with its output as bytes."""
    program = [sys.executable, "-m", "aiolibp2p", "fetch", *arguments]
    return subprocess.run(program, capture_output=True, timeout=40, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(("key", "value"), [("/notes", TEXT), ("binary", BINARY), ("/empty", b""), ("ключ", BINARY)])
def test_the_value_goes_to_stdout_as_it_is(address: str, key: str, value: bytes) -> None:
    done = fetched(address, key)
    assert (done.returncode, done.stdout, done.stderr) == (0, value, b"")


def test_the_value_goes_into_a_file_and_replaces_what_it_held(address: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old" * len(BINARY))
    done = p2p("fetch", address, "binary", "--out", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"256000 bytes in {out}\n", "")
    assert out.read_bytes() == BINARY


def test_json(address: str, tmp_path: Path) -> None:
    peer_id = address.rpartition("/")[2]
    done = json.loads(p2p("fetch", address, "/notes", "--json").stdout)
    assert base64.b64decode(done.pop("value_base64")) == TEXT
    assert done == {"event": "value", "peer_id": peer_id, "key": "/notes", "bytes": len(TEXT)}
    out = str(tmp_path / "out")
    done = json.loads(p2p("fetch", address, "/notes", "--out", out, "--json").stdout)
    assert done == {"event": "value", "peer_id": peer_id, "key": "/notes", "bytes": len(TEXT), "out": out}


def test_what_is_not_there_leaves_the_file_alone(address: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"kept")
    peer_id = address.rpartition("/")[2]
    for key in ("/note", "/notes/", "", "\x1b[2J"):
        shown = key.replace("\x1b", r"\x1b")
        done = p2p("fetch", address, key, "--out", str(out))
        assert complaint(done, 1) == f"p2p fetch: peer {peer_id} has no value for '{shown}'"
        assert done.stdout == ""
    assert out.read_bytes() == b"kept"


def test_the_file_is_read_when_it_is_asked_for(address: str, folder: Path) -> None:
    file = folder / "changing"
    for content in (b"one", b"two"):
        file.write_bytes(content)
        assert fetched(address, "/changing").stdout == content
    file.write_bytes(bytes(MAX_VALUE_BYTES + 1))
    assert "could not look up '/changing': the lookup failed" in complaint(p2p("fetch", address, "/changing"), 1)
    file.unlink()
    assert "has no value for '/changing'" in complaint(p2p("fetch", address, "/changing"), 1)


def test_a_node_says_what_it_serves_and_what_to_type(folder: Path) -> None:
    program = [sys.executable, "-m", "aiolibp2p", "node", "--fetch", f"/no tes={folder / 'notes.txt'}"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment({}))
    assert process.stdout is not None
    lines = [process.stdout.readline().rstrip() for _ in range(4)]
    process.send_signal(signal.SIGTERM)
    _rest, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    place = lines[0].removeprefix("listening on ")
    assert lines[1] == f"serving /no tes from {folder / 'notes.txt'}"
    assert lines[3].endswith(f"aiolibp2p fetch {place} '/no tes'")


def test_the_last_equals_sign_may_be_in_the_file_name(tmp_path: Path) -> None:
    file = tmp_path / "a=b"
    file.touch()
    assert files.parse([f"k={file}"]) == {"k": str(file)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["/notes"], "--fetch takes KEY=FILE, not '/notes'"),
        (["=notes.txt"], "--fetch takes KEY=FILE, not '=notes.txt'"),
        (["/notes="], "--fetch takes KEY=FILE, not '/notes='"),
        (["k=nowhere"], "--fetch: there is no file 'nowhere'"),
        (["k=."], "--fetch: '.' is not a file"),
        (["k=big"], f"--fetch: 'big' has {MAX_VALUE_BYTES + 1} bytes; a value has at most {MAX_VALUE_BYTES}"),
        (["k=small", "k=small"], "--fetch gives the key 'k' two files"),
    ],
)
def test_what_a_node_cannot_serve(given: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small").touch()
    (tmp_path / "big").write_bytes(bytes(MAX_VALUE_BYTES + 1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"^{re.escape(said)}$"):
        files.parse(given)


def test_a_node_that_cannot_serve_does_not_start(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    said = complaint(p2p("node", "--fetch", f"k={missing}"), 2)
    assert said == f"p2p node: --fetch: there is no file '{missing}'"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A"], "the following arguments are required: KEY; see p2p fetch --help"),
        (["A", "k", "--ot", "f"], "unrecognized arguments: --ot f; see p2p fetch --help"),
        (["A", "k", "--timeout", "0"], "--timeout takes seconds above 0, not 0"),
        (["A", "k", "--timeout", "nan"], "--timeout takes seconds above 0, not nan"),
        (["A", "k", "--timeout", "soon"], "argument --timeout: invalid float value: 'soon'; see p2p fetch --help"),
        (["A", "k", "--out", ""], "--out takes the name of a file, not an empty one"),
        (["A", "k", "--out", "."], "--out takes the name of a file, and '.' is a folder"),
        (["A", "k", "--out", "nowhere/f"], "--out: there is no folder 'nowhere'"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    assert complaint(p2p("fetch", *arguments), 2) == f"p2p fetch: {said}"


def test_a_wrong_address_names_the_right_one(address: str) -> None:
    assert "did you mean tcp?" in complaint(p2p("fetch", address.replace("/tcp", "/tpc"), "k"), 2)
    assert "nothing listens on that port" in complaint(p2p("fetch", "/ip4/127.0.0.1/tcp/1", "k"), 1)


def test_a_peer_without_the_protocol_is_named(folder: Path) -> None:
    with listening("node") as plain:
        said = complaint(p2p("fetch", plain, "k"), 1)
    assert f"does not support {FETCH_ID}; p2p identify ADDRESS lists what the peer speaks" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child alone")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it(number: signal.Signals, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"/ip4/127.0.0.1/tcp/{silent.getsockname()[1]}"
        program = [sys.executable, "-m", "aiolibp2p", "fetch", place, "k"]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with silent.accept()[0]:
            process.send_signal(number)
            assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == status


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_a_terminal_gets_text_alone(address: str) -> None:
    import pty

    ours, theirs = pty.openpty()
    for key, status in (("binary", 2), ("/notes", 0)):
        program = [sys.executable, "-m", "aiolibp2p", "fetch", address, key]
        done = subprocess.run(program, stdout=theirs, stderr=subprocess.PIPE, timeout=40, check=False)
        assert done.returncode == status
    os.close(theirs)
    assert os.read(ours, 1000).replace(b"\r", b"") == TEXT
    os.close(ours)


def test_the_timeout_is_that_of_the_room() -> None:
    assert FetchConfig().timeout_s == command.DEFAULT_TIMEOUT_S
