"""`p2p psk`, and `--psk` with the commands that connect."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiolibp2p import PreSharedKey
from aiolibp2p.cli import failures, psk
from aiolibp2p.errors import DialFailed, HandshakeFailed
from aiolibp2p.security.pnet.key import CODECS
from cli.running import complaint, listening, p2p

RAW = bytes(range(32))
CONTENT = f"/key/swarm/psk/1.0.0/\n/base16/\n{RAW.hex()}\n"
WITHOUT_THE_EXTRA = "import sys; sys.modules['Cryptodome'] = None\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The files of two networks."""
    folder = tmp_path_factory.mktemp("keys")
    for name, raw in (("ours.key", RAW), ("theirs.key", bytes(32))):
        PreSharedKey(raw).save(folder / name)
    return str(folder / "ours.key"), str(folder / "theirs.key")


@pytest.fixture(scope="module")
def member(keys: tuple[str, str]) -> Iterator[str]:
    with listening("node", "--psk", keys[0]) as address:
        yield address


@pytest.fixture(scope="module")
def public() -> Iterator[str]:
    with listening("node") as address:
        yield address


@pytest.mark.parametrize("codec", [None, *CODECS])
def test_a_key_is_made_and_its_fingerprint_shown(codec: str | None, tmp_path: Path) -> None:
    path = tmp_path / "swarm.key"
    done = p2p("psk", "--out", str(path), *([] if codec is None else ["--codec", codec]))
    assert done.returncode == 0, done.stderr
    key = PreSharedKey.load(path)
    assert path.read_bytes() == key.to_file_content(codec or "base16")
    assert done.stdout == f"{key.fingerprint} {path}\n"
    assert done.stderr == ""
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = p2p("psk", str(path), "--json")
    assert json.loads(shown.stdout) == {"fingerprint": key.fingerprint, "file": str(path)}
    for text in (done.stdout, shown.stdout):
        assert key.reveal().hex() not in text


def test_two_keys_are_not_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert p2p("psk", "--out", str(tmp_path / name)).returncode == 0
    assert PreSharedKey.load(tmp_path / "a") != PreSharedKey.load(tmp_path / "b")


def test_a_key_that_is_there_stays(keys: tuple[str, str]) -> None:
    said = complaint(p2p("psk", "--out", keys[0]), 1)
    assert "ours.key' exists already" in said
    assert "ours.key shows its fingerprint" in said
    assert PreSharedKey.load(keys[0]).reveal() == RAW


def test_the_codecs_are_those_of_the_room() -> None:
    assert psk.CODECS == CODECS


@pytest.mark.parametrize(
    "arguments", [["psk"], ["psk", "--codec", "bin"], ["psk", "f", "--out", "g"], ["psk", "f", "--codec", "bin"]]
)
def test_one_of_making_and_showing(arguments: list[str]) -> None:
    assert "give one" in complaint(p2p(*arguments), 2)


@pytest.mark.parametrize("command", [["psk"], ["node", "--psk"], ["ping", "/ip4/127.0.0.1/tcp/1", "--psk"]])
def test_files_that_hold_no_key(command: list[str], tmp_path: Path) -> None:
    missing = tmp_path / "no.key"
    said = complaint(p2p(*command, str(missing)), 1)
    assert f"there is no file '{missing}'; p2p psk --out {missing} makes a key there" in said
    wrong = tmp_path / "wrong.key"
    wrong.write_text(CONTENT.replace("0a", "0g"))
    said = complaint(p2p(*command, str(wrong)), 1)
    assert "wrong.key': no key of a private network: what follows is not base16" in said
    assert RAW.hex()[:12] not in said
    assert "the name of the private network's key file is empty" in complaint(p2p(*command, ""), 1)


@pytest.mark.parametrize("command", [["psk"], ["node", "--psk"]])
@pytest.mark.parametrize("given", [CONTENT, RAW.hex()])
def test_a_key_in_place_of_its_file_is_not_repeated(command: list[str], given: str) -> None:
    said = complaint(p2p(*command, given), 1)
    assert "a pre-shared key itself, not the name of its file" in said
    assert RAW.hex()[:12] not in said


@pytest.mark.spec("PNT-7")
def test_members_talk(member: str, keys: tuple[str, str]) -> None:
    done = p2p("ping", member, "-c", "1", "--psk", keys[0])
    assert done.returncode == 0, done.stderr
    who = json.loads(p2p("identify", member, "--json", "--psk", keys[0], "--security", "tls,noise").stdout)
    assert who["peer_id"] == member.rpartition("/")[2]
    assert who["security"] == "/tls/1.0.0"


@pytest.mark.spec("PNT-5")
def test_another_key_is_told_as_such(member: str, keys: tuple[str, str]) -> None:
    said = complaint(p2p("ping", member, "-c", "1", "--psk", keys[1]), 1)
    assert "the peer is not in this private network, or has another key" in said
    assert "p2p psk FILE shows the fingerprint" in said


@pytest.mark.spec("PNT-5")
def test_so_is_a_public_node(public: str, keys: tuple[str, str]) -> None:
    assert "the peer is not in this private network" in complaint(p2p("identify", public, "--psk", keys[0]), 1)


@pytest.mark.spec("PNT-5")
def test_who_has_no_key_is_told_what_it_may_be(member: str) -> None:
    said = complaint(p2p("ping", member, "-c", "1"), 1)
    assert "--psk" in said or "does not speak libp2p" in said


def test_the_advice_follows_what_the_swarm_says() -> None:
    reason = HandshakeFailed("the peer is not in this private network, or has another key (gone)")
    assert "p2p psk FILE" in failures.explain(DialFailed("x", [("/ip4/192.0.2.1/tcp/1", reason)]))


@pytest.mark.spec("PNT-6")
@pytest.mark.parametrize("command", ["node", "ping", "identify", "perf"])
def test_a_private_network_can_be_demanded(command: str, public: str) -> None:
    arguments = {"ping": [public], "identify": [public], "perf": ["--server-address", "127.0.0.1:1"]}
    said = complaint(p2p(command, *arguments.get(command, []), LIBP2P_FORCE_PNET="1"), 1)
    assert "LIBP2P_FORCE_PNET=1 demands a private network" in said
    assert "--psk FILE" in said


@pytest.mark.spec("PNT-6")
def test_then_its_members_are_reached(member: str, keys: tuple[str, str]) -> None:
    assert p2p("ping", member, "-c", "1", "--psk", keys[0], LIBP2P_FORCE_PNET="1").returncode == 0


def test_perf_is_measured_inside(keys: tuple[str, str]) -> None:
    arguments = ("perf", "--run-server", "--server-address", "127.0.0.1:0", "--psk", keys[0], "--muxer", "mplex")
    with listening(*arguments) as address:
        where = f"127.0.0.1:{address.split('/')[4]}"
        client = ("perf", "--server-address", where, "--upload-bytes", "1MB", "--muxer", "mplex", "--json")
        done = p2p(*client, "--psk", keys[0])
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1])["uploadBytes"] == 10**6


def test_without_the_extra_its_name_is_told(member: str, keys: tuple[str, str], tmp_path: Path) -> None:
    """The message names the extra where the interpreter does not find pycryptodomex."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_THE_EXTRA)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    said = complaint(p2p("ping", member, "-c", "1", "--psk", keys[0], PYTHONPATH=path), 1)
    assert "pip install 'aiolibp2p[pnet]'" in said
    assert p2p("psk", keys[0], PYTHONPATH=path).returncode == 0, "a fingerprint needs no extra"
